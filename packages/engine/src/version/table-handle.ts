/**
 * One table of the store, as the main thread knows it: what the manifest says of it, where it stands, and how many
 * Versions name it. The open file belongs to the table cache.
 */
import type { TableMetadata, TableReader } from '@varve/storage'

export class TableHandle {
  readonly metadata: TableMetadata
  /** In level 0 a larger run is newer. In deeper levels it says nothing: there is one run. */
  readonly run: number
  /** Versions that name the table. At 0 its file may be deleted. */
  versionCount = 0
  /** Whether a compaction job reads it. */
  isCompacting = false
  /** Owned by the table cache: the open table, if it is open; reads in flight on it; and whether it was used lately. */
  reader: TableReader | undefined
  pinCount = 0
  wasUsed = false

  constructor(metadata: TableMetadata, run: number) {
    this.metadata = metadata
    this.run = run
  }
}
