import { expect, test } from 'vitest'
import { CODECS, type Codec, isCodecAvailable } from '../compression/codec.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import { BlockCursor } from './block-cursor.ts'
import { TABLE_FOOTER_SIZE_BYTES, putTableFooter } from './table-format.ts'
import { salvageTable } from './table-salvage.ts'
import { MemoryFile } from './test-support/memory-file.ts'
import {
  type SeededRandom,
  TEST_TABLE_NUMBER,
  type TestEntry,
  checkSame,
  randomEntries,
  writeTable,
} from './test-support/random-entries.ts'

interface Salvaged {
  readonly entries: readonly TestEntry[]
  readonly gapCount: number
  readonly gapSizeBytes: number
}

function salvage(bytes: Uint8Array): Salvaged {
  const entries: TestEntry[] = []
  const cursor = new BlockCursor()
  let gapCount = 0
  let gapSizeBytes = 0
  for (const part of salvageTable(new MemoryFile('000042.sst', bytes), TEST_TABLE_NUMBER)) {
    if ('gap' in part) {
      gapCount++
      gapSizeBytes += part.gap.sizeBytes
      continue
    }
    cursor.reset(part.block)
    while (cursor.next()) {
      const { sequence, kind, valueOffset, valueSize } = cursor
      const value = part.block.bytes.slice(valueOffset, valueOffset + valueSize)
      entries.push({ key: cursor.key.slice(0, cursor.keySize), sequence, kind, value })
    }
  }
  return { entries, gapCount, gapSizeBytes }
}

const AVAILABLE = CODECS.filter(isCodecAvailable)
const codecOf = (random: SeededRandom): Codec => AVAILABLE[random.below(AVAILABLE.length)] as Codec
const blockSizeOf = (random: SeededRandom): number => 64 + random.below(3) * random.below(3000)

function checkAll({ entries }: Salvaged, expected: readonly TestEntry[]): void {
  expect(entries).toHaveLength(expected.length)
  entries.forEach((entry, i) => checkSame(entry, expected[i], `entry ${i}`))
}

test('a sound table is salvaged as a whole, without gaps', () => {
  forEachSeed(5, (random) => {
    const entries = randomEntries(random, 500)
    const salvaged = salvage(
      writeTable(entries, { blockSizeBytes: blockSizeOf(random), codec: codecOf(random) }).file.toBytes(),
    )
    checkAll(salvaged, entries)
    expect(salvaged.gapCount).toBe(0)
  })
})

test('without footer and top index every block is found by its form', () => {
  forEachSeed(10, (random) => {
    const entries = randomEntries(random, 500)
    const bytes = writeTable(entries, { blockSizeBytes: blockSizeOf(random), codec: codecOf(random) }).file.toBytes()
    bytes.fill(0xaa, bytes.length - TABLE_FOOTER_SIZE_BYTES)
    checkAll(salvage(bytes), entries)
  })
})

test('damage costs the blocks that it touches: what is found is a part of what was written, in order', () => {
  forEachSeed(40, (random) => {
    const entries = randomEntries(random, 300)
    const bytes = writeTable(entries, { blockSizeBytes: 64 + random.below(400), codec: codecOf(random) }).file.toBytes()
    for (let i = random.below(4); i >= 0; i--) {
      const start = random.below(bytes.length)
      bytes.set(random.bytes(Math.min(random.below(100) + 1, bytes.length - start)), start)
    }
    const cut = random.below(3) === 0 ? bytes.slice(0, random.below(bytes.length)) : bytes
    const salvaged = salvage(cut)
    let at = 0
    for (const entry of salvaged.entries) {
      const isIt = (other: TestEntry | undefined): boolean =>
        other?.sequence === entry.sequence && Buffer.compare(other.key, entry.key) === 0
      while (at < entries.length && !isIt(entries[at])) {
        at++
      }
      checkSame(entry, entries[at++], 'salvaged')
    }
    expect(salvaged.entries.length === entries.length || salvaged.gapCount > 0).toBe(true)
  })
})

/** Nothing of these is a block, and each byte may begin a long chain of what looks like entries. */
test.each([
  ['zeros', Uint8Array.of(0)],
  ['empty puts', Uint8Array.of(0, 0, 0, 1)],
  ['short puts', Uint8Array.of(0, 1, 0, 1, 1)],
  ['entries that overlap', Uint8Array.of(0, 0, 1, 1, 0, 2)],
])('megabytes of %s are searched in no time', (_what, pattern) => {
  const bytes = new Uint8Array(Buffer.alloc(1024 * 1024, pattern))
  putTableFooter(bytes, bytes.length - TABLE_FOOTER_SIZE_BYTES, {
    topIndex: { offset: 1, sizeBytes: 2 ** 31 },
    properties: { offset: 5, sizeBytes: 7 },
    tableNumber: TEST_TABLE_NUMBER,
    fileSizeBytes: bytes.length,
  })
  const startMs = performance.now()
  expect(salvage(bytes)).toMatchObject({ entries: [] })
  expect(performance.now() - startMs).toBeLessThan(15_000)
})
