import type { Codec } from '@varve/storage'
import { expect, test } from 'vitest'
import { shapeOf, start } from '../test-support/choices.ts'
import { forEachSeed, type SeededRandom } from '../test-support/seeds.ts'
import { numbersOf, versionOf, type ClaimedTable } from '../test-support/tables.ts'
import { rangeOf, type Version } from '../version/version.ts'
import { choose, isFree, tablesOf, type CompactionChoice } from './compaction-choice.ts'
import { pickLeveled } from './leveled-picker.ts'

const OPTIONS = {
  levelZeroTableCountTrigger: 3,
  levelOneSizeBytes: 1000,
  levelSizeRatio: 10,
  compression: ['none'] as const,
  tableSizeBytes: 1000,
}

function pick(version: Version, running: readonly CompactionChoice[] = []): CompactionChoice | undefined {
  return pickLeveled(version, running, OPTIONS, 1)
}

const levelZero = (count: number, from = 1, smallest = 'c', largest = 'f'): ClaimedTable[] =>
  Array.from({ length: count }, (_, i) => ({
    number: from + i,
    smallest,
    largest,
    sequences: [from + i, from + i] as const,
  }))

test('nothing is due in an empty or a small store', () => {
  expect(pick(versionOf({}))).toBeUndefined()
  expect(pick(versionOf({ 0: levelZero(2), 6: [{ number: 9, sizeBytes: 999 }] }))).toBeUndefined()
})

test('level 0 is due at a number of runs; those that overlap go, with what they overlap in the base level', () => {
  const version = versionOf({
    0: levelZero(3),
    6: [
      { number: 11, smallest: 'a', largest: 'b' },
      { number: 12, smallest: 'b\0', largest: 'c' },
      { number: 13, smallest: 'd', largest: 'e' },
      { number: 14, smallest: 'f', largest: 'g' },
      { number: 15, smallest: 'h', largest: 'i' },
    ],
  })
  expect(shapeOf(pick(version))).toEqual({
    level: 0,
    outputLevel: 6,
    inputs: [[3], [2], [1]],
    overlapped: [12, 13, 14],
    isBottom: true,
    isMove: false,
  })
  const { lower, upper } = pick(version)?.range ?? {}
  const bounds = [lower, upper].map((bound) => Buffer.from(bound ?? []).toString())
  expect(bounds, 'what the outputs may cover').toEqual(['b\0', 'g\0'])
})

test('what was flushed to ranges apart is compacted apart, and at once', () => {
  const version = versionOf({
    0: [...levelZero(2, 1, 'a', 'b'), ...levelZero(1, 3, 'b', 'd'), ...levelZero(2, 4, 'p', 'q')],
    6: [{ number: 11, smallest: 'a', largest: 'd' }],
  })
  const first = start(pick(version))
  expect(shapeOf(first)).toMatchObject({ inputs: [[3], [2], [1]], overlapped: [11], isMove: false })
  expect(pick(version, [first]), 'two runs are left').toBeUndefined()
  const second = pickLeveled(version, [first], OPTIONS, 0.5)
  expect(shapeOf(second)).toMatchObject({ inputs: [[5], [4]], overlapped: [] })
})

test('what overlaps nothing, in level 0 or where it goes, is moved', () => {
  const version = versionOf({
    0: [...levelZero(1, 1, 'a', 'b'), ...levelZero(1, 2, 'c', 'd'), ...levelZero(1, 3, 'e', 'f')],
  })
  const running: CompactionChoice[] = []
  for (const number of [1, 2, 3]) {
    const choice = pickLeveled(version, running, OPTIONS, 0.3)
    expect(shapeOf(choice)).toMatchObject({ outputLevel: 6, inputs: [[number]], overlapped: [], isMove: true })
    running.push(start(choice))
  }
})

test('a table that is large beside nothing is not moved over too many tables of the level after', () => {
  const below = (count: number): Version =>
    versionOf({
      0: levelZero(3, 1, 'a', 'z').slice(2),
      6: Array.from({ length: count }, (_, i) => ({ number: 100 + i, smallest: `b${100 + i}`, sizeBytes: 1000 })),
    })
  expect(shapeOf(pickLeveled(below(25), [], OPTIONS, 0))).toMatchObject({ outputLevel: 5, isMove: true })
  expect(shapeOf(pickLeveled(below(26), [], OPTIONS, 0))).toMatchObject({ outputLevel: 5, isMove: false })
})

test('a table is not moved to a level of another codec, but written anew in it', () => {
  const version = versionOf({ 0: levelZero(3, 1, 'a', 'z').slice(2) })
  const isMove = (...compression: Codec[]): boolean | undefined =>
    pickLeveled(version, [], { ...OPTIONS, compression }, 0)?.isMove
  expect(isMove('lz4')).toBe(true)
  expect(isMove('none', 'lz4')).toBe(false)
  expect(isMove('lz4', 'none', 'lz4'), 'it passes over the level between').toBe(true)
})

test('the level with the highest score goes first', () => {
  const deep = {
    5: [{ number: 12, sizeBytes: 10_000 }],
    6: [{ number: 13, smallest: 'x', sizeBytes: 20_000 }],
  }
  expect(pick(versionOf({ 0: levelZero(3), ...deep }))?.level).toBe(5)
  expect(pick(versionOf({ 0: levelZero(18), ...deep }))?.level).toBe(0)
})

test('what lies above the base level is drained into it', () => {
  const version = versionOf({ 2: [{ number: 1, sizeBytes: 10 }], 6: [{ number: 2, sizeBytes: 20_000 }] })
  expect(shapeOf(pick(version))).toMatchObject({ level: 2, outputLevel: 5, inputs: [[1]], isMove: true })
})

test('of a deeper level the table goes that overlaps the least below, for what it weighs', () => {
  const bottom = [
    { number: 4, smallest: 'a', sizeBytes: 1000 },
    { number: 5, smallest: 'c', sizeBytes: 1200 },
    { number: 6, smallest: 'f', sizeBytes: 150 },
    { number: 7, smallest: 'z', sizeBytes: 8000, entryCount: 80 },
  ]
  const above = [
    { number: 1, smallest: 'a', largest: 'b', sizeBytes: 500 },
    { number: 2, smallest: 'c', largest: 'd', sizeBytes: 1000 },
    { number: 3, smallest: 'e', largest: 'f', sizeBytes: 100 },
  ]
  const version = versionOf({ 5: above, 6: bottom })
  expect(shapeOf(pick(version))).toMatchObject({ level: 5, outputLevel: 6, inputs: [[2]], overlapped: [5] })
  const withTombstones = versionOf({
    5: above.map((table) => (table.number === 3 ? { ...table, entryCount: 9, tombstoneCount: 9 } : table)),
    6: bottom,
  })
  expect(shapeOf(pick(withTombstones))).toMatchObject({ inputs: [[3]], overlapped: [6] })
})

test('a table takes along those beside it that add nothing to write below', () => {
  const version = versionOf({
    5: ['a', 'c', 'e', 'g', 'm'].map((smallest, i) => ({ number: 1 + i, smallest, sizeBytes: 400 + i })),
    6: [
      { number: 11, smallest: 'b', largest: 'f', sizeBytes: 100 },
      { number: 12, smallest: 'g', largest: 'z', sizeBytes: 9000 },
    ],
  })
  const choice = pick(version)
  expect(shapeOf(choice), 'moves come first').toMatchObject({ inputs: [[1]], isMove: true })
  const moved = start(choice)
  expect(shapeOf(pick(version, [moved]))).toMatchObject({ inputs: [[2, 3]], overlapped: [11] })
})

test('a table that is being compacted is left alone', () => {
  const version = versionOf({ 0: levelZero(3), 6: [{ number: 11, smallest: 'd', sizeBytes: 2000 }] })
  for (const table of [...version.tablesOf(0), ...version.tablesOf(6)]) {
    table.isCompacting = true
    expect(pick(version)).toBeUndefined()
    table.isCompacting = false
  }
  const later = versionOf({ 0: levelZero(3, 10) })
  expect(pick(later, [start(pick(versionOf({ 0: levelZero(3) })))]), 'its keys are the same').toBeUndefined()
})

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

/** The least overlap for the size, by trying every table. */
function leastCostByTrying(version: Version, running: readonly CompactionChoice[]): number {
  const costs = version
    .tablesOf(5)
    .map((table) => choose(version, 5, [table], 6, 1))
    .filter((choice) => isFree(choice, running))
    .map((choice) => costOf(version, numbersOf(choice.runs[0]?.tables ?? []), choice))
  return Math.min(...costs)
}

/** Of the first of these tables that costs the least; `choice` is what it is in. */
function costOf(version: Version, numbers: readonly number[], choice: CompactionChoice): number {
  const costs = version
    .tablesOf(5)
    .filter((table) => numbers.includes(table.metadata.number))
    .map((table) => {
      const overlapped = version.overlapping(6, rangeOf([table]))
      return overlapped.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0) / table.metadata.sizeBytes
    })
  expect(choice.runs.length).toBeLessThanOrEqual(2)
  return Math.min(...costs)
}

test('of a deeper level the table goes that overlaps the least for its size and is free, whatever runs', () => {
  forEachSeed(50, (random) => {
    const version = versionOf({ 5: randomLevel(random, 100), 6: [...randomLevel(random, 200)] })
    const options = { ...OPTIONS, levelOneSizeBytes: 1, levelSizeRatio: 1e6, compression: ['none'] as const }
    const running: CompactionChoice[] = []
    for (;;) {
      const least = leastCostByTrying(version, running)
      const choice = pickLeveled(version, running, options, 0)
      expect(choice === undefined).toBe(least === Infinity)
      if (choice === undefined) {
        break
      }
      expect(choice.level).toBe(5)
      expect(costOf(version, numbersOf(choice.runs[0]?.tables ?? []), choice)).toBe(least)
      running.push(start(choice))
    }
    const inputs = running.flatMap(tablesOf)
    expect(new Set(inputs).size, 'each table once').toBe(inputs.length)
    expect(running.length).toBeGreaterThan(0)
  })
})
