/**
 * Keys and values in the formats of abstract-level: how they come to the store, and what is made of the store's bytes.
 * `utf8` is a string; `buffer` and `view` are Buffers, which are views as well.
 */
import { copyOut, type Bytes, type EntryBytes, type EntryTaker, type ValueTaker } from 'varve'

export type Format = 'utf8' | 'buffer' | 'view'

export const FORMATS: readonly Format[] = ['buffer', 'utf8', 'view']

/** What an encoding has made of a key or value. */
export type Encoded = string | ArrayBufferView

/** As the store takes it. Encodings of the format `view` let any view through. */
export function bytesOf(encoded: Encoded): Bytes {
  return typeof encoded === 'string' || encoded instanceof Uint8Array || !ArrayBuffer.isView(encoded)
    ? encoded
    : new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength)
}

function textOf(bytes: Uint8Array, offset: number, sizeBytes: number): string {
  return bytes instanceof Buffer
    ? bytes.toString('utf8', offset, offset + sizeBytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset + offset, sizeBytes).toString('utf8')
}

/** Whether there is a value is all that is asked. */
export function isThere(): true {
  return true
}

export function valueTakerOf(format: string): ValueTaker<Buffer | string> {
  return format === 'utf8' ? textOf : copyOut
}

export function keyTakerOf(format: string): EntryTaker<Buffer | string> {
  const take = valueTakerOf(format)
  return (entry) => take(entry.keyBytes, entry.keyOffset, entry.keySize)
}

export function entryValueTakerOf(format: string): EntryTaker<Buffer | string> {
  const take = valueTakerOf(format)
  return (entry) => take(entry.valueBytes, entry.valueOffset, entry.valueSize)
}

export type LevelEntry = [key: Buffer | string | undefined, value: Buffer | string | undefined]

/** What is not wanted is not copied. */
export function entryTakerOf(keyFormat: string | undefined, valueFormat: string | undefined): EntryTaker<LevelEntry> {
  const takeKey = keyFormat === undefined ? nothing : keyTakerOf(keyFormat)
  const takeValue = valueFormat === undefined ? nothing : entryValueTakerOf(valueFormat)
  return (entry) => [takeKey(entry), takeValue(entry)]
}

function nothing(_entry: EntryBytes): undefined {
  return undefined
}
