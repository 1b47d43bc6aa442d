import { compareKeys } from '@varve/storage'
import { expect, test } from 'vitest'
import { EntrySorter, SORT_SIZE_BYTES_PER_ENTRY } from './entry-sorter.ts'
import { JobMemory } from '../jobs/job-memory.ts'
import { SeededRandom } from '../test-support/seeded-random.ts'

/** Kept between jobs, as a thread does: what is in it must not matter. */
const memory = new JobMemory()

/** Sorts by the sorter and by `Array.sort`, and expects the same. */
function check(keys: readonly Uint8Array[], what: string): void {
  const offsets = new Uint32Array(keys.length)
  let size = 0
  keys.forEach((key, i) => {
    offsets[i] = size
    size += key.length
  })
  const bytes = new Uint8Array(new SharedArrayBuffer(size))
  keys.forEach((key, i) => bytes.set(key, offsets[i]))
  memory.startColumns(keys.length * SORT_SIZE_BYTES_PER_ENTRY + 64)
  const sizes = Uint32Array.from(keys, (key) => key.length)
  const order = new EntrySorter(bytes, offsets, sizes, memory).sort()
  const expected = keys
    .map((_, i) => i)
    .toSorted((a, b) => compareKeys(keys[a] as Uint8Array, keys[b] as Uint8Array) || b - a)
  expect(Array.from(order), what).toEqual(expected)
}

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1')

test('nothing, one key, the empty key', () => {
  check([], 'none')
  check([text('a')], 'one')
  check([text(''), text('a'), text(''), text('\0'), text('')], 'empty')
})

test('a key that is the beginning of another comes first, zeros or not', () => {
  const keys: Uint8Array[] = []
  for (let size = 0; size < 60; size++) {
    keys.push(text('\0'.repeat(size)), text('a'.repeat(size)), text(`${'a'.repeat(size)}\0`))
  }
  check([...keys, ...keys, ...keys.toReversed()], 'prefixes')
})

test('equal keys stay newest first', () => {
  check(
    Array.from({ length: 500 }, () => text('the same key')),
    'equal',
  )
})

test('keys that agree in tens of thousands of bytes', () => {
  const shared = 'x'.repeat(30_000)
  check(
    Array.from({ length: 60 }, (_, i) => text(`${shared}${(i * 37) % 60}`)),
    'long',
  )
  check(
    Array.from({ length: 200 }, (_, i) => text('y'.repeat(((i * 37) % 200) * 100))),
    'nested',
  )
})

test('random keys of many shapes', () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new SeededRandom(seed)
    const sizeMax = 1 + random.below(20)
    const isFixed = random.below(2) === 0
    const values = [2, 3, 10, 256][random.below(4)] as number
    const count = random.below(1500)
    const prefix = random.bytes(random.below(10), 256)
    const keys = Array.from({ length: count }, () => {
      const tail = random.bytes(isFixed ? sizeMax : random.below(sizeMax + 1), values)
      return random.below(20) === 0 ? tail : Uint8Array.from([...prefix, ...tail])
    })
    check(keys, `seed ${seed}`)
  }
})
