import { Block, ROLE_DATA, ROLE_INDEX, type BlockRole, type TableReader } from '@varve/storage'
import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { BlockCache } from './block-cache.ts'

const SIZE_BYTES = 1000

function createBlock(offset: number, role: BlockRole = ROLE_DATA, sizeBytes = SIZE_BYTES): Block {
  const overhead = new Block(new Uint8Array(0), 0, 0, 0, role, 'x', 0).sizeBytes
  return new Block(new Uint8Array(sizeBytes - overhead), 0, 0, 0, role, 'x', offset)
}

/** All that the cache wants to know of a table is its number. */
const tableOf = (number: number): TableReader => ({ number }) as unknown as TableReader
const has = (cache: BlockCache, offset: number, table = 1): boolean =>
  cache.get(tableOf(table), offset, ROLE_DATA) !== undefined

test('a block comes back under its table and offset, and under no other', () => {
  const cache = new BlockCache(10 * SIZE_BYTES)
  const blocks = [createBlock(0), createBlock(0), createBlock(4096)]
  const [first, second, third] = blocks as [Block, Block, Block]
  cache.put(1, first)
  cache.put(2, second)
  cache.put(1, third)
  expect(cache.get(tableOf(1), 0, ROLE_DATA)).toBe(first)
  expect(cache.get(tableOf(2), 0, ROLE_DATA)).toBe(second)
  expect(cache.get(tableOf(1), 4096, ROLE_DATA)).toBe(third)
  expect(cache.get(tableOf(2), 4096, ROLE_DATA)).toBeUndefined()
  expect(cache.get(tableOf(3), 0, ROLE_DATA)).toBeUndefined()
  expect([cache.hitCount, cache.missCount, cache.count, cache.sizeBytes]).toEqual([3, 2, 3, 3 * SIZE_BYTES])
})

test('a block that is put twice counts once, and the first one stays', () => {
  const cache = new BlockCache(10 * SIZE_BYTES)
  const block = createBlock(0)
  cache.put(1, block)
  cache.put(1, createBlock(0))
  expect(cache.get(tableOf(1), 0, ROLE_DATA)).toBe(block)
  expect([cache.count, cache.sizeBytes]).toEqual([1, SIZE_BYTES])
})

test('the cache is never larger than its bound, and its counts are what it holds', () => {
  forEachSeed(20, (random) => {
    const cache = new BlockCache(20 * SIZE_BYTES)
    for (let i = 0; i < 2000; i++) {
      const [table, offset] = [random.below(5), random.below(40) * 100]
      switch (random.below(20)) {
        case 0:
          cache.dropTable(table)
          break
        case 1:
          cache.clear()
          break
        default:
          if (cache.get(tableOf(table), offset, ROLE_DATA) === undefined) {
            cache.put(table, createBlock(offset, random.pick([0, 1, 2]), 300 + random.below(3000)))
          }
      }
      if (cache.sizeBytes > cache.sizeBytesMax) {
        throw new Error(`it holds ${cache.sizeBytes} bytes after ${i} operations`)
      }
    }
    let count = 0
    let sizeBytes = 0
    for (let table = 0; table < 5; table++) {
      for (let offset = 0; offset < 4000; offset += 100) {
        const block = cache.get(tableOf(table), offset, ROLE_DATA)
        count += block === undefined ? 0 : 1
        sizeBytes += block?.sizeBytes ?? 0
      }
    }
    expect([cache.count, cache.sizeBytes]).toEqual([count, sizeBytes])
  })
})

test('a block larger than the cache is not kept, and evicts nothing', () => {
  const cache = new BlockCache(2 * SIZE_BYTES)
  cache.put(1, createBlock(0))
  cache.put(1, createBlock(1, ROLE_DATA, 2 * SIZE_BYTES + 1))
  expect([has(cache, 0), has(cache, 1), cache.count]).toEqual([true, false, 1])
  const none = new BlockCache(0)
  none.put(1, createBlock(0, ROLE_DATA, 400))
  expect(none.count).toBe(0)
})

test('a block that is used between all others stays, one that is not goes', () => {
  const cache = new BlockCache(10 * SIZE_BYTES)
  let missCount = 0
  for (let offset = 1; offset <= 400; offset++) {
    cache.put(1, createBlock(offset))
    if (!has(cache, 0)) {
      missCount++
      cache.put(1, createBlock(0))
    }
  }
  // Were use not heeded, it would go each time that ten others have come.
  expect(missCount).toBeLessThanOrEqual(5)
  expect(has(cache, 380)).toBe(false)
})

test('an index block outlives data blocks that came with it, but not for ever', () => {
  // Looking counts as use, so each number of later blocks has a cache of its own.
  const goneAfter = (role: BlockRole): number => {
    for (let count = 1; count < 300; count++) {
      const cache = new BlockCache(10 * SIZE_BYTES)
      cache.put(1, createBlock(0, role))
      for (let offset = 1; offset <= count; offset++) {
        cache.put(2, createBlock(offset))
      }
      if (!has(cache, 0)) {
        return count
      }
    }
    return Infinity
  }
  const [data, index] = [goneAfter(ROLE_DATA), goneAfter(ROLE_INDEX)]
  expect(data).toBeLessThanOrEqual(20)
  expect(index).toBeGreaterThan(2 * data)
  expect(index).toBeLessThan(100)
})

test('dropping a table drops all of its blocks and no others', () => {
  const cache = new BlockCache(100 * SIZE_BYTES)
  for (let offset = 0; offset < 20; offset++) {
    cache.put(1, createBlock(offset))
    cache.put(2, createBlock(offset))
  }
  cache.dropTable(1)
  cache.dropTable(3)
  expect([cache.count, cache.sizeBytes, has(cache, 5, 1), has(cache, 5, 2)]).toEqual([20, 20 * SIZE_BYTES, false, true])
  cache.dropTable(2)
  expect([cache.count, cache.sizeBytes]).toEqual([0, 0])
  for (let offset = 0; offset < 300; offset++) {
    cache.put(4, createBlock(offset))
  }
  expect(cache.count, 'and the hand still goes round').toBe(100)
})

test('places lead to what is in the cache, each block has one at most, and what leaves is in none', () => {
  forEachSeed(8, (random) => {
    const cache = new BlockCache(30 * SIZE_BYTES)
    const seen = new Set<Block>()
    for (let i = 0; i < 1500; i++) {
      const table = random.below(3)
      const index = cache.get(tableOf(table), 0, ROLE_INDEX)
      const [offset, position] = [1 + random.below(20), random.below(25)]
      if (random.below(100) === 0) {
        cache.dropTable(table)
      } else if (index === undefined) {
        cache.put(table, createBlock(0, ROLE_INDEX))
      } else {
        const naming = { index, position, place: position * 7 }
        const block = cache.get(tableOf(table), offset, ROLE_DATA, naming)
        if (block === undefined) {
          cache.put(table, createBlock(offset))
        } else {
          if (index.places?.[position] !== block || block.place !== position * 7) {
            throw new Error(`after ${i} operations a block is not in its place`)
          }
          seen.add(block).add(index)
        }
      }
    }
    for (const block of seen) {
      for (const [position, child] of (block.places ?? []).entries()) {
        if (child !== undefined && (child.parent !== block || child.position !== position)) {
          throw new Error(`the block at ${block.offset} leads to one that is elsewhere`)
        }
      }
      const isHere = [0, 1, 2].some((table) => cache.get(tableOf(table), block.offset, ROLE_DATA) === block)
      if (!isHere && (block.parent !== undefined || block.places !== undefined)) {
        throw new Error(`the block at ${block.offset} has left the cache, not its place`)
      }
    }
    expect([...seen].some((block) => block.parent !== undefined)).toBe(true)
    cache.clear()
    expect([...seen].every((block) => block.parent === undefined && block.places === undefined)).toBe(true)
  })
})

test('hits and misses are counted by what was asked for, in places too', () => {
  const cache = new BlockCache(10 * SIZE_BYTES)
  const index = createBlock(0, ROLE_INDEX)
  const data = createBlock(9)
  cache.put(1, index)
  cache.put(1, data)
  cache.get(tableOf(1), 0, ROLE_INDEX)
  cache.get(tableOf(1), 9, ROLE_DATA, { index, position: 0, place: 0 })
  cache.touch(index.places?.[0] as Block)
  cache.get(tableOf(2), 9, ROLE_DATA)
  expect(([ROLE_INDEX, ROLE_DATA] as const).map((role) => [cache.hitCountOf(role), cache.missCountOf(role)])).toEqual([
    [1, 0],
    [2, 1],
  ])
  expect([cache.hitCount, cache.missCount]).toEqual([3, 1])
})
