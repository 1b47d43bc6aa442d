/**
 * What a reader makes of the bytes that it finds: a copy, text, a mark that there is something. The bytes lie in an
 * arena or in a cached block, and are valid only while the taker runs.
 */
import type { Block } from '@varve/storage'
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
  /** The data block that the value lies in, which never changes; `undefined` in a memtable. */
  readonly valueBlock: Block | undefined
}

export type EntryTaker<T> = (entry: EntryBytes) => T

/** Takes no copy of the value. */
export function isThere(): true {
  return true
}

export function copyKeyOf({ keyBytes, keyOffset, keySize }: EntryBytes): Buffer {
  return copyOut(keyBytes, keyOffset, keySize)
}

export function copyValueOf({ valueBytes, valueOffset, valueSize }: EntryBytes): Buffer {
  return copyOut(valueBytes, valueOffset, valueSize)
}
