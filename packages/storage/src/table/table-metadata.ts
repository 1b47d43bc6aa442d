/** What is known of a table without reading it: jobs report it, the manifest records it. */
import type { SequenceNumber } from '../entry.ts'
import type { FileNumber } from '../file-names.ts'

export interface TableMetadata {
  readonly number: FileNumber
  readonly sizeBytes: number
  readonly entryCount: number
  readonly tombstoneCount: number
  /** Bounds of the keys, both inclusive. */
  readonly smallestKey: Uint8Array
  readonly largestKey: Uint8Array
  readonly smallestSequence: SequenceNumber
  readonly largestSequence: SequenceNumber
  /** Bytes of the users' keys and values, before prefix compression. */
  readonly rawKeySizeBytes: number
  readonly rawValueSizeBytes: number
}
