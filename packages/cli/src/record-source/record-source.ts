/** What the readers of files have in common: their items, and the rules for a key. */

/** What becomes one entry of the store. */
export interface SourceRecord {
  readonly key: string
  /** The record as JSON. */
  readonly value: string | Uint8Array
}

/** One record, or one line that holds none; `line` counts from 1 and is where the record begins. */
export type SourceItem =
  | { readonly line: number; readonly record: SourceRecord }
  | { readonly line: number; readonly problem: string }

export type RecordFormat = 'ndjson' | 'csv'

/** The longest line, or CSV row, that is looked at: a file without line ends must not fill the memory. */
export const lineSizeBytesMax: number = 16 * 1024 * 1024

export const tooLong: string = `longer than ${lineSizeBytesMax / 1024 / 1024} MiB`

export type KeyChoice = { readonly key: string } | { readonly problem: string }

/** The key that the value of a field makes. Whole numbers beyond 2^53 would lose digits: two records could share a key. */
export function keyFrom(value: unknown, field: string): KeyChoice {
  if (typeof value === 'string') {
    return value === '' ? { problem: `the field "${field}" is empty` } : { key: value }
  }
  if (typeof value === 'number') {
    const isExact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
    return isExact
      ? { key: String(value) }
      : { problem: `the number in "${field}" is too large to be exact: write it as a string` }
  }
  if (typeof value === 'boolean') {
    return { key: String(value) }
  }
  return { problem: `the field "${field}" is ${kindOf(value)}: a key is a string, a number or a boolean` }
}

function kindOf(value: unknown): string {
  if (value === null) {
    return 'null'
  }
  return Array.isArray(value) ? 'an array' : 'an object'
}
