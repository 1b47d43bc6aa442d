import { expect, test } from 'vitest'
import { compareKeys } from '../coding.ts'
import { KIND_PUT } from '../entry.ts'
import { CorruptionError } from '../errors.ts'
import { ROLE_DATA, ROLE_FILTER } from './block.ts'
import { getBlock } from './block-source.ts'
import { TableCursor } from './table-cursor.ts'
import type { TableMetadata } from './table-metadata.ts'
import { TableReader } from './table-reader.ts'
import {
  EagerSource,
  SeededRandom,
  TEST_TABLE_NUMBER,
  openTable,
  randomEntries,
  writeTable,
} from './test-support/random-entries.ts'

test('opening asynchronously and synchronously is the same, small or with bounds beyond the first read', async () => {
  const long = (first: number): Uint8Array => new Uint8Array(60_000).fill(3).with(0, first)
  for (const entries of [
    randomEntries(new SeededRandom(1), 3000),
    [1, 2].map((n) => ({ key: long(n), sequence: n, kind: KIND_PUT, value: long(n) })),
  ]) {
    const { file, metadata } = writeTable(entries)
    const table = await TableReader.open(file, TEST_TABLE_NUMBER, metadata.sizeBytes)
    const { sizeBytes, ...rest } = metadata
    expectSame(table.properties, rest)
    expect(table.sizeBytes).toBe(sizeBytes)
    const other = openTable({ file, metadata })
    expectSame(other.properties, table.properties)
    expect(compareKeys(other.topIndex.bytes, table.topIndex.bytes)).toBe(0)
    expect(table.memorySizeBytes).toBeGreaterThan(table.topIndex.bytes.length)
    const size = file.toBytes().length
    const block = await table.readBlock(0, firstBlockSize(table), ROLE_DATA)
    const same = table.readBlockSync(0, firstBlockSize(table), ROLE_DATA)
    expect(compareKeys(block.bytes, same.bytes)).toBe(0)
    expect([block.start, block.end, block.restartCount]).toEqual([same.start, same.end, same.restartCount])
    await expect(table.readBlock(size - 10, 5, ROLE_DATA)).rejects.toThrow(CorruptionError)
    expect(() => table.readBlockSync(0, 2 ** 32 - 1, ROLE_DATA)).toThrow(CorruptionError)
  }
})

test('a block in two roles is damage', () => {
  const table = openTable(writeTable(randomEntries(new SeededRandom(1), 100)))
  const source = new EagerSource()
  const handle = { offset: 0, sizeBytes: firstBlockSize(table) }
  expect(getBlock(source, table, handle, ROLE_DATA)?.role).toBe(ROLE_DATA)
  expect(() => getBlock(source, table, handle, ROLE_FILTER)).toThrow(/two uses/)
})

/** Keys are compared apart: `toEqual` takes seconds for long ones. */
function expectSame(actual: Omit<TableMetadata, 'sizeBytes'>, expected: Omit<TableMetadata, 'sizeBytes'>): void {
  const noKeys = { smallestKey: 0, largestKey: 0 }
  expect({ ...actual, ...noKeys }).toMatchObject({ ...expected, ...noKeys })
  expect(compareKeys(actual.smallestKey, expected.smallestKey)).toBe(0)
  expect(compareKeys(actual.largestKey, expected.largestKey)).toBe(0)
}

/** The first data block's size, by way of a cursor. */
function firstBlockSize(table: TableReader): number {
  const cursor = new TableCursor(table, new EagerSource())
  cursor.seekToFirst()
  const { start, end, restartCount } = cursor.block
  return end - start + restartCount * 4 + 4
}
