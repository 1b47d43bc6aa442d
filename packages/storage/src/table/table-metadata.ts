/** What is known of a table without reading it: jobs report it, the manifest records it. */
import { compareKeys } from '../coding.ts'
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

type Own = Omit<TableMetadata, 'sizeBytes'>

/** In what two descriptions of a table differ, their sizes apart; `undefined` if in nothing. */
export function differenceOf(one: Own, other: Own): keyof Own | undefined {
  if (compareKeys(one.smallestKey, other.smallestKey) !== 0) {
    return 'smallestKey'
  }
  if (compareKeys(one.largestKey, other.largestKey) !== 0) {
    return 'largestKey'
  }
  const numbers = [
    'number',
    'entryCount',
    'tombstoneCount',
    'smallestSequence',
    'largestSequence',
    'rawKeySizeBytes',
    'rawValueSizeBytes',
  ] as const
  return numbers.find((name) => one[name] !== other[name])
}
