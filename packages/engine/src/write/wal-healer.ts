/**
 * Brings a store back after one of its logs failed. The fault poisons the file, not the store:
 *
 * 1. Writes are refused; reads go on.
 * 2. Every memtable, up to what is visible, is flushed. What failed is hidden, and its sequence numbers stay unused.
 * 3. A new log is made, and the edit of the last flush names it and what was burnt.
 * 4. Writes go on.
 *
 * Each step is tried again with back-off, until the store closes.
 */
import { ReadOnlyError, toVarveError, type Env, type VarveError } from '@varve/storage'
import { Backoff } from '../jobs/backoff.ts'
import type { FlushScheduler } from '../flush/flush-scheduler.ts'
import type { ObsoleteFiles } from '../jobs/obsolete-files.ts'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import type { Wal } from '../wal/wal.ts'
import type { WalSyncer } from '../wal/wal-syncer.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { WritePath } from './write-path.ts'

export interface WalHealerSetup {
  readonly env: Env
  readonly directory: string
  readonly memtables: MemtableQueue
  readonly commits: CommitQueue
  readonly writes: WritePath
  readonly flushes: FlushScheduler
  readonly syncer: WalSyncer
  readonly obsoleteFiles: ObsoleteFiles
  onFailure(error: VarveError): void
  onRecovered(cause: VarveError, durationMs: number): void
}

export class WalHealer {
  readonly #setup: WalHealerSetup
  readonly #backoff: Backoff
  #healing: Promise<void> | undefined
  #isStopped = false

  constructor(setup: WalHealerSetup) {
    this.#setup = setup
    this.#backoff = new Backoff(setup.env.scheduler)
  }

  /** A log could not be made. Nothing was written to it; one that was made ahead is made again in time. */
  onUnmade(wal: Wal, error: VarveError): void {
    if (wal === this.#setup.memtables.active.wal) {
      this.onFailed(error)
    } else {
      this.#setup.onFailure(error)
      this.discard(wal)
    }
  }

  /** A log could not be written to or made durable. */
  onFailed(error: unknown): void {
    this.#setup.onFailure(toVarveError(error))
    this.#startHealing(error)
  }

  /** Deletes a log that nothing needs any more. */
  discard(wal: Wal): void {
    this.#setup.obsoleteFiles.remove(wal.path, wal.close())
  }

  /** Does nothing while another failure is being healed: that covers this one. */
  #startHealing(thrown: unknown): void {
    if (this.#healing === undefined && !this.#isStopped) {
      const cause = toVarveError(thrown)
      const { writes, directory } = this.#setup
      writes.refuse(
        new ReadOnlyError(
          `the log of ${directory} could not be written; the store takes writes again when that is mended`,
          { cause },
        ),
      )
      this.#healing = this.#heal(cause).finally(() => {
        this.#healing = undefined
      })
    }
  }

  /** Heals nothing any more. Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#backoff.stop()
    await this.#healing
  }

  async #heal(cause: VarveError): Promise<void> {
    const { env, memtables, commits, writes, flushes } = this.#setup
    const sinceMs = env.clock.nowMs()
    // Not in the step that failed: it has yet to tell its groups.
    await Promise.resolve()
    await commits.whenIdle()
    while (!this.#isStopped) {
      this.#replaceFailedLog()
      flushes.schedule()
      await memtables.active.wal.ready
      if (memtables.active.wal.failure === undefined) {
        break
      }
      await this.#backoff.wait()
    }
    try {
      await flushes.whenFlushed()
    } catch {
      // Given up, and told to the store, which stays read-only with that as cause.
      return
    }
    if (!this.#isStopped) {
      this.#backoff.reset()
      this.#setup.onRecovered(cause, env.clock.nowMs() - sinceMs)
      writes.admit()
    }
  }

  /** The new log goes with a new memtable; or, if the active one is empty, takes the place of the failed one. */
  #replaceFailedLog(): void {
    const { memtables, writes, syncer } = this.#setup
    if (memtables.active.count > 0) {
      writes.freezeActive()
    } else if (memtables.active.wal.failure !== undefined) {
      const failed = memtables.replaceWal()
      syncer.remove(failed)
      syncer.add(memtables.active.wal)
      this.discard(failed)
    }
  }
}
