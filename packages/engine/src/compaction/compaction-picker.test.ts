import { expect, test } from 'vitest'
import { versionOf } from '../test-support/tables.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { isFree, type CompactionChoice } from './compaction-choice.ts'
import { bottomOf, pickRange, pickTable } from './compaction-picker.ts'
import { rangeFrom, shapeOf, start } from '../test-support/choices.ts'

const OPTIONS = {
  levelZeroTableCountTrigger: 3,
  levelOneSizeBytes: 1000,
  levelSizeRatio: 10,
  compression: ['none'] as const,
  tableSizeBytes: 1000,
  levelZeroTableCountMax: 24,
  compactionStrategy: 'leveled',
} as const

test('a range is brought down from a level with all that it needs', () => {
  const version = versionOf({
    0: [
      { number: 1, smallest: 'a', largest: 'c', sequences: [1, 1] },
      { number: 2, smallest: 'x', largest: 'z', sequences: [2, 2] },
    ],
    1: [
      { number: 3, smallest: 'a', largest: 'b' },
      { number: 4, smallest: 'd', largest: 'e' },
      { number: 5, smallest: 'f', largest: 'g' },
    ],
    2: [{ number: 6, smallest: 'e', largest: 'f' }],
  })
  const shape = (level: number, lower?: string, upper?: string): object | undefined =>
    shapeOf(pickRange(version, [], OPTIONS, level, rangeFrom(lower, upper)))
  expect(shape(0, 'b', 'c'), 'level 0 goes as a whole').toMatchObject({ inputs: [[2], [1]], overlapped: [3, 4, 5] })
  expect(shape(0, 'd', 'e')).toBeUndefined()
  expect(shape(1, 'e', 'f')).toMatchObject({ inputs: [[4]], overlapped: [6], isBottom: true })
  expect(shape(1, 'e', 'f\0')).toMatchObject({ inputs: [[4, 5]], overlapped: [6] })
  expect(shape(1)).toMatchObject({ inputs: [[3, 4, 5]] })
  expect(shape(1, 'h')).toBeUndefined()
  expect(shape(3)).toBeUndefined()
})

test('a range ends up where the deepest of it is, or where level 0 goes', () => {
  const flushed = [{ number: 1, smallest: 'a', largest: 'z' }]
  const version = versionOf({ 0: flushed, 2: [{ number: 2, smallest: 'e' }], 4: [{ number: 3, smallest: 'k' }] })
  const bottom = (lower?: string, upper?: string): number => bottomOf(version, [], OPTIONS, rangeFrom(lower, upper))
  expect([bottom(), bottom('a', 'f'), bottom('p', 'q')]).toEqual([4, 2, 2])
  expect(bottomOf(versionOf({ 0: flushed }), [], OPTIONS, rangeFrom())).toBe(6)
})

test('a table is written anew in its level, as long as it is there; below it nothing of its range may be', () => {
  const version = versionOf({
    1: [
      { number: 3, smallest: 'a', largest: 'b' },
      { number: 4, smallest: 'd', largest: 'f' },
    ],
    2: [{ number: 6, smallest: 'e', largest: 'g' }],
  })
  const [first, second] = version.tablesOf(1) as [TableHandle, TableHandle]
  const inPlace = { level: 1, outputLevel: 1, overlapped: [], isMove: false }
  expect(shapeOf(pickTable(version, 1, first))).toEqual({ ...inPlace, inputs: [[3]], isBottom: true })
  expect(shapeOf(pickTable(version, 1, second))).toEqual({ ...inPlace, inputs: [[4]], isBottom: false })
  expect(pickTable(version, 2, first)).toBeUndefined()
  const other = start(pickTable(version, 1, first))
  expect(isFree(pickTable(version, 1, first) as CompactionChoice, [other])).toBe(false)
  expect(isFree(pickTable(version, 1, second) as CompactionChoice, [other])).toBe(true)
})
