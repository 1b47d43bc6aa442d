/** How a key is read. */
import type { Snapshot } from './snapshot.ts'

export interface ReadOptions {
  /** Read at this snapshot instead of the newest state. */
  readonly snapshot?: Snapshot | undefined
  /** Reject with VARVE_ABORTED when the signal is aborted, if the read waits for the disk. */
  readonly signal?: AbortSignal | undefined
}
