import { expect, test } from 'vitest'
import { rangeFrom, shapeOf } from '../test-support/choices.ts'
import { numbersOf, versionOf } from '../test-support/tables.ts'
import type { Version } from '../version/version.ts'
import { choose, isFree, outputLevelOf, type CompactionChoice } from './compaction-choice.ts'

function choiceOf(outputLevel: number, lower?: string, upper?: string): CompactionChoice {
  return {
    runs: [],
    level: outputLevel - 1,
    outputLevel,
    outputRun: 0,
    isMove: false,
    isBottom: false,
    range: rangeFrom(lower, upper),
    grandparents: [],
    score: 1,
  }
}

test('outputs of two compactions into one level never cover the same keys', () => {
  const one = choiceOf(1, 'a', 'e')
  expect(isFree(choiceOf(1, 'e', 'g'), [one])).toBe(true)
  expect(isFree(choiceOf(1, 'd', 'g'), [one])).toBe(false)
  expect(isFree(choiceOf(1, 'b', 'c'), [one])).toBe(false)
  expect(isFree(choiceOf(1, undefined, 'a'), [one])).toBe(true)
  expect(isFree(choiceOf(1, undefined, 'a\0'), [one])).toBe(false)
  expect(isFree(choiceOf(1, undefined, undefined), [one])).toBe(false)
  expect(isFree(choiceOf(2, 'b', 'c'), [one]), 'into another level').toBe(true)
})

test('a compaction is at the bottom if nothing deeper holds keys of its range', () => {
  const isBottom = (smallest: string, largest: string, level: number): boolean => {
    const version = versionOf({
      1: [{ number: 1, smallest: 'c', largest: 'e' }],
      2: [{ number: 2, smallest: 'e', largest: 'h' }],
      [level]: [{ number: 3, smallest, largest }],
    })
    return choose(version, 1, version.tablesOf(1), 2, 1).isBottom
  }
  expect(isBottom('x', 'z', 3)).toBe(true)
  expect(isBottom('a', 'b', 6)).toBe(true)
  expect(isBottom('d', 'd', 3)).toBe(false)
  expect(isBottom('d', 'd', 6)).toBe(false)
  expect(isBottom('g', 'g', 3), 'of the overlapped tables’ range too').toBe(false)
  expect(isBottom('h', 'h', 4), 'its last key too').toBe(false)
  expect(isBottom('h\0', 'i', 4)).toBe(true)
})

test('grandparents are the tables of the first level below the outputs that holds anything of their range', () => {
  const grandparents = (version: Version): number[] =>
    numbersOf(choose(version, 1, version.tablesOf(1), 2, 1).grandparents)
  const above = { 1: [{ number: 1, smallest: 'c', largest: 'e' }] }
  const bottom = ['b', 'c', 'd', 'f'].map((smallest, i) => ({ number: 10 + i, smallest }))
  expect(grandparents(versionOf({ ...above, 6: bottom }))).toEqual([11, 12])
  expect(grandparents(versionOf({ ...above, 4: [{ number: 9, smallest: 'd' }], 6: bottom }))).toEqual([9])
  expect(grandparents(versionOf({ ...above, 4: [{ number: 9, smallest: 'a' }], 6: bottom }))).toEqual([11, 12])
  expect(grandparents(versionOf(above))).toEqual([])
})

test('tables of level 0 are inputs by run, newest first, and those of a deeper level are one run', () => {
  const version = versionOf({
    0: [
      { number: 1, smallest: 'a', sequences: [1, 1] },
      { number: 2, smallest: 'a', sequences: [5, 5] },
      { number: 3, smallest: 'c', sequences: [5, 5] },
    ],
    5: [
      { number: 4, smallest: 'b' },
      { number: 5, smallest: 'd' },
    ],
  })
  expect(shapeOf(choose(version, 0, version.tablesOf(0), 5, 1))).toMatchObject({
    inputs: [[2, 3], [1]],
    overlapped: [4],
    isMove: false,
  })
  expect(shapeOf(choose(version, 0, version.tablesOf(0).slice(0, 2), 6, 1)), 'one run').toMatchObject({
    inputs: [[2, 3]],
    overlapped: [],
    isMove: true,
  })
})

test('tables pass over empty levels down to the base, but over none that anything is or will be in', () => {
  const version = versionOf({ 0: [{ number: 1 }], 2: [{ number: 2 }], 5: [{ number: 3 }] })
  expect(outputLevelOf(version, 0, 5, [])).toBe(2)
  expect(outputLevelOf(version, 2, 5, [])).toBe(5)
  expect(outputLevelOf(version, 2, 4, [])).toBe(4)
  expect(outputLevelOf(version, 5, 5, [])).toBe(6)
  expect(outputLevelOf(version, 2, 6, [choiceOf(3)])).toBe(3)
  expect(outputLevelOf(versionOf({ 0: [{ number: 1 }] }), 0, 6, [])).toBe(6)
})
