/** What a read sees of the store: the memtables and the Version, which change together, in one step. */
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import type { ReadableMemtables } from '../memtable/readable-memtable.ts'
import type { Version } from '../version/version.ts'
import type { TombstoneWatch } from './passed-tombstones.ts'

export interface StoreView {
  readonly memtables: ReadableMemtables
  /** The newest sequence that the log has taken. */
  readonly visibleSequence: number
  /** Raised when memtables leave or tables come and go. Freezing does not count: nothing visible moves. */
  readonly epoch: number
  /** The current Version, for a read that ends in this step. */
  readonly version: Version
  /** The current Version, held until it is released. */
  retainVersion(): Version
  releaseVersion(version: Version): void
  readonly tombstones: TombstoneWatch
}

/** What the thread that owns the memtables sees: also what is not visible yet. */
export interface OwnView extends StoreView {
  readonly memtables: MemtableQueue
}
