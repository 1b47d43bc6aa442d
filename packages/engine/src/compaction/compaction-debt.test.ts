import { expect, test } from 'vitest'
import { numbersOf, versionOf, type ClaimedTable } from '../test-support/tables.ts'
import { tablesOf } from './compaction-choice.ts'
import { pendingCompactionSizeBytes } from './compaction-debt.ts'
import { pickCompaction, type PickerOptions } from './compaction-picker.ts'

const OPTIONS: PickerOptions = {
  levelZeroTableCountTrigger: 3,
  levelZeroTableCountMax: 24,
  levelOneSizeBytes: 1000,
  levelSizeRatio: 10,
  compression: ['none'] as const,
  tableSizeBytes: 1000,
  compactionStrategy: 'leveled',
}

type Levels = Readonly<Record<number, readonly ClaimedTable[]>>

const debtOf = (levels: Levels): number => pendingCompactionSizeBytes(versionOf(levels), OPTIONS)

const levelZero = (count: number, sizeBytes = 100): ClaimedTable[] =>
  Array.from({ length: count }, (_, i) => ({ number: 1 + i, sizeBytes, sequences: [1 + i, 1 + i] as const }))

const one = (level: number, sizeBytes: number): Levels => ({ [level]: [{ number: 100 + level, sizeBytes }] })

/** Levels of the sizes at which they are just not due: 800 and 8000 above 80,000. */
const FULL: Levels = { ...one(4, 800), ...one(5, 8000), ...one(6, 80_000) }

test('levels that are not due owe nothing', () => {
  expect(debtOf({})).toBe(0)
  expect(debtOf({ 0: levelZero(2), ...FULL })).toBe(0)
  expect(debtOf(one(6, 10 ** 12))).toBe(0)
})

test('level 0 owes itself and all of the base level, once it is due', () => {
  expect(debtOf({ 0: levelZero(3) })).toBe(300)
  expect(debtOf({ 0: levelZero(3), ...one(6, 400) })).toBe(700)
})

test('a deeper level owes what is too much of it, and what that overlaps by the ratio of the two', () => {
  expect(debtOf({ ...one(5, 3000), ...one(6, 20_000) })).toBe(Math.round(1000 * (1 + 20_000 / 3000)))
})

test('what comes down may make the next level owe too', () => {
  // 600 come from level 0 and make level 4 too large by as much, and then level 5.
  const [fourth, fifth] = [600 * (1 + 8000 / 1400), 600 * (1 + 80_000 / 8600)]
  expect(debtOf({ ...FULL, 0: levelZero(3, 200) })).toBe(Math.round(600 + 800 + fourth + fifth))
})

test('what is above the base level has to go', () => {
  expect(debtOf({ ...FULL, ...one(2, 50), ...one(4, 700) })).toBe(50)
})

test('merged by size, level 0 owes itself', () => {
  const options = { ...OPTIONS, compactionStrategy: 'tiered' } as const
  expect(pendingCompactionSizeBytes(versionOf({ 0: levelZero(3), ...FULL, ...one(5, 1e9) }), options)).toBe(300)
  expect(pendingCompactionSizeBytes(versionOf({ 0: levelZero(2), ...FULL, ...one(5, 1e9) }), options)).toBe(0)
})

test('where there is a debt the picker has something to do', () => {
  const states = [
    { 0: levelZero(3) },
    { ...FULL, ...one(4, 801) },
    { ...FULL, ...one(5, 8001) },
    one(6, 1e9),
    one(5, 1),
  ]
  for (const levels of states) {
    const version = versionOf(levels)
    const choice = pickCompaction(version, [], OPTIONS)
    const picked = choice === undefined ? [] : numbersOf(tablesOf(choice))
    expect(pendingCompactionSizeBytes(version, OPTIONS) > 0, picked.join()).toBe(picked.length > 0)
  }
})
