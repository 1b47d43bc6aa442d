/**
 * Flushes the active memtable of a store that nobody writes to any more, if compactions would then get space back: its
 * deletions and overwrites let go of nothing on the disk until they are in a table. Owned by the main thread.
 *
 * - One timer at most, set by the first group behind the last one; it does not hold the process. An idle store has none.
 * - What is not worth it when the timer runs out waits for the next write, or for the memtable to be full.
 */
import type { Scheduler } from '@varve/storage'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import type { Version } from '../version/version.ts'
import type { PickerOptions } from './compaction-picker.ts'
import { isWorthFlushing } from './reclaim-picker.ts'

/** Nothing was written for so long, and at most twice as long. */
const IDLE_DELAY_MS = 2000

export interface IdleFlushParts {
  readonly memtables: Pick<MemtableQueue, 'active' | 'frozen' | 'memtableSizeBytes'>
  readonly version: Version
  /** Of the newest write that the log has taken. */
  readonly visibleSequence: number
  readonly writes: { freezeIdle(): void }
}

export class IdleFlush {
  readonly #scheduler: Scheduler
  readonly #options: PickerOptions
  readonly #parts: IdleFlushParts
  #isSet = false
  #isStopped = false
  #cancel: () => void = () => undefined

  constructor(scheduler: Scheduler, options: PickerOptions, parts: IdleFlushParts) {
    this.#scheduler = scheduler
    this.#options = options
    this.#parts = parts
  }

  /** Called for each group: next to nothing while the timer is set. */
  noteWrite(): void {
    if (this.#isSet || this.#isStopped) {
      return
    }
    this.#isSet = true
    const sequence = this.#parts.visibleSequence
    this.#cancel = this.#scheduler.afterIdle(IDLE_DELAY_MS, () => {
      this.#isSet = false
      if (this.#parts.visibleSequence !== sequence) {
        this.noteWrite()
      } else if (this.#isDue()) {
        this.#parts.writes.freezeIdle()
      }
    })
  }

  /** The store closes, or cannot be changed any more. */
  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #isDue(): boolean {
    const { active, frozen, memtableSizeBytes } = this.#parts.memtables
    // A log that failed is healed by a flush of its own.
    const isReady = frozen.length === 0 && active.count > 0 && active.isSettled && active.wal.failure === undefined
    return isReady && isWorthFlushing(this.#parts.version, this.#options, active, memtableSizeBytes)
  }
}
