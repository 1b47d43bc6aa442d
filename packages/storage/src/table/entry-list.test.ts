import { expect, test } from 'vitest'
import { compareKeys } from '../coding.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import { LIST_IMPOSSIBLE, LIST_MADE, ROLE_DATA, decodeBlock, type Block, type BlockRole } from './block.ts'
import { BlockBuffer } from './block-buffer.ts'
import { BlockBuilder } from './block-builder.ts'
import { FOUND, NEEDS_BLOCK, NOT_FOUND, type BlockNaming, type BlockSource } from './block-source.ts'
import { LISTED, NOT_LISTED, considerList, listRoomSizeBytes, readListed } from './entry-list.ts'
import { hashKey } from './hash.ts'
import { BLOCK_TRAILER_SIZE_BYTES, FILTER_HASH_SEED, putBlockTrailer } from './table-format.ts'
import { LookUpResult, lookUp } from './table-look-up.ts'
import type { TableReader } from './table-reader.ts'
import {
  SeededRandom,
  checkEqual,
  checkSame,
  inTableOrder,
  openTable,
  randomEntries,
  writeTable,
  type TestEntry,
} from './test-support/random-entries.ts'
import { ownRegion } from './workspace.ts'

const ROOM_SIZE_BYTES = 2000

/** A block of these entries with room for a list. */
function blockOf(entries: readonly TestEntry[], room: number = ROOM_SIZE_BYTES): Block {
  const buffer = new BlockBuffer(ownRegion(1024))
  const builder = new BlockBuilder(buffer)
  let last = new Uint8Array(0)
  for (const { key, sequence, kind, value } of entries) {
    let shared = 0
    while (shared < Math.min(last.length, key.length) && last[shared] === key[shared]) {
      shared++
    }
    builder.add(key, 0, key.length, shared, sequence, kind, value, 0, value.length)
    last = key.slice()
  }
  const size = builder.sizeBytes
  builder.finish()
  const bytes = new Uint8Array(size + BLOCK_TRAILER_SIZE_BYTES + room)
  bytes.set(buffer.bytes.subarray(buffer.start, buffer.end))
  putBlockTrailer(bytes, 0, size, 1, 100)
  return decodeBlock(bytes, 0, size, ROLE_DATA, 'x', 1, 100, undefined, room)
}

function withList(entries: readonly TestEntry[], room?: number): Block {
  const block = blockOf(entries, room)
  considerList(block)
  considerList(block)
  return block
}

/** Keeps every block, in its place where it has one. */
class PlacingSource implements BlockSource {
  listedCount = 0
  readonly #blocks = new Map<number, Block>()

  get(table: TableReader, offset: number, size: number, role: BlockRole, naming?: BlockNaming): Block {
    const block = this.#blocks.get(offset) ?? table.readBlockSync(offset, size, role)
    this.#blocks.set(offset, block)
    if (naming !== undefined) {
      block.takePlace(naming.index, naming.position, naming.place)
    }
    return block
  }

  touch(): void {}

  countListed(): void {
    this.listedCount++
  }
}

test('a list says of every key what the block holds', () => {
  forEachSeed(160, (random) => {
    const entries = randomEntries(random, 1 + random.below(60)).slice(0, 200)
    const block = withList(entries)
    if (block.listState !== LIST_MADE) {
      return
    }
    const others = randomEntries(random, 40)
    const result = new LookUpResult()
    for (const { key } of [...entries, ...others]) {
      const versions = entries.filter((entry) => compareKeys(entry.key, key) === 0)
      const answer = readListed(block.bytes, key, key.length, result)
      if (answer === NOT_LISTED) {
        checkEqual(versions.length, 0, `${key.join()} is not listed`)
      } else if (answer === LISTED) {
        checkEqual(versions.length, 1, `versions of ${key.join()}`)
        const value = result.bytes.slice(result.valueOffset, result.valueOffset + result.valueSize)
        checkSame({ key, sequence: result.sequence, kind: result.kind, value }, versions[0], 'listed')
      }
    }
  })
})

test('random keys are all found by the list, made for the second look-up that comes', () => {
  const random = new SeededRandom(1)
  const entries = inTableOrder(
    Array.from({ length: 33 }, (_, i) => ({ key: random.bytes(16), sequence: i, kind: 1, value: random.bytes(100) })),
  )
  const block = blockOf(entries, listRoomSizeBytes(33, 1, 33 * 116))
  considerList(block)
  expect(block.listState).not.toBe(LIST_MADE)
  considerList(block)
  expect(block.listState).toBe(LIST_MADE)
  const answers = entries.map(({ key }) => readListed(block.bytes, key, key.length, new LookUpResult()))
  expect(new Set(answers)).toEqual(new Set([LISTED]))
})

test('no list where it has no room, where entries are small, and of a damaged block', () => {
  const random = new SeededRandom(2)
  const entries = inTableOrder(
    Array.from({ length: 30 }, (_, i) => ({ key: random.bytes(16), sequence: i, kind: 1, value: random.bytes(100) })),
  )
  expect(withList(entries, 150).listState).toBe(LIST_IMPOSSIBLE)
  expect(withList(entries, 0).listState).toBe(LIST_IMPOSSIBLE)
  expect(listRoomSizeBytes(1000, 10, 30_000)).toBe(0)
  expect(listRoomSizeBytes(1000, 0, 30_000)).toBe(0)
  const damaged = blockOf(entries)
  damaged.bytes[damaged.start + 1] = 0x7f
  considerList(damaged)
  considerList(damaged)
  expect(damaged.listState).toBe(LIST_IMPOSSIBLE)
})

test('look-ups by places and lists find what stands in the table', () => {
  forEachSeed(4, (random) => {
    const entries = inTableOrder([
      ...randomEntries(random, 1500),
      ...Array.from({ length: 1500 }, (_, i) => ({
        key: random.bytes(16),
        sequence: i,
        kind: 1,
        value: random.bytes(random.below(300)),
      })),
    ])
    const table = openTable(writeTable(entries))
    table.topIndex.mayHavePlaces = true
    const source = new PlacingSource()
    const result = new LookUpResult()
    for (let pass = 0; pass < 4; pass++) {
      for (const [index, { key, sequence }] of entries.entries()) {
        const at = sequence - random.below(2)
        const hash = hashKey(key, 0, key.length, FILTER_HASH_SEED)
        const status = lookUp(table, source, key, key.length, hash, at, result)
        let expected: TestEntry | undefined = entries[index]
        if (at < sequence) {
          const next = entries[index + 1]
          expected = next !== undefined && compareKeys(next.key, key) === 0 ? next : undefined
        }
        checkEqual(status !== NEEDS_BLOCK && status, expected === undefined ? NOT_FOUND : FOUND, `entry ${index}`)
        if (expected !== undefined) {
          const value = result.bytes.slice(result.valueOffset, result.valueOffset + result.valueSize)
          checkSame({ key, sequence: result.sequence, kind: result.kind, value }, expected, `pass ${pass}`)
        }
      }
    }
    expect(source.listedCount).toBeGreaterThan(0)
  })
})
