import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { OwnWrites, type OwnPlace } from './own-writes.ts'

const START: OwnPlace = { key: undefined, isIncluded: true }

/** All keys with their values, `null` for a delete, that an iterator of the first `count` writes comes to. */
function listOf(own: OwnWrites, count: number, isReverse: boolean, from: OwnPlace = START): [string, string | null][] {
  const list: [string, string | null][] = []
  let place = from
  for (let next = own.next(place, isReverse, count); next !== undefined; next = own.next(place, isReverse, count)) {
    const [key, write] = next
    list.push([key, own.valueOf(write)?.toString() ?? null])
    place = { key, isIncluded: false }
  }
  return list
}

test('nothing was written', () => {
  const own = new OwnWrites(10)
  expect([listOf(own, 0, false), listOf(own, 0, true), own.find('a'), own.count]).toEqual([[], [], undefined, 0])
})

test('the newest write of a key is found, and older ones by who began before it', () => {
  const own = new OwnWrites(10)
  own.put('a', '1')
  own.delete(Buffer.from([0xff]))
  own.put('a', '')
  own.delete('a')
  own.put('b', '2')
  expect([1, 2, 3, 4, 5].map((count) => listOf(own, count, false))).toEqual([
    [['a', '1']],
    [
      ['a', '1'],
      ['\u00ff', null],
    ],
    [
      ['a', ''],
      ['\u00ff', null],
    ],
    [
      ['a', null],
      ['\u00ff', null],
    ],
    [
      ['a', null],
      ['b', '2'],
      ['\u00ff', null],
    ],
  ])
  expect(own.find('a')?.number).toBe(4)
  expect(own.find('c')).toBeUndefined()
})

test('what is refused is not written', () => {
  const own = new OwnWrites(3)
  expect(() => own.put('a', 'four')).toThrow('valueSizeBytesMax')
  expect(() => own.put(7 as unknown as string, '')).toThrow('a key must be')
  expect(() => own.delete(Buffer.alloc(70_000))).toThrow('too long')
  expect([own.count, own.packed.sizeBytes, own.find('a')]).toEqual([0, 0, undefined])
})

test('in both directions, from any place, as of any number of writes', () => {
  forEachSeed(100, (random) => {
    const own = new OwnWrites(10)
    const history: [string, string | null][] = []
    for (let i = random.below(40); i > 0; i--) {
      const key = random.bytes(random.below(3), 3)
      if (random.below(3) === 0) {
        own.delete(key)
        history.push([key.toString('latin1'), null])
      } else {
        own.put(key, `${i}`)
        history.push([key.toString('latin1'), `${i}`])
      }
    }
    for (let i = 0; i < 20; i++) {
      const count = random.below(history.length + 1)
      const isReverse = random.below(2) === 0
      const from = { key: random.bytes(random.below(3), 3).toString('latin1'), isIncluded: random.below(2) === 0 }
      const isAhead = (key: string): boolean =>
        (isReverse ? key < from.key : key > from.key) || (from.isIncluded && key === from.key)
      const sorted = [...new Map(history.slice(0, count))].toSorted(([a], [b]) => (a < b ? -1 : 1))
      const expected = (isReverse ? sorted.toReversed() : sorted).filter(([key]) => isAhead(key))
      expect(listOf(own, count, isReverse, from)).toEqual(expected)
    }
  })
})
