import { describe, expect, test } from 'vitest'
import { compareKeys } from '../coding.ts'
import { CODECS, type Codec, isCodecAvailable } from '../compression/codec.ts'
import { KIND_DELETE, KIND_PUT } from '../entry.ts'
import { MemoryFile } from './test-support/memory-file.ts'
import { CorruptionError } from '../errors.ts'
import { OUTPUT_SYNC_SIZE_BYTES } from './table-output.ts'
import { checkTable } from './table-check.ts'
import { TableScan } from './table-scan.ts'
import { TableWriter } from './table-writer.ts'
import {
  SeededRandom,
  TEST_TABLE_NUMBER,
  type TestEntry,
  type TestTable,
  checkSame,
  inTableOrder,
  openTable,
  randomEntries,
  writeTable,
} from './test-support/random-entries.ts'
import { Workspace } from './workspace.ts'

const COMPRESSING = CODECS.filter((codec) => codec !== 'none' && isCodecAvailable(codec))

function scanAll(table: TestTable, workspace?: Workspace): TestEntry[] {
  const scan = new TableScan(table.file, TEST_TABLE_NUMBER, table.metadata.sizeBytes, workspace)
  return rest(scan)
}

function rest(scan: TableScan): TestEntry[] {
  const entries: TestEntry[] = []
  while (scan.next()) {
    entries.push({
      key: scan.keyBytes.slice(scan.keyOffset, scan.keyOffset + scan.keySize),
      sequence: scan.sequence,
      kind: scan.kind,
      value: scan.valueBytes.slice(scan.valueOffset, scan.valueOffset + scan.valueSize),
    })
  }
  scan.close()
  return entries
}

function expectSame(actual: readonly TestEntry[], expected: readonly TestEntry[], message: string): void {
  expect(actual.length, message).toBe(expected.length)
  for (const [i, entry] of actual.entries()) {
    checkSame(entry, expected[i], `${message}, entry ${i}`)
  }
}

describe('a table gives back what was written', () => {
  test('from any key on', () => {
    const random = new SeededRandom(3)
    for (let round = 0; round < 12; round++) {
      const entries = randomEntries(random, 1 + random.below(1200))
      const table = writeTable(entries, { blockSizeBytes: random.below(2) === 0 ? 64 : 512 })
      const keys = [
        new Uint8Array(0),
        Buffer.alloc(40, 0xff),
        ...Array.from({ length: 20 }, () => entries[random.below(entries.length)]?.key ?? new Uint8Array(0)),
      ]
      for (const key of keys.flatMap((found) => [found, Buffer.concat([found, Buffer.from([0])])])) {
        const expected = entries.filter((entry) => compareKeys(entry.key, key) >= 0)
        const scan = new TableScan(table.file, TEST_TABLE_NUMBER, table.metadata.sizeBytes)
        scan.seek(key)
        expectSame(rest(scan), expected, `round ${round}, from ${Buffer.from(key).toString('hex')}`)
      }
    }
  })

  test.each([1, 2, 3, 4, 5, 6])('seed %i', (seed) => {
    const random = new SeededRandom(seed)
    const entries = randomEntries(random, 1 + random.below(8000))
    const workspace = new Workspace(4 * 1024 * 1024)
    const codec = COMPRESSING[seed % COMPRESSING.length] as Codec
    const sizes = [{}, { blockSizeBytes: 64 }, { blockSizeBytes: 100_000 }, { bloomBitsPerKey: 0 }]
    for (const options of [...sizes, { codec }, { codec, blockSizeBytes: 40_000 }]) {
      const table = writeTable(entries, options, workspace)
      checkTable(table.file, TEST_TABLE_NUMBER, table.metadata, workspace)
      expectSame(scanAll(table, workspace), entries, `seed ${seed}`)
      expect(table.metadata.entryCount).toBe(entries.length)
      expect(table.metadata.smallestKey).toEqual(entries[0]?.key)
      expect(table.metadata.largestKey).toEqual(entries.at(-1)?.key)
    }
  })

  test('from one table to the next, inside of a workspace and out of it', () => {
    const entries = randomEntries(new SeededRandom(9), 5000)
    const table = writeTable(entries, { codec: 'lz4' })
    const workspace = new Workspace(2 * 1024 * 1024)
    const outside = new Workspace(0)
    for (const [from, to] of [
      [workspace, workspace],
      [outside, workspace],
      [workspace, outside],
    ] as const) {
      const scan = new TableScan(table.file, TEST_TABLE_NUMBER, table.metadata.sizeBytes, from)
      const file = new MemoryFile('copy')
      const options = { blockSizeBytes: 4096, bloomBitsPerKey: 10, codec: 'lz4' } as const
      const writer = new TableWriter(file, TEST_TABLE_NUMBER, options, to)
      while (scan.next()) {
        const { keyBytes, keyOffset, keySize, sequence, kind, valueBytes, valueOffset, valueSize } = scan
        writer.add(keyBytes, keyOffset, keySize, sequence, kind, valueBytes, valueOffset, valueSize)
      }
      scan.close()
      writer.finish()
      expect(Buffer.compare(file.toBytes(), table.file.toBytes())).toBe(0)
    }
  })

  test('keys of 0 and 64 KiB, values of 16 MiB, blocks beyond the read-ahead', () => {
    const long = new Uint8Array(65_536).fill(7)
    const entries = inTableOrder([
      { key: new Uint8Array(0), sequence: 3, kind: KIND_PUT, value: new Uint8Array(16 * 1024 * 1024).fill(1) },
      { key: new Uint8Array(0), sequence: 0, kind: KIND_DELETE, value: new Uint8Array(0) },
      { key: long, sequence: 5, kind: KIND_PUT, value: new Uint8Array(300_000).fill(2) },
      ...Array.from({ length: 40 }, (_, i) => ({
        key: long.with(65_000 + i, 8),
        sequence: i,
        kind: KIND_PUT,
        value: Uint8Array.of(i),
      })),
      { key: Uint8Array.of(9), sequence: 9, kind: KIND_PUT, value: new Uint8Array(16 * 1024 * 1024).fill(3) },
    ])
    const table = writeTable(entries, {}, new Workspace(2 * 1024 * 1024))
    checkTable(table.file, TEST_TABLE_NUMBER, table.metadata)
    expectSame(scanAll(table), entries, 'large entries')
    expect(table.file.syncCount).toBe(1 + Math.floor((33 * 1024 * 1024) / (16 * 1024 * 1024)))
    expect(OUTPUT_SYNC_SIZE_BYTES).toBe(8 * 1024 * 1024)
  })

  test('versions of one key over many partitions, counted', () => {
    const key = new Uint8Array(600).fill(5)
    const entries = Array.from({ length: 20_000 }, (_, i) => ({
      key,
      sequence: 100_000 - i,
      kind: i % 3 === 0 ? KIND_DELETE : KIND_PUT,
      value: new Uint8Array(i % 3 === 0 ? 0 : 30),
    }))
    const table = writeTable(entries, { blockSizeBytes: 128 })
    checkTable(table.file, TEST_TABLE_NUMBER, table.metadata)
    const { partitionCount, filterBitsPerKey } = openTable(table).properties
    expect(partitionCount).toBeGreaterThan(5)
    expect(filterBitsPerKey).toBe(10)
    expect(table.metadata).toMatchObject({
      entryCount: 20_000,
      tombstoneCount: 6667,
      smallestSequence: 80_001,
      largestSequence: 100_000,
      rawKeySizeBytes: 12_000_000,
      rawValueSizeBytes: 13_333 * 30,
    })
  })
})

test('entries out of order are refused', () => {
  const add = (keys: readonly (readonly [number[], number])[]): (() => void) => {
    const options = { blockSizeBytes: 64, bloomBitsPerKey: 10, codec: 'none' } as const
    const writer = new TableWriter(new MemoryFile('x'), TEST_TABLE_NUMBER, options)
    return () => {
      for (const [key, sequence] of keys) {
        writer.add(Uint8Array.from(key), 0, key.length, sequence, KIND_PUT, new Uint8Array(50), 0, 50)
      }
    }
  }
  expect(
    add([
      [[1, 2], 5],
      [[1, 2], 4],
      [[1, 2, 0], 9],
      [[1, 3], 1],
    ]),
  ).not.toThrow()
  expect(
    add([
      [[1, 2], 5],
      [[1, 2], 5],
    ]),
  ).toThrow('newest first')
  expect(
    add([
      [[1, 2], 5],
      [[1, 2], 6],
    ]),
  ).toThrow('newest first')
  expect(
    add([
      [[1, 2], 5],
      [[1], 4],
    ]),
  ).toThrow('in order')
  expect(
    add([
      [[1, 2], 5],
      [[1, 1, 1], 4],
    ]),
  ).toThrow('in order')
  expect(add([[[1, 2], 2 ** 53]])).toThrow('in range')
  expect(add([[Array.from({ length: 65_537 }, () => 1), 1]])).toThrow('too long')
})

test('a check finds what the metadata says wrongly', () => {
  const { file, metadata } = writeTable(randomEntries(new SeededRandom(4), 500))
  for (const wrong of [
    { entryCount: metadata.entryCount + 1 },
    { tombstoneCount: 0 },
    { smallestKey: Uint8Array.of(0, 0) },
    { largestKey: Uint8Array.of(0, 0) },
    { rawKeySizeBytes: 1 },
    { rawValueSizeBytes: 1 },
    { sizeBytes: metadata.sizeBytes - 1 },
  ]) {
    expect(() => checkTable(file, TEST_TABLE_NUMBER, { ...metadata, ...wrong })).toThrow(CorruptionError)
  }
})
