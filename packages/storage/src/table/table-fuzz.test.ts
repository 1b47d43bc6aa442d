/** Hostile tables: random bytes, and valid ones with changes under right checksums. */
import { expect, test } from 'vitest'
import { putUint32 } from '../coding.ts'
import { CODEC_NONE } from '../compression/codec.ts'
import { RATIO_MAX } from '../compression/compressed-block.ts'
import { fileNumber } from '../file-names.ts'
import { FUZZ_TIMEOUT_MS, decoded, fuzz, mutated } from '../test-support/fuzz.ts'
import { ROLE_DATA, ROLE_FILTER, ROLE_INDEX, decodeBlock } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import { AT_ENTRY, readHandle } from './block-source.ts'
import { filterMayContain } from './bloom-filter.ts'
import { hashKey } from './hash.ts'
import { checkTable } from './table-check.ts'
import { TableCursor } from './table-cursor.ts'
import {
  BLOCK_TRAILER_SIZE_BYTES,
  FILTER_HASH_SEED,
  TABLE_FOOTER_SIZE_BYTES,
  type BlockHandle,
  putBlockTrailer,
  putTableFooter,
  readTableFooter,
} from './table-format.ts'
import { LookUpResult, approximateOffsetOf, lookUp } from './table-look-up.ts'
import { decodeTableProperties, encodeTableProperties } from './table-properties.ts'
import { TableReader } from './table-reader.ts'
import { TableScan } from './table-scan.ts'
import { MemoryFile } from './test-support/memory-file.ts'
import {
  EagerSource,
  SeededRandom,
  TEST_TABLE_NUMBER,
  randomEntries,
  writeTable,
} from './test-support/random-entries.ts'
import { Workspace } from './workspace.ts'

const WORKSPACE = new Workspace(1024 * 1024)
const NUMBER = TEST_TABLE_NUMBER
const PATH = '000042.sst'
const LONG_KEY = new Uint8Array(70_000).fill(0xfe)

const TABLES = [1, 2, 3, 4].map((seed) => {
  const random = new SeededRandom(seed)
  const entries = randomEntries(random, 150).filter((entry) => entry.value.length < 100)
  const codec = (['none', 'none', 'lz4', 'deflate'] as const)[seed - 1] ?? 'none'
  const { file, metadata } = writeTable(entries, {
    blockSizeBytes: 64 + seed * (codec === 'none' ? 40 : 200),
    bloomBitsPerKey: seed === 2 ? 0 : 10,
    codec,
  })
  const bytes = file.toBytes()
  // Entries that are compressed may be more than there are bytes.
  const entryCountMax = bytes.length * (codec === 'none' ? 1 : RATIO_MAX)
  return { bytes, metadata, entries, blocks: blocksOf(bytes), entryCountMax }
})

/** Every block of a table, the properties included. */
function blocksOf(bytes: Uint8Array): BlockHandle[] {
  const table = TableReader.openSync(new MemoryFile(PATH, bytes), NUMBER, bytes.length)
  const { topIndex, properties } = footerOf(bytes)
  const blocks = [topIndex, properties]
  const top = new BlockCursor()
  top.reset(table.topIndex)
  while (top.next()) {
    const filter = { offset: 0, sizeBytes: 0 }
    const indexHandle = { offset: 0, sizeBytes: 0 }
    readHandle(top, table, readHandle(top, table, top.valueOffset, filter), indexHandle)
    blocks.push(indexHandle, ...(filter.sizeBytes > 0 ? [filter] : []))
    const index = new BlockCursor()
    index.reset(table.readBlockSync(indexHandle.offset, indexHandle.sizeBytes, ROLE_INDEX))
    while (index.next()) {
      const data = { offset: 0, sizeBytes: 0 }
      readHandle(index, table, index.valueOffset, data)
      blocks.push(data)
    }
  }
  return blocks
}

function footerOf(bytes: Uint8Array): ReturnType<typeof readTableFooter> {
  return readTableFooter(bytes, bytes.length - TABLE_FOOTER_SIZE_BYTES, PATH, NUMBER, bytes.length)
}

/** Reads a table in every way. No way takes more steps than the bytes can hold entries. */
function readAll(bytes: Uint8Array, keys: readonly Uint8Array[], entryCountMax: number): void {
  const file = new MemoryFile(PATH, bytes)
  decoded(() => walk(file, bytes.length, false, entryCountMax))
  decoded(() => walk(file, bytes.length, true, entryCountMax))
  decoded(() => {
    const scan = new TableScan(file, NUMBER, bytes.length, WORKSPACE)
    try {
      while (scan.next()) {
        checkSteps(scan.entryCount, entryCountMax)
      }
    } finally {
      scan.close()
    }
  })
  const table = decoded(() => TableReader.openSync(file, NUMBER, bytes.length))
  if (table === undefined) {
    return
  }
  const result = new LookUpResult()
  for (const key of keys) {
    const source = new EagerSource()
    decoded(() =>
      lookUp(table, source, key, key.length, hashKey(key, 0, key.length, FILTER_HASH_SEED), 2 ** 52, result),
    )
    decoded(() => approximateOffsetOf(table, source, key, key.length))
    decoded(() => {
      const cursor = new TableCursor(table, source)
      cursor.seek(key, key.length)
      cursor.next()
      cursor.seekBefore(key, key.length)
      cursor.previous()
    })
  }
  decoded(() => checkTable(file, NUMBER, { ...table.properties, sizeBytes: bytes.length }, WORKSPACE))
}

function walk(file: MemoryFile, sizeBytes: number, isReverse: boolean, entryCountMax: number): void {
  const cursor = new TableCursor(TableReader.openSync(file, NUMBER, sizeBytes), new EagerSource())
  let count = 0
  let status = isReverse ? cursor.seekToLast() : cursor.seekToFirst()
  while (status === AT_ENTRY) {
    checkSteps(++count, entryCountMax)
    status = isReverse ? cursor.previous() : cursor.next()
  }
}

function checkSteps(count: number, countMax: number): void {
  if (count > countMax) {
    throw new Error(`${count} entries where ${countMax} may be`)
  }
}

/** Changes a block and puts its checksum right. */
function withHostileBlock(random: SeededRandom, bytes: Uint8Array, blocks: readonly BlockHandle[]): Uint8Array {
  // The first two are the top index and the properties, then come indexes and filters: those matter to more.
  const block = blocks[random.below(random.below(2) === 0 ? Math.min(6, blocks.length) : blocks.length)] as BlockHandle
  const end = block.offset + block.sizeBytes
  const hostile = mutated(random, bytes, block.offset, end)
  const compression = bytes[end] as number
  const isOther = compression !== CODEC_NONE && random.below(8) === 0
  putBlockTrailer(hostile, block.offset, end, NUMBER, block.offset, isOther ? random.below(5) : compression)
  return hostile
}

test('blocks changed under right checksums', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await fuzz(1200, (random) => {
    const { bytes, blocks, entries, entryCountMax } = TABLES[random.below(TABLES.length)] as (typeof TABLES)[0]
    let hostile = withHostileBlock(random, bytes, blocks)
    if (random.below(3) === 0) {
      hostile = withHostileBlock(random, hostile, blocks)
    }
    const keys = [0, 1, 2, 3].map(() => (entries[random.below(entries.length)] as (typeof entries)[0]).key)
    readAll(hostile, [...keys, new Uint8Array(0), LONG_KEY], entryCountMax)
  })
})

test('footers changed under right checksums', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await fuzz(1000, (random) => {
    const { bytes, entryCountMax } = TABLES[random.below(TABLES.length)] as (typeof TABLES)[0]
    const footerOffset = bytes.length - TABLE_FOOTER_SIZE_BYTES
    const footer = footerOf(bytes)
    const pick = (value: number): number =>
      [value, value + random.below(9) - 4, random.below(bytes.length), 2 ** 32 - 1 - random.below(9), 0][
        random.below(5)
      ] ?? 0
    const hostile = bytes.slice()
    putTableFooter(
      hostile,
      footerOffset,
      {
        topIndex: { offset: pick(footer.topIndex.offset), sizeBytes: pick(footer.topIndex.sizeBytes) },
        properties: { offset: pick(footer.properties.offset), sizeBytes: pick(footer.properties.sizeBytes) },
        tableNumber: random.below(5) === 0 ? random.below(100) : NUMBER,
        fileSizeBytes: bytes.length,
      },
      random.below(4),
    )
    readAll(hostile, [Uint8Array.of(1)], entryCountMax)
  })
})

test('properties: any bytes, and changed ones', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  const sound = encodeTableProperties({
    ...(TABLES[0] as (typeof TABLES)[0]).metadata,
    dataBlockCount: 3,
    partitionCount: 1,
    filterBitsPerKey: 10,
  })
  await fuzz(8000, (random) => {
    const bytes = random.below(3) === 0 ? random.bytes(random.below(100)) : mutated(random, sound)
    decoded(() => decodeTableProperties(bytes, PATH, 1))
  })
})

test('blocks of any bytes', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await fuzz(5000, (random) => {
    const size = random.below(200)
    const bytes = new Uint8Array(size + BLOCK_TRAILER_SIZE_BYTES)
    bytes.set(random.bytes(size, [3, 20, 256][random.below(3)]).map((byte) => 255 - byte))
    const restartCount = 1 + random.below(3)
    if (size > 4 * (restartCount + 1)) {
      putUint32(bytes, size - 4, restartCount)
      for (let i = 0; i < restartCount; i++) {
        putUint32(bytes, size - 4 - 4 * (restartCount - i), i * random.below(12))
      }
    }
    putBlockTrailer(bytes, 0, size, 7, 9)
    const role = ([ROLE_INDEX, ROLE_DATA, ROLE_FILTER] as const)[random.below(3)] ?? ROLE_DATA
    const block = decoded(() => decodeBlock(bytes, 0, size, role, PATH, fileNumber(7), 9))
    if (block === undefined) {
      return
    }
    if (role === ROLE_FILTER) {
      expect(typeof filterMayContain(block, random.below(2 ** 31))).toBe('boolean')
      return
    }
    const target = random.bytes(random.below(6), 4)
    for (const [start, step] of [
      ['seekToFirst', 'next'],
      ['seekToLast', 'previous'],
    ] as const) {
      decoded(() => {
        const cursor = new BlockCursor()
        cursor.reset(block)
        let count = 0
        for (let isThere = cursor[start](); isThere; isThere = cursor[step]()) {
          checkSteps(++count, size)
        }
        cursor.reset(block)
        cursor.seek(target, 0, target.length)
        cursor.previous()
        cursor.next()
      })
    }
  })
})
