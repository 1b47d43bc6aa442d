/**
 * What a table says about itself, in one block:
 *
 *     properties := (tag:u8 size:varint value[size])*       tags ascending
 *
 * Counts and sizes are u64, keys are bytes. A reader skips tags below 128 that it does not know, and refuses the table
 * for others as newer: so that a property can be added both when old readers may ignore it and when they must not.
 */
import { compareKeys, getUint64, getVarint, putUint64, putVarint, varintSizeBytes } from '../coding.ts'
import { KEY_SIZE_BYTES_MAX, SEQUENCE_MAX, sequenceNumber } from '../entry.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { fileNumber } from '../file-names.ts'
import type { TableMetadata } from './table-metadata.ts'

export const PROPERTY_TAGS = {
  number: 1,
  entryCount: 2,
  tombstoneCount: 3,
  smallestKey: 4,
  largestKey: 5,
  smallestSequence: 6,
  largestSequence: 7,
  rawKeySizeBytes: 8,
  rawValueSizeBytes: 9,
  dataBlockCount: 10,
  partitionCount: 11,
  filterBitsPerKey: 12,
} as const

/** Tags from here on must be understood. */
const REQUIRED_TAG_MIN = 128

/** The metadata of the table without its size, which the footer has, and what only readers of the file need. */
export interface TableProperties extends Omit<TableMetadata, 'sizeBytes'> {
  readonly dataBlockCount: number
  readonly partitionCount: number
  /** 0: the table has no filters. */
  readonly filterBitsPerKey: number
}

export function encodeTableProperties(properties: TableProperties): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, tag] of Object.entries(PROPERTY_TAGS)) {
    const property = properties[name as keyof typeof PROPERTY_TAGS]
    const value = typeof property === 'number' ? encodeNumber(property) : property
    const head = new Uint8Array(1 + varintSizeBytes(value.length))
    head[0] = tag
    putVarint(head, 1, value.length)
    parts.push(head, value)
  }
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** @throws CorruptionError, or UnsupportedError if a newer version wrote what must be understood */
export function decodeTableProperties(bytes: Uint8Array, path: string, offset: number): TableProperties {
  const values = splitProperties(bytes, path, offset)
  const bytesOf = (name: keyof typeof PROPERTY_TAGS): Uint8Array => {
    const value = values.get(PROPERTY_TAGS[name])
    if (value === undefined) {
      throw new CorruptionError(path, offset, `the property ${name} is missing`)
    }
    return value
  }
  const numberOf = (name: keyof typeof PROPERTY_TAGS): number => {
    const value = bytesOf(name)
    const number = value.length === 8 ? getUint64(value, 0) : Infinity
    if (number > SEQUENCE_MAX) {
      throw new CorruptionError(path, offset, `the property ${name} is no possible number`)
    }
    return number
  }
  const properties = {
    number: fileNumber(numberOf('number')),
    entryCount: numberOf('entryCount'),
    tombstoneCount: numberOf('tombstoneCount'),
    smallestKey: bytesOf('smallestKey'),
    largestKey: bytesOf('largestKey'),
    smallestSequence: sequenceNumber(numberOf('smallestSequence')),
    largestSequence: sequenceNumber(numberOf('largestSequence')),
    rawKeySizeBytes: numberOf('rawKeySizeBytes'),
    rawValueSizeBytes: numberOf('rawValueSizeBytes'),
    dataBlockCount: numberOf('dataBlockCount'),
    partitionCount: numberOf('partitionCount'),
    filterBitsPerKey: numberOf('filterBitsPerKey'),
  }
  if (
    properties.entryCount === 0 ||
    properties.smallestKey.length > KEY_SIZE_BYTES_MAX ||
    properties.largestKey.length > KEY_SIZE_BYTES_MAX ||
    properties.tombstoneCount > properties.entryCount ||
    compareKeys(properties.smallestKey, properties.largestKey) > 0 ||
    properties.smallestSequence > properties.largestSequence
  ) {
    throw new CorruptionError(path, offset, 'the properties contradict each other')
  }
  return properties
}

function splitProperties(bytes: Uint8Array, path: string, offset: number): Map<number, Uint8Array> {
  const values = new Map<number, Uint8Array>()
  const known = new Set<number>(Object.values(PROPERTY_TAGS))
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at] as number
    const size = getVarint(bytes, at + 1, bytes.length)
    const valueOffset = at + 1 + varintSizeBytes(Math.max(size, 0))
    if (size < 0 || valueOffset + size > bytes.length) {
      throw new CorruptionError(path, offset, 'a property reaches beyond its block')
    }
    if (tag >= REQUIRED_TAG_MIN && !known.has(tag)) {
      throw new UnsupportedError(
        `${path} has the property ${tag}, which this version of Varve does not know: use a newer one`,
      )
    }
    // A copy: the bytes are a part of a larger read that is not to be kept alive.
    values.set(tag, bytes.slice(valueOffset, valueOffset + size))
    at = valueOffset + size
  }
  return values
}

function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  putUint64(bytes, 0, value)
  return bytes
}
