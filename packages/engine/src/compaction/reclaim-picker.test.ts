import { expect, test } from 'vitest'
import { shapeOf, start } from '../test-support/choices.ts'
import { versionOf, type ClaimedTable } from '../test-support/tables.ts'
import type { Version } from '../version/version.ts'
import type { PickerOptions } from './compaction-picker.ts'
import { isWorthFlushing, pickReclaim } from './reclaim-picker.ts'

const OPTIONS = {
  levelZeroTableCountTrigger: 4,
  levelOneSizeBytes: 10_000,
  levelSizeRatio: 10,
  compression: ['none'] as const,
  tableSizeBytes: 1000,
  levelZeroTableCountMax: 24,
  compactionStrategy: 'leveled',
} as const

const pick = (version: Version, oldestLive = 1000): object | undefined =>
  shapeOf(pickReclaim(version, [], OPTIONS, oldestLive))

const bottom = (part: Partial<ClaimedTable> = {}): ClaimedTable => ({
  number: 9,
  smallest: 'a',
  largest: 'z',
  sizeBytes: 1000,
  entryCount: 10,
  ...part,
})

const flushed = (count: number, part: Partial<ClaimedTable> = {}): ClaimedTable[] =>
  Array.from({ length: count }, (_, i) => ({
    number: 1 + i,
    smallest: 'c',
    largest: 'f',
    sizeBytes: 70,
    sequences: [100 + i, 100 + i] as const,
    ...part,
  }))

test('nothing is got back where little lies above the bottom', () => {
  expect(pick(versionOf({}))).toBeUndefined()
  expect(pick(versionOf({ 0: flushed(2), 6: [bottom()] }))).toBeUndefined()
  expect(pick(versionOf({ 0: flushed(1) })), 'a run by itself').toBeUndefined()
})

test('level 0 goes when it may cover more than a share of the deepest level', () => {
  const goes = { level: 0, outputLevel: 6, inputs: [[3], [2], [1]], overlapped: [9], isBottom: true }
  expect(pick(versionOf({ 0: flushed(3), 6: [bottom()] }))).toMatchObject(goes)
  const withTombstones = flushed(2, { sizeBytes: 10, entryCount: 1, tombstoneCount: 1 })
  expect(pick(versionOf({ 0: withTombstones, 6: [bottom()] })), 'by what its tombstones may cover').toMatchObject({
    inputs: [[2], [1]],
  })
  const between = { 5: [{ number: 8, smallest: 'k', sizeBytes: 100 }] }
  expect(pick(versionOf({ 0: flushed(1), ...between, 6: [bottom()] })), 'with the levels between').toMatchObject({
    inputs: [[1]],
    outputLevel: 5,
  })
  expect(pick(versionOf({ 0: flushed(2) })), 'where there is nothing below').toMatchObject({ inputs: [[2], [1]] })
  const version = versionOf({ 0: flushed(3), 6: [bottom()] })
  const running = start(pickReclaim(version, [], OPTIONS, 0))
  expect(pickReclaim(version, [running], OPTIONS, 0), 'once').toBeUndefined()
})

test('a table at the bottom of its range is written anew for its tombstones, once no reader needs them', () => {
  const full = bottom({ tombstoneCount: 1, sequences: [5, 50] })
  const inPlace = { level: 6, outputLevel: 6, inputs: [[9]], overlapped: [], isBottom: true, isMove: false }
  expect(pick(versionOf({ 6: [full] }), 50)).toEqual(inPlace)
  expect(pick(versionOf({ 6: [full] }), 49)).toBeUndefined()
  expect(pick(versionOf({ 6: [{ ...full, entryCount: 11 }] }), 50), 'few of them').toBeUndefined()
  const above = (smallest: string): Version => versionOf({ 5: [full], 6: [{ number: 8, smallest, sizeBytes: 99_000 }] })
  expect(pick(above('zz'), 50)).toMatchObject({ level: 5, outputLevel: 5 })
  expect(pick(above('k'), 50), 'they may cover something').toBeUndefined()
})

test('so is one that holds what was kept for a snapshot that is gone', () => {
  expect(pick(versionOf({ 6: [bottom({ sequences: [0, 50] })] }), 50)).toMatchObject({ outputLevel: 6, inputs: [[9]] })
  expect(pick(versionOf({ 6: [bottom({ sequences: [0, 50] })] }), 49)).toBeUndefined()
  expect(pick(versionOf({ 6: [bottom({ sequences: [0, 0] })] })), 'done').toBeUndefined()
  expect(pick(versionOf({ 6: [bottom({ sequences: [5, 50] })] })), 'moved there').toBeUndefined()
})

test('a memtable is worth a flush when level 0 would go with it, or all runs of tiers', () => {
  const isWorth = (version: Version, tombstoneCount: number, options: PickerOptions = OPTIONS): boolean =>
    isWorthFlushing(version, options, { usedOffset: 50, tombstoneCount }, 160)
  const version = versionOf({ 6: [bottom()] })
  expect([isWorth(version, 1), isWorth(version, 2)]).toEqual([false, true])
  const above = versionOf({ 0: flushed(1), 5: [{ number: 8, smallest: 'k', sizeBytes: 10 }], 6: [bottom()] })
  expect([isWorth(above, 0), isWorth(above, 1)], 'with what lies above the bottom already').toEqual([false, true])
  const tiered = { ...OPTIONS, compactionStrategy: 'tiered' } as const
  expect([isWorth(version, 19, tiered), isWorth(version, 20, tiered)]).toEqual([false, true])
  expect(isWorth(versionOf({}), 100), 'where there is nothing to cover').toBe(false)
  const onlyFlushed = versionOf({ 0: [bottom({ number: 1 })] })
  expect([isWorth(onlyFlushed, 1), isWorth(onlyFlushed, 2)]).toEqual([false, true])
})
