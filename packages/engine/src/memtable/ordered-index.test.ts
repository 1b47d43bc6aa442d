import { KIND_DELETE, KIND_PUT, fileNumber } from '@varve/storage'
import { expect, test } from 'vitest'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import { HASH_SEED } from '../test-support/write-fixture.ts'
import { Wal } from '../wal/wal.ts'
import { ArenaPool } from './arena.ts'
import { Memtable } from './memtable.ts'
import type { OrderedPlace } from './ordered-index.ts'

const FOREVER = [() => 0, 1] as const

function createMemtable(keys: readonly Buffer[]): Memtable {
  const wal = new Wal(new MemoryEnv(), '/d', fileNumber(12))
  const memtable = new Memtable(new ArenaPool(1024 * 1024, 1).take(1), wal, 1, HASH_SEED)
  keys.forEach((key, i) => memtable.add(i % 5 === 4 ? KIND_DELETE : KIND_PUT, key, key.length, '', 0))
  return memtable
}

function keysForward(first: OrderedPlace): string[] {
  const keys: string[] = []
  for (let place = first; place.isAccessible(); place = place.next()) {
    keys.push(place.pointer[0])
  }
  return keys
}

function keysBackward(memtable: Memtable, last: OrderedPlace): string[] {
  const keys: string[] = []
  for (let place: OrderedPlace | undefined = last; place?.isAccessible() === true;) {
    keys.push(place.pointer[0])
    place = memtable.ordered.stepBack(place)
  }
  return keys
}

test('keys are in byte order, each once, forward and backward, from any place', () => {
  forEachSeed(30, (random) => {
    const alphabet = random.pick([2, 3, 256])
    const keys = Array.from({ length: random.below(400) }, () => random.bytes(random.below(6), alphabet))
    const memtable = createMemtable(keys)
    const { ordered } = memtable
    expect(ordered.catchUp(keys.length, ...FOREVER)).toBe(true)
    const distinct = [...new Set(keys.map((key) => key.toString('latin1')))]
    const sorted = distinct.toSorted((a, b) => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')))
    expect(keysForward(ordered.first())).toEqual(sorted)
    expect(keysBackward(memtable, ordered.last())).toEqual(sorted.toReversed())
    for (let i = 0; i < 20; i++) {
      const target = random.bytes(random.below(6), alphabet).toString('latin1')
      expect(keysForward(ordered.atOrAfter(target))).toEqual(sorted.filter((key) => key >= target))
      expect(keysBackward(memtable, ordered.before(target))).toEqual(sorted.filter((key) => key < target).toReversed())
    }
  })
})

test('it holds what was caught up with, and no more', () => {
  const keys = Array.from({ length: 200 }, (_, i) => Buffer.from(`${(i * 37) % 200}`.padStart(3, '0')))
  const memtable = createMemtable(keys)
  const { ordered } = memtable
  expect(keysForward(ordered.first())).toEqual([])
  expect(ordered.sizeBytes).toBe(0)
  ordered.catchUp(10, ...FOREVER)
  expect(keysForward(ordered.first())).toEqual(keys.slice(0, 10).map(String).toSorted())
  ordered.catchUp(5, ...FOREVER)
  expect(keysForward(ordered.first()), 'it never goes back').toHaveLength(10)
  ordered.catchUp(200, ...FOREVER)
  expect(keysForward(ordered.first())).toEqual(keys.map(String).toSorted())
  expect(ordered.sizeBytes).toBeGreaterThan(200 * 100)
})

test('catching up stops when its time is over, gets on each time, and ends', () => {
  const keys = Array.from({ length: 1000 }, (_, i) => Buffer.from(String(i)))
  const { ordered } = createMemtable(keys)
  let readings = 0
  const now = (): number => ++readings
  let calls = 0
  const sizes = [0]
  while (!ordered.catchUp(1000, now, 0)) {
    calls++
    const size = keysForward(ordered.first()).length
    expect(size).toBeGreaterThan(sizes.at(-1) ?? 0)
    sizes.push(size)
  }
  expect(calls).toBeGreaterThan(5)
  expect(readings, 'the clock is not read for each entry').toBeLessThan(50)
  expect(keysForward(ordered.first())).toHaveLength(1000)
})

test('a place stays valid while more keys come in', () => {
  const keys = Array.from({ length: 300 }, (_, i) => Buffer.from(`${(i * 101) % 300}`.padStart(3, '0')))
  const { ordered } = createMemtable(keys)
  ordered.catchUp(100, ...FOREVER)
  const place = ordered.atOrAfter('150')
  const key = place.pointer[0]
  ordered.catchUp(300, ...FOREVER)
  expect(place.pointer[0]).toBe(key)
  expect(keysForward(place)).toEqual(
    keys
      .map(String)
      .toSorted()
      .filter((other) => other >= key),
  )
})

test('an empty index has no first, no last and nothing before', () => {
  const memtable = createMemtable([])
  const { ordered } = memtable
  expect(ordered.catchUp(0, ...FOREVER)).toBe(true)
  expect(ordered.first().isAccessible()).toBe(false)
  expect(ordered.last().isAccessible()).toBe(false)
  expect(ordered.atOrAfter('').isAccessible()).toBe(false)
  expect(ordered.before('x').isAccessible()).toBe(false)
})
