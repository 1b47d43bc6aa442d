import { AssertionError, fileNumber } from '@varve/storage'
import { expect, test } from 'vitest'
import { metadataOf, numbersOf, versionOf } from '../test-support/tables.ts'
import { Version, keyAfter, rangeOf } from './version.ts'

const range = (lower?: string, upper?: string): { lower: Buffer | undefined; upper: Buffer | undefined } => ({
  lower: lower === undefined ? undefined : Buffer.from(lower),
  upper: upper === undefined ? undefined : Buffer.from(upper),
})

test('level 0 is newest first, by sequence and never by file number', () => {
  const version = versionOf({
    0: [
      { number: 9, sequences: [1, 10] },
      { number: 7, sequences: [21, 30] },
      { number: 8, sequences: [11, 20] },
    ],
  })
  expect(numbersOf(version.tablesOf(0))).toEqual([7, 8, 9])
  version.checkInvariants()
})

test('deeper levels are in byte order of their keys', () => {
  const version = versionOf({
    2: [
      { number: 1, smallest: 'é' },
      { number: 2, smallest: 'b', largest: 'c' },
      { number: 3, smallest: '' },
      { number: 4, smallest: 'z' },
    ],
  })
  expect(numbersOf(version.tablesOf(2))).toEqual([3, 2, 4, 1])
  version.checkInvariants()
})

test('an edit makes a new Version and leaves the old one as it was', () => {
  const before = versionOf({ 1: [{ number: 1 }, { number: 2, smallest: 'b' }] })
  const after = before.apply({
    deleted: [{ level: 1, number: fileNumber(1) }],
    added: [{ level: 3, run: 0, table: metadataOf({ number: 3 }) }],
  })
  expect(numbersOf(before.tablesOf(1))).toEqual([1, 2])
  expect([numbersOf(after.tablesOf(1)), numbersOf(after.tablesOf(3))]).toEqual([[2], [3]])
  expect(after.tablesOf(1)[0], 'what stays is the same table').toBe(before.tablesOf(1)[1])
  expect([before.deepestLevel, after.deepestLevel, Version.empty().deepestLevel]).toEqual([1, 3, -1])
})

test('a table that moves keeps its handle: the file must not go with the level', () => {
  const before = versionOf({ 1: [{ number: 1 }] })
  const [handle] = before.tablesOf(1)
  before.retain()
  const after = before.apply({
    deleted: [{ level: 1, number: fileNumber(1) }],
    added: [{ level: 2, run: 0, table: metadataOf({ number: 1 }) }],
  })
  after.retain()
  expect(after.tablesOf(2)[0]).toBe(handle)
  expect(before.release()).toEqual([])
  expect(after.release()).toEqual([handle])
})

test('an edit that deletes what is not there, or names a level that is not, is refused', () => {
  const version = versionOf({ 1: [{ number: 1 }] })
  expect(() => version.apply({ deleted: [{ level: 2, number: fileNumber(1) }] })).toThrow(AssertionError)
  expect(() => version.apply({ deleted: [{ level: 1, number: fileNumber(2) }] })).toThrow(AssertionError)
  expect(() => version.apply({ added: [{ level: 7, run: 0, table: metadataOf({ number: 3 }) }] })).toThrow(
    AssertionError,
  )
})

test('a table is obsolete when the last Version that names it is released, and not before', () => {
  const first = versionOf({ 1: [{ number: 1 }, { number: 2, smallest: 'b' }] })
  const second = first.apply({ deleted: [{ level: 1, number: fileNumber(1) }] })
  first.retain()
  first.retain()
  second.retain()
  expect(first.release()).toEqual([])
  expect(numbersOf(first.release())).toEqual([1])
  expect(numbersOf(second.release())).toEqual([2])
  expect(() => second.release()).toThrow(AssertionError)
})

test('tables overlap a range by their bounds, whose upper end does not belong to it', () => {
  const version = versionOf({
    1: [
      { number: 1, smallest: 'b', largest: 'd' },
      { number: 2, smallest: 'f', largest: 'h' },
      { number: 3, smallest: 'j', largest: 'l' },
    ],
  })
  const cases: [string | undefined, string | undefined, number[]][] = [
    [undefined, undefined, [1, 2, 3]],
    ['f', 'g', [2]],
    ['d', 'f', [1]],
    ['d', 'f\0', [1, 2]],
    ['d\0', 'f', []],
    ['h', undefined, [2, 3]],
    ['h\0', undefined, [3]],
    [undefined, 'b', []],
    [undefined, 'b\0', [1]],
    ['m', undefined, []],
    ['c', 'k', [1, 2, 3]],
  ]
  for (const [lower, upper, expected] of cases) {
    expect(numbersOf(version.overlapping(1, range(lower, upper))), `${lower} to ${upper}`).toEqual(expected)
  }
})

test('the range of tables covers them all, the largest key included', () => {
  const { lower, upper } = rangeOf(
    versionOf({
      0: [
        { number: 1, smallest: 'm', largest: 'z', sequences: [1, 1] },
        { number: 2, smallest: 'b', largest: 'c', sequences: [2, 2] },
        { number: 3, smallest: 'c', largest: 'y', sequences: [3, 3] },
      ],
    }).tablesOf(0),
  )
  expect([String(lower), Buffer.from(upper ?? []).toString()]).toEqual(['b', 'z\0'])
  expect(() => rangeOf([])).toThrow(AssertionError)
  expect(Array.from(keyAfter(Buffer.from([255])))).toEqual([255, 0])
  expect(Array.from(keyAfter(Buffer.alloc(0)))).toEqual([0])
})

test('the invariants find tables that overlap or are out of order', () => {
  const wrong = [
    versionOf({
      1: [
        { number: 1, smallest: 'a', largest: 'c' },
        { number: 2, smallest: 'c', largest: 'd' },
      ],
    }),
    versionOf({
      6: [
        { number: 1, smallest: 'a', largest: 'z' },
        { number: 2, smallest: 'c', largest: 'd' },
      ],
    }),
    versionOf({
      0: [
        { number: 1, sequences: [1, 10] },
        { number: 2, sequences: [10, 20] },
      ],
    }),
    versionOf({
      0: [
        { number: 1, sequences: [1, 30] },
        { number: 2, sequences: [10, 20] },
      ],
    }),
  ]
  for (const version of wrong) {
    expect(() => version.checkInvariants()).toThrow(AssertionError)
  }
  versionOf({
    0: [
      { number: 1, sequences: [5, 10] },
      { number: 2, smallest: 'x', sequences: [5, 12] },
    ],
    1: [
      { number: 3, smallest: 'a', largest: 'c' },
      { number: 4, smallest: 'c\0', largest: 'd' },
    ],
  }).checkInvariants()
})

test('the size of a level is that of its tables', () => {
  const version = versionOf({
    1: [
      { number: 1, sizeBytes: 10 },
      { number: 2, smallest: 'b', sizeBytes: 32 },
    ],
  })
  expect([version.sizeBytesOf(1), version.sizeBytesOf(2)]).toEqual([42, 0])
})

test('R11: a table in two places, or tables of one run that overlap, are found', () => {
  expect(() => versionOf({ 1: [{ number: 1 }], 2: [{ number: 1 }] }).checkInvariants()).toThrow(AssertionError)
  const ofOneRun = (second: string): Version =>
    versionOf({
      0: [
        { number: 1, smallest: 'a', largest: 'c', sequences: [1, 5] },
        { number: 2, smallest: second, largest: 'e', sequences: [1, 6] },
      ],
    })
  expect(() => ofOneRun('c').checkInvariants()).toThrow(AssertionError)
  expect(() => ofOneRun('d').checkInvariants()).not.toThrow()
})
