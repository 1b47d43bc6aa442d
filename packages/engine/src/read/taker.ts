/**
 * What a reader makes of the bytes that it finds: a copy, text, a mark that there is something. The bytes lie in an
 * arena or in a cached block, and are valid only while the taker runs.
 */
import { copyOut } from './value-copy.ts'

export type ValueTaker<T> = (bytes: Uint8Array, offset: number, sizeBytes: number) => T

/** Where an entry's bytes are. */
export interface EntryBytes {
  readonly keyBytes: Uint8Array
  readonly keyOffset: number
  readonly keySize: number
  readonly valueBytes: Uint8Array
  readonly valueOffset: number
  readonly valueSize: number
}

export type EntryTaker<T> = (entry: EntryBytes) => T

export function copyEntry(entry: EntryBytes): [Buffer, Buffer] {
  return [
    copyOut(entry.keyBytes, entry.keyOffset, entry.keySize),
    copyOut(entry.valueBytes, entry.valueOffset, entry.valueSize),
  ]
}
