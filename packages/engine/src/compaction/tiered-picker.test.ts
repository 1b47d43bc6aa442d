import { expect, test } from 'vitest'
import { shapeOf, start } from '../test-support/choices.ts'
import { numbersOf, versionOf, type ClaimedTable } from '../test-support/tables.ts'
import type { Version } from '../version/version.ts'
import type { CompactionChoice } from './compaction-choice.ts'
import { pickTiered } from './tiered-picker.ts'

/** Six runs make a tier. */
const OPTIONS = {
  levelZeroTableCountTrigger: 4,
  levelZeroTableCountMax: 24,
  levelOneSizeBytes: 1000,
  levelSizeRatio: 10,
  compression: ['none'] as const,
}

const pick = (version: Version, running: readonly CompactionChoice[] = []): CompactionChoice | undefined =>
  pickTiered(version, running, OPTIONS, 1)

/** Runs of level 0, the newest last. */
const flushed = (count: number, part: Partial<ClaimedTable> = {}, from = 1): ClaimedTable[] =>
  Array.from({ length: count }, (_, i) => ({
    number: from + i,
    smallest: 'a',
    largest: 'z',
    sequences: [from + i, from + i] as const,
    ...part,
  }))

const oldest: ClaimedTable = { number: 900, smallest: 'a', largest: 'z', sizeBytes: 10_000 }

test('nothing is due until a tier has enough runs', () => {
  expect(pick(versionOf({}))).toBeUndefined()
  expect(pick(versionOf({ 0: flushed(5), 6: [oldest] }))).toBeUndefined()
})

test('the runs of a tier are merged, as deep as the next older run allows', () => {
  const merged = { level: 0, inputs: [[6], [5], [4], [3], [2], [1]], overlapped: [], isMove: false }
  expect(shapeOf(pick(versionOf({ 0: flushed(6), 6: [oldest] })))).toEqual({
    ...merged,
    outputLevel: 5,
    isBottom: false,
  })
  expect(shapeOf(pick(versionOf({ 0: flushed(6), 3: [oldest] })))).toMatchObject({ outputLevel: 2 })
  expect(shapeOf(pick(versionOf({ 0: flushed(6), 1: [oldest] })))).toMatchObject({ outputLevel: 0 })
  expect(shapeOf(pick(versionOf({ 0: flushed(6) })))).toEqual({ ...merged, outputLevel: 6, isBottom: true })
  const apart = { ...oldest, smallest: 'zz', largest: 'zzz' }
  expect(shapeOf(pick(versionOf({ 0: flushed(6), 6: [apart] })))).toMatchObject({ outputLevel: 5, isBottom: true })
})

test('what stays in level 0 takes the place of the newest of its inputs', () => {
  const choice = pick(versionOf({ 0: [...flushed(1, { sizeBytes: 9000 }), ...flushed(6, {}, 10)], 6: [oldest] }))
  expect(shapeOf(choice)).toMatchObject({ outputLevel: 0, inputs: [[15], [14], [13], [12], [11], [10]] })
  expect(choice?.outputRun).toBe(15)
})

test('a tier ends where sizes differ too much, and reaches from level 0 into the levels', () => {
  const levels = {
    0: [...flushed(2, { sizeBytes: 390 }), ...flushed(3, { sizeBytes: 100 }, 10)],
    3: [{ number: 300, smallest: 'a', largest: 'k', sizeBytes: 300 }],
    6: [oldest],
  }
  const version = versionOf(levels)
  expect(shapeOf(pick(version)), 'six of one size').toMatchObject({
    outputLevel: 5,
    inputs: [[12], [11], [10], [2], [1], [300]],
  })
  const larger = versionOf({ ...levels, 3: [{ number: 300, smallest: 'a', largest: 'k', sizeBytes: 400 }] })
  expect(pick(larger)).toBeUndefined()
})

test('while memtables wait a tier goes when it has twice as many, and all of them go', () => {
  expect(pickTiered(versionOf({ 0: flushed(11), 6: [oldest] }), [], OPTIONS, 2)).toBeUndefined()
  expect(pickTiered(versionOf({ 0: flushed(12), 6: [oldest] }), [], OPTIONS, 2)?.runs).toHaveLength(12)
})

test('all are merged when those above the oldest weigh more than twice what it does', () => {
  const above = (sizeBytes: number, part: Partial<ClaimedTable> = {}): Version =>
    versionOf({ 0: flushed(2, { sizeBytes, ...part }), 6: [{ ...oldest, entryCount: 100 }] })
  expect(pick(above(9999))).toBeUndefined()
  expect(shapeOf(pick(above(10_000)))).toMatchObject({
    outputLevel: 6,
    inputs: [[2], [1]],
    overlapped: [900],
    isBottom: true,
  })
  const tombstones = { entryCount: 100, tombstoneCount: 100 }
  expect(pick(above(1, tombstones))?.runs, 'tombstones weigh what they may cover').toHaveLength(3)
})

test('several tiers are merged at once, and what is flushed meanwhile too', () => {
  const version = versionOf({ 0: [...flushed(6, { sizeBytes: 1000 }), ...flushed(6, {}, 10)], 6: [oldest] })
  const first = start(pick(version))
  const second = start(pick(version, [first]))
  expect([first, second].map((choice) => numbersOf(choice.runs[0]?.tables ?? []))).toEqual([[15], [6]])
  expect([first.outputLevel, second.outputLevel]).toEqual([0, 5])
  expect(pick(version, [first, second])).toBeUndefined()
  const later = version.apply({ added: versionOf({ 0: flushed(6, {}, 20) }).toAdded() })
  const third = pick(later, [first, second])
  expect(shapeOf(third)).toMatchObject({ outputLevel: 0, inputs: [[25], [24], [23], [22], [21], [20]] })
})

test('runs that do not overlap become one by an edit alone, below level 0', () => {
  const apart = 'bdfhjl'.split('').map((smallest, i) => ({
    number: 1 + i,
    smallest,
    largest: `${smallest}~`,
    sequences: [1 + i, 1 + i] as const,
  }))
  expect(shapeOf(pick(versionOf({ 0: apart, 6: [oldest] })))).toMatchObject({ outputLevel: 5, isMove: true })
  expect(shapeOf(pick(versionOf({ 0: apart, 1: [oldest] })))).toMatchObject({ outputLevel: 0, isMove: false })
  const codecs = { ...OPTIONS, compression: ['none', 'lz4'] as const }
  expect(pickTiered(versionOf({ 0: apart, 6: [oldest] }), [], codecs, 1)?.isMove, 'to another codec').toBe(false)
})

test('level 0 is emptied before writes wait for it, whatever the sizes of its runs', () => {
  const options = { ...OPTIONS, levelZeroTableCountMax: 4 }
  const sizes = [9000, 2000, 400]
  const runs = sizes.map((sizeBytes, i) => ({ ...(flushed(1, { sizeBytes }, 1 + i)[0] as ClaimedTable) }))
  const emptied = (levels: Readonly<Record<number, readonly ClaimedTable[]>>): object | undefined =>
    shapeOf(pickTiered(versionOf(levels), [], options, 2))
  expect(emptied({ 0: runs.slice(1), 6: [oldest] }), 'not yet').toBeUndefined()
  expect(emptied({ 0: runs, 6: [oldest] })).toMatchObject({ inputs: [[3], [2], [1]], outputLevel: 5 })
  expect(emptied({ 0: runs, 1: [oldest], 3: [{ ...oldest, number: 901 }] }), 'with what is in its way').toMatchObject({
    inputs: [[3], [2], [1], [900]],
    outputLevel: 2,
  })
  const narrow = { ...OPTIONS, levelZeroTableCountMax: 1 }
  expect(shapeOf(pickTiered(versionOf({ 0: flushed(1) }), [], narrow, 2))).toMatchObject({
    outputLevel: 6,
    isMove: true,
  })
})
