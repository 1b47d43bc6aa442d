import { expect, test } from 'vitest'
import { forEachSeed, type SeededRandom } from '../test-support/seeds.ts'
import { numbersOf, versionOf, type ClaimedTable } from '../test-support/tables.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { rangeOf, type KeyRange, type Version } from '../version/version.ts'
import {
  isFree,
  levelScores,
  levelSizeBytesMax,
  pickCompaction,
  pickRange,
  pickTable,
  type CompactionChoice,
} from './compaction-picker.ts'

const OPTIONS = { levelZeroTableCountTrigger: 3, levelOneSizeBytes: 1000, levelSizeRatio: 10 }

function pick(version: Version, running: readonly CompactionChoice[] = []): CompactionChoice | undefined {
  return pickCompaction(version, running, OPTIONS)
}

/** What a choice is, by file numbers. */
function shapeOf(choice: CompactionChoice | undefined): object | undefined {
  return (
    choice && {
      level: choice.level,
      outputLevel: choice.outputLevel,
      inputs: numbersOf(choice.inputs),
      overlapped: numbersOf(choice.overlapped),
      isBottom: choice.isBottom,
    }
  )
}

/** As the scheduler does when it starts one. */
function start(choice: CompactionChoice | undefined): CompactionChoice {
  if (choice === undefined) {
    throw new Error('there is no choice to start')
  }
  for (const table of [...choice.inputs, ...choice.overlapped]) {
    table.isCompacting = true
  }
  return choice
}

const levelZero = (count: number, from = 1): ClaimedTable[] =>
  Array.from({ length: count }, (_, i) => ({
    number: from + i,
    smallest: 'c',
    largest: 'f',
    sequences: [from + i, from + i] as const,
  }))

test('nothing is due in an empty or a small store', () => {
  expect(pick(versionOf({}))).toBeUndefined()
  expect(pick(versionOf({ 0: levelZero(2), 1: [{ number: 9, sizeBytes: 999 }] }))).toBeUndefined()
})

test('level 0 is due at a number of tables; all of them go, with what they overlap below', () => {
  const version = versionOf({
    0: levelZero(3),
    1: [
      { number: 11, smallest: 'a', largest: 'b' },
      { number: 12, smallest: 'b\0', largest: 'c' },
      { number: 13, smallest: 'd', largest: 'e' },
      { number: 14, smallest: 'f', largest: 'g' },
      { number: 15, smallest: 'h', largest: 'i' },
    ],
  })
  expect(shapeOf(pick(version))).toEqual({
    level: 0,
    outputLevel: 1,
    inputs: [3, 2, 1],
    overlapped: [12, 13, 14],
    isBottom: true,
  })
  const { lower, upper } = pick(version)?.range ?? {}
  const bounds = [lower, upper].map((bound) => Buffer.from(bound ?? []).toString())
  expect(bounds, 'what the outputs may cover').toEqual(['b\0', 'g\0'])
})

test('scores are counts of level 0 and sizes of the others; the last level is never due', () => {
  const version = versionOf({
    0: levelZero(6),
    1: [{ number: 11, sizeBytes: 500 }],
    2: [{ number: 12, sizeBytes: 20_000 }],
    6: [{ number: 13, sizeBytes: 10 ** 12 }],
  })
  expect(levelScores(version, OPTIONS)).toEqual([2, 0.5, 2, 0, 0, 0])
  expect([1, 2, 3, 6].map((level) => levelSizeBytesMax(level, OPTIONS))).toEqual([1000, 10_000, 100_000, 10 ** 8])
})

test('the level with the highest score goes first', () => {
  const deep = { 2: [{ number: 12, sizeBytes: 50_000 }] }
  expect(pick(versionOf({ 0: levelZero(3), ...deep }))?.level).toBe(2)
  expect(pick(versionOf({ 0: levelZero(18), ...deep }))?.level).toBe(0)
  expect(pick(versionOf({ 1: [{ number: 11, sizeBytes: 1000 }] })), 'due at its size').toMatchObject({
    level: 1,
    score: 1,
  })
})

test('of a deeper level the table goes that overlaps the least below, for its size', () => {
  const version = versionOf({
    1: [
      { number: 1, smallest: 'a', largest: 'b', sizeBytes: 500 },
      { number: 2, smallest: 'c', largest: 'd', sizeBytes: 1000 },
      { number: 3, smallest: 'e', largest: 'f', sizeBytes: 100 },
    ],
    2: [
      { number: 4, smallest: 'a', largest: 'a', sizeBytes: 1000 },
      { number: 5, smallest: 'c', largest: 'c', sizeBytes: 1200 },
      { number: 6, smallest: 'f', largest: 'f', sizeBytes: 150 },
    ],
  })
  expect(shapeOf(pick(version))).toMatchObject({ level: 1, outputLevel: 2, inputs: [2], overlapped: [5] })
})

test('a table that overlaps nothing below can simply be moved, and is preferred', () => {
  const version = versionOf({
    1: [
      { number: 1, smallest: 'a', largest: 'b', sizeBytes: 5000 },
      { number: 2, smallest: 'c', largest: 'd', sizeBytes: 10 },
    ],
    2: [{ number: 3, smallest: 'b', largest: 'b', sizeBytes: 1 }],
  })
  expect(shapeOf(pick(version))).toMatchObject({ inputs: [2], overlapped: [] })
})

test('a compaction is at the bottom if nothing deeper holds keys of its range', () => {
  const levels = { 1: [{ number: 1, smallest: 'c', largest: 'e', sizeBytes: 5000 }] }
  const below = (smallest: string, largest: string, level: number): Version =>
    versionOf({
      ...levels,
      2: [{ number: 2, smallest: 'e', largest: 'h', sizeBytes: 10 }],
      [level]: [{ number: 3, smallest, largest }],
    })
  const isBottom = (version: Version): boolean | undefined => pick(version)?.isBottom
  expect(isBottom(below('x', 'z', 3))).toBe(true)
  expect(isBottom(below('a', 'b', 6))).toBe(true)
  expect(isBottom(below('d', 'd', 3))).toBe(false)
  expect(isBottom(below('d', 'd', 6))).toBe(false)
  expect(isBottom(below('g', 'g', 3)), 'of the overlapped tables’ range too').toBe(false)
  expect(isBottom(below('h', 'h', 4)), 'its last key too').toBe(false)
  expect(isBottom(below('h\0', 'i', 4))).toBe(true)
})

test('a table that is being compacted is left alone', () => {
  const version = versionOf({ 0: levelZero(3), 1: [{ number: 11, smallest: 'd', sizeBytes: 2000 }] })
  for (const [level, number] of [
    [0, 2],
    [1, 11],
  ] as const) {
    const table = version.tablesOf(level).find(({ metadata }) => metadata.number === number)
    if (table !== undefined) {
      table.isCompacting = true
      expect(pick(version)?.level, `table ${number}`).toBe(level === 0 ? 1 : undefined)
      table.isCompacting = false
    }
  }
  const next = versionOf({
    1: [
      { number: 1, smallest: 'a', sizeBytes: 600 },
      { number: 2, smallest: 'b', sizeBytes: 600 },
    ],
  })
  const first = start(pick(next))
  expect(numbersOf(first.inputs)).toEqual([1])
  expect(numbersOf(pick(next, [first])?.inputs ?? [])).toEqual([2])
})

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

test('level 0 is not compacted twice at a time, even when it is due again', () => {
  const first = start(pick(versionOf({ 0: levelZero(3) })))
  const later = versionOf({ 0: levelZero(3, 10) })
  expect(pick(later, [first]), 'its keys are the same').toBeUndefined()
})

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
    shapeOf(pickRange(version, level, rangeFrom(lower, upper)))
  expect(shape(0, 'b', 'c'), 'level 0 goes as a whole').toMatchObject({ inputs: [2, 1], overlapped: [3, 4, 5] })
  expect(shape(0, 'd', 'e')).toBeUndefined()
  expect(shape(1, 'e', 'f')).toMatchObject({ inputs: [4], overlapped: [6], isBottom: true })
  expect(shape(1, 'e', 'f\0')).toMatchObject({ inputs: [4, 5], overlapped: [6] })
  expect(shape(1)).toMatchObject({ inputs: [3, 4, 5] })
  expect(shape(1, 'h')).toBeUndefined()
  expect(shape(3)).toBeUndefined()
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
  const inPlace = { level: 1, outputLevel: 1, overlapped: [] }
  expect(shapeOf(pickTable(version, 1, first))).toEqual({ ...inPlace, inputs: [3], isBottom: true })
  expect(shapeOf(pickTable(version, 1, second))).toEqual({ ...inPlace, inputs: [4], isBottom: false })
  expect(pickTable(version, 2, first)).toBeUndefined()
  const other = start(pickTable(version, 1, first))
  expect(isFree(pickTable(version, 1, first) as CompactionChoice, [other])).toBe(false)
  expect(isFree(pickTable(version, 1, second) as CompactionChoice, [other])).toBe(true)
})

function rangeFrom(lower?: string, upper?: string): KeyRange {
  return {
    lower: lower === undefined ? undefined : Buffer.from(lower),
    upper: upper === undefined ? undefined : Buffer.from(upper),
  }
}

function choiceOf(outputLevel: number, lower?: string, upper?: string): CompactionChoice {
  return {
    level: outputLevel - 1,
    outputLevel,
    inputs: [],
    overlapped: [],
    isBottom: false,
    range: rangeFrom(lower, upper),
    score: 1,
  }
}

/** Tables that do not overlap, over some of the keys from 100 to 999. */
function randomLevel(random: SeededRandom, firstNumber: number): ClaimedTable[] {
  const tables: ClaimedTable[] = []
  for (let key = 100 + random.below(50); key < 950; key += 1 + random.below(60)) {
    const smallest = String(key)
    key += random.below(80)
    tables.push({
      number: firstNumber + tables.length,
      smallest,
      largest: String(Math.min(key, 999)),
      sizeBytes: 50 + random.below(100),
    })
  }
  return tables
}

/** The same by trying every table. */
function pickByTrying(version: Version, running: readonly CompactionChoice[]): CompactionChoice | undefined {
  const choices = version
    .tablesOf(1)
    .flatMap((table) => pickRange(version, 1, rangeOf([table])) ?? [])
    .filter((choice) => isFree(choice, running))
  const costOf = ({ inputs: [table], overlapped }: CompactionChoice): number =>
    overlapped.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0) / (table?.metadata.sizeBytes ?? 0)
  return choices.reduce<CompactionChoice | undefined>(
    (best, choice) => (best === undefined || costOf(choice) < costOf(best) ? choice : best),
    undefined,
  )
}

test('of a deeper level the table goes that overlaps the least for its size and is free, whatever runs', () => {
  forEachSeed(50, (random) => {
    const version = versionOf({ 1: randomLevel(random, 100), 2: randomLevel(random, 200) })
    const options = { ...OPTIONS, levelOneSizeBytes: 1, levelSizeRatio: 1e9 }
    const running: CompactionChoice[] = []
    for (;;) {
      const choice = pickCompaction(version, running, options)
      expect(shapeOf(choice)).toEqual(shapeOf(pickByTrying(version, running)))
      if (choice === undefined) {
        break
      }
      running.push(start(choice))
    }
    expect(running.length).toBeGreaterThan(0)
  })
})
