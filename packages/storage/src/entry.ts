/**
 * What one entry of a log, memtable or table is, apart from its key and value: a kind and a sequence number.
 */

/**
 * Entry kinds are stored as numbers, four bits at most. All are reserved from the first format on, so that a store that
 * holds one which this version cannot read is refused as newer, not taken for damaged.
 */
export const KIND_PUT = 1
export const KIND_DELETE = 2
export const KIND_RANGE_DELETE = 3
export const KIND_PUT_WITH_EXPIRY = 4
export const KIND_MERGE = 5
export const KIND_BLOB_POINTER = 6

export type EntryKind = typeof KIND_PUT | typeof KIND_DELETE

/** Whether this version reads and writes the kind. */
export function isKnownKind(kind: number): kind is EntryKind {
  return kind === KIND_PUT || kind === KIND_DELETE
}

declare const sequenceBrand: unique symbol

/** The place of an entry in the one order of all writes. The first write of a store is 1; 0 is "before everything". */
export type SequenceNumber = number & { readonly [sequenceBrand]: true }

/** Beyond this no write is accepted, and a number read from disk is corruption. */
export const SEQUENCE_MAX: number = 2 ** 52

export function sequenceNumber(value: number): SequenceNumber {
  return value as SequenceNumber
}

export const KEY_SIZE_BYTES_MAX = 65_536
export const VALUE_SIZE_BYTES_DEFAULT_MAX: number = 16 * 1024 * 1024
export const VALUE_SIZE_BYTES_LIMIT: number = 256 * 1024 * 1024
