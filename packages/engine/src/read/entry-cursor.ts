/**
 * What every source of an ordered read is: one entry a user key, the newest that is visible at the cursor's sequence,
 * tombstones included, in one direction. Fields describe the entry the cursor stands at and hold until the next step.
 *
 * A step that needs what is not in memory returns NEEDS_BLOCK; when it has been loaded, `resume` goes on with it.
 */
import type { Block, ReadStatus } from '@varve/storage'

export interface EntryCursor {
  readonly keyBytes: Uint8Array
  readonly keyOffset: number
  readonly keySize: number
  readonly kind: number
  readonly valueBytes: Uint8Array
  readonly valueOffset: number
  readonly valueSize: number
  /** The data block that the value lies in; `undefined` in a memtable. */
  readonly valueBlock: Block | undefined

  /** To the first entry in the cursor's direction. */
  start(): ReadStatus
  /** Forward: to the first entry at or after `key`. In reverse: to the last one before it. */
  seek(key: Uint8Array, keySize: number): ReadStatus
  /** To the next entry in the cursor's direction. */
  advance(): ReadStatus
  /** Goes on with the step that returned NEEDS_BLOCK. */
  resume(): ReadStatus
}
