import { expect, test } from 'vitest'
import { ArenaPool } from './arena.ts'

const MIB = 1024 * 1024

test('a small arena where that does, and those of the full size', () => {
  const pool = new ArenaPool(16 * MIB, 2)
  const small = pool.takeSmall(1)
  const full = pool.take(1)
  expect([small.sizeBytes, full.sizeBytes, pool.usedSizeBytes]).toEqual([MIB, 16 * MIB, 17 * MIB])
  pool.release(full)
  expect(pool.takeSmall(1), 'a free one of the full size costs nothing').toBe(full)
  pool.release(small)
  expect(pool.takeSmall(1), 'small ones are used again too').toBe(small)
  expect(pool.takeSmall(2 * MIB).sizeBytes).toBe(2 * MIB)
  expect(new ArenaPool(4096, 2).takeSmall(1).sizeBytes, 'never above the full size').toBe(4096)
})

test('a batch that is larger than an arena gets one of its own size', () => {
  const pool = new ArenaPool(2 * MIB, 2)
  expect(pool.takeSmall(1.5 * MIB).sizeBytes, 'a small one too').toBe(1.5 * MIB)
  const large = pool.take(5 * MIB + 1)
  expect([large.sizeBytes, large.bytes.length, large.shared.byteLength]).toEqual([
    5 * MIB + 1,
    5 * MIB + 1,
    5 * MIB + 1,
  ])
  pool.release(large)
  expect(pool.freeCount, 'and it is not kept').toBe(0)
})

test('arenas of the full size are used again, up to a number, with an empty index', () => {
  const pool = new ArenaPool(MIB, 2)
  const arenas = [pool.take(1), pool.take(1), pool.take(1)]
  expect(new Set(arenas).size).toBe(3)
  arenas.forEach((arena) => arena.index.add(5, 0, 2, 0))
  for (const arena of arenas) {
    pool.release(arena)
  }
  expect([pool.freeCount, pool.usedSizeBytes]).toEqual([2, 0])
  expect(pool.freeSizeBytes).toBeGreaterThanOrEqual(2 * MIB)
  const again = [pool.take(1), pool.take(1), pool.take(1)]
  expect(again.filter((arena) => arenas.includes(arena))).toHaveLength(2)
  expect(again.map((arena) => arena.index.count)).toEqual([0, 0, 0])
  expect([pool.freeCount, pool.freeSizeBytes, pool.usedSizeBytes]).toEqual([0, 0, 3 * MIB])
})

test('an arena that is smaller than asked for is never handed out', () => {
  const pool = new ArenaPool(MIB, 4)
  pool.release(pool.take(1))
  expect(pool.take(MIB + 1).sizeBytes).toBe(MIB + 1)
  expect(pool.freeCount).toBe(1)
  expect(pool.take(MIB).sizeBytes).toBe(MIB)
  expect(pool.freeCount).toBe(0)
})

test('bytes and shared memory are the same', () => {
  const arena = new ArenaPool(4096, 1).take(1)
  arena.bytes[17] = 99
  expect(new Uint8Array(arena.shared)[17]).toBe(99)
})
