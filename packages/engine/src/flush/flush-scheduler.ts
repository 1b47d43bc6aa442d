/**
 * Turns frozen memtables into tables of level 0.
 *
 * 1. A flush is requested when its memtable is frozen and every group of it is visible or has failed.
 * 2. Several may run at once, but their edits are applied strictly in memtable order: an edit moves the log number, and
 *    would otherwise let an older memtable's log go.
 * 3. In the step that installs the edit, the memtable leaves; then its log is deleted.
 *
 * A failed job is tried again with back-off, under new file numbers, until the store closes; writes stall when the queue
 * is full. Failures that are not the system's are not tried for ever: the store becomes read-only, the logs stay.
 */
import {
  AssertionError,
  assert,
  sequenceNumber,
  toVarveError,
  type AddedTable,
  type Env,
  type VarveError,
} from '@varve/storage'
import type { JobOutput } from '@varve/workers'
import { Deferred } from '../deferred.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import type { VersionSet } from '../version/version-set.ts'
import { Backoff } from '../jobs/backoff.ts'
import { TRIES_MAX, isTransient, type JobRunner } from '../jobs/job-runner.ts'

export interface FlushSchedulerHooks {
  /** Called in the step that installs the tables, when the memtable has left the queue. */
  onInstalled(memtable: Memtable, output: JobOutput): void
  /** Somebody waits for a flush, or nobody does any more. */
  onAwaited(isAwaited: boolean): void
  /** A try failed; there will be another one. */
  onRetry(error: VarveError): void
  /** There will be no other try. */
  onGiveUp(error: VarveError): void
}

export class FlushScheduler {
  readonly #memtables: MemtableQueue
  readonly #versions: VersionSet
  readonly #runner: JobRunner
  readonly #hooks: FlushSchedulerHooks
  readonly #backoff: Backoff
  /** By memtable: its job, which resolves with its tables, or with `undefined` when it is given up. */
  readonly #jobs = new Map<Memtable, Promise<JobOutput | undefined>>()
  readonly #waiters = new Map<Memtable, Deferred>()
  /** By memtable: what runs in the step that installs its tables. */
  readonly #steps = new Map<Memtable, (() => void)[]>()
  #isApplying = false
  #applied: Promise<void> = Promise.resolve()
  #failure: VarveError | undefined
  #isClosing = false

  constructor(env: Env, memtables: MemtableQueue, versions: VersionSet, runner: JobRunner, hooks: FlushSchedulerHooks) {
    this.#memtables = memtables
    this.#versions = versions
    this.#runner = runner
    this.#hooks = hooks
    this.#backoff = new Backoff(env.scheduler)
  }

  /** Starts what can start. Called whenever a memtable was frozen or has settled. */
  schedule(): void {
    if (this.#failure !== undefined) {
      return
    }
    for (const memtable of this.#memtables.frozen) {
      if (memtable.isSettled && !this.#jobs.has(memtable)) {
        this.#jobs.set(memtable, this.#flush(memtable))
      }
    }
    if (!this.#isApplying) {
      this.#isApplying = true
      this.#applied = this.#applyInOrder()
    }
  }

  /**
   * Resolves when the memtables that are frozen now are in tables, durably. `onFlushed` runs in the step that installs
   * the last of these tables: what is current then holds these memtables, and nothing of those behind them.
   */
  async whenFlushed(onFlushed?: () => void): Promise<void> {
    const newest = this.#memtables.frozen.at(-1)
    if (newest === undefined) {
      onFlushed?.()
      return
    }
    if (this.#failure !== undefined) {
      throw this.#failure
    }
    const waiter = this.#waiters.get(newest) ?? new Deferred()
    this.#waiters.set(newest, waiter)
    this.#hooks.onAwaited(true)
    if (onFlushed !== undefined) {
      this.#steps.set(newest, [...(this.#steps.get(newest) ?? []), onFlushed])
    }
    await waiter.promise
  }

  /** The store cannot be changed any more, and no log is made anew: nothing is tried again, and who waits is told why. */
  stop(reason: VarveError): void {
    if (this.#failure === undefined) {
      this.#fail(reason)
    }
  }

  /** No more than one further try for each memtable; then gives up. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#hooks.onAwaited(true)
    this.#backoff.stop()
    this.schedule()
    await Promise.all(this.#jobs.values())
    await this.#applied
  }

  /** No job runs any more, compactions included, and no edit is under way: what jobs wrote and none named goes. */
  async finishClose(isSynced: boolean): Promise<void> {
    if (!this.#versions.isInDoubt) {
      this.#runner.discardUnnamed()
    }
    if (isSynced) {
      await this.#recordCleanClose()
    }
  }

  /**
   * Logs that remain, because a flush failed, and were synced are durable up to where they were written: damage there is
   * no torn tail.
   */
  async #recordCleanClose(): Promise<void> {
    const remaining = this.#memtables.frozen.filter((memtable) => memtable.hasCommitted)
    if (remaining.length > 0) {
      const closedWals = remaining.map(({ wal, committedOffset }) => ({
        number: wal.number,
        sizeBytes: committedOffset,
      }))
      await this.#versions.apply({ closedWals })
    }
  }

  async #flush(memtable: Memtable): Promise<JobOutput | undefined> {
    if (!memtable.hasCommitted) {
      return {
        ok: true,
        tables: [],
        entriesIn: 0,
        entriesOut: 0,
        entriesDropped: 0,
        bytesRead: 0,
        bytesWritten: 0,
        durationMs: 0,
      }
    }
    for (let hopelessCount = 0; ;) {
      const isLastTry = this.#isClosing
      try {
        const output = await this.#runner.run(
          {
            type: 'flush',
            outputLevel: 0,
            walNumber: memtable.wal.number,
            arena: memtable.arena.shared,
            committedSizeBytes: memtable.committedOffset,
          },
          memtable.committedOffset,
          memtable.visibleCount(Infinity),
        )
        this.#backoff.reset()
        return output
      } catch (error) {
        const failure = toVarveError(error)
        hopelessCount += isTransient(failure) ? 0 : 1
        const isHopeless = error instanceof AssertionError || hopelessCount === TRIES_MAX
        if (!isHopeless && !isLastTry && this.#failure === undefined) {
          this.#hooks.onRetry(failure)
          await this.#backoff.wait()
        } else {
          this.#giveUp(failure)
          return undefined
        }
      }
    }
  }

  async #applyInOrder(): Promise<void> {
    try {
      for (let oldest = this.#memtables.frozen[0]; oldest !== undefined; oldest = this.#memtables.frozen[0]) {
        const job = this.#jobs.get(oldest)
        // Without a wait in between, so that a job which is started meanwhile is not missed.
        const output = job === undefined ? undefined : await job
        if (output === undefined) {
          break
        }
        await this.#apply(oldest, output)
      }
    } catch (error) {
      this.#giveUp(toVarveError(error))
    } finally {
      this.#isApplying = false
    }
  }

  async #apply(memtable: Memtable, output: JobOutput): Promise<void> {
    const successor = await this.#successorOf(memtable)
    const run = memtable.firstSequence
    const added: AddedTable[] = output.tables.map((table) => ({ level: 0, run, table }))
    const edit = {
      added,
      logNumber: successor.wal.number,
      lastSequence: sequenceNumber(successor.firstSequence - 1),
    }
    await this.#versions.apply(edit, () => {
      const dropped = this.#memtables.dropOldest()
      assert(dropped === memtable, 'memtables leave in order')
      this.#jobs.delete(memtable)
      this.#runner.installed(output)
      this.#hooks.onInstalled(memtable, output)
      for (const step of this.#steps.get(memtable) ?? []) {
        step()
      }
      this.#steps.delete(memtable)
    })
    this.#waiters.get(memtable)?.resolve()
    this.#waiters.delete(memtable)
    this.#hooks.onAwaited(this.#isClosing || this.#waiters.size > 0)
  }

  /**
   * The memtable whose log the edit names: it must exist durably. One whose log could not be made holds nothing that was
   * acknowledged, and is passed over.
   */
  async #successorOf(memtable: Memtable): Promise<Memtable> {
    for (;;) {
      const line = [...this.#memtables.frozen, this.#memtables.active]
      const later = line.slice(line.indexOf(memtable) + 1)
      for (const candidate of later) {
        await candidate.wal.ready
        if (candidate.wal.isReady) {
          return candidate
        }
      }
      if (!(await this.#backoff.wait())) {
        throw toVarveError(later.at(-1)?.wal.failure)
      }
    }
  }

  #giveUp(error: VarveError): void {
    if (this.#failure === undefined) {
      this.#fail(error)
      this.#hooks.onGiveUp(error)
    }
  }

  #fail(error: VarveError): void {
    this.#failure = error
    this.#backoff.stop()
    for (const waiter of this.#waiters.values()) {
      waiter.reject(error)
    }
    this.#waiters.clear()
    this.#steps.clear()
  }
}
