import { expect, test } from 'vitest'
import { shapeOf, start } from '../test-support/choices.ts'
import { versionOf, type ClaimedTable } from '../test-support/tables.ts'
import type { Version } from '../version/version.ts'
import { SlowTables } from './slow-tables.ts'

const OPTIONS = {
  levelZeroTableCountTrigger: 4,
  levelOneSizeBytes: 10_000,
  levelSizeRatio: 10,
  compression: ['none'] as const,
  tableSizeBytes: 1000,
  levelZeroTableCountMax: 24,
  compactionStrategy: 'leveled',
} as const

const full = (number: number, smallest: string, largest: string, part: Partial<ClaimedTable> = {}): ClaimedTable => ({
  number,
  smallest,
  largest,
  sequences: [5, 50],
  entryCount: 10,
  tombstoneCount: 5,
  ...part,
})

const add = (slow: SlowTables, version: Version, key: string, oldestLive = 1000): boolean =>
  slow.add(version, Buffer.from(key), oldestLive)
const pick = (slow: SlowTables, version: Version, oldestLive = 1000): object | undefined =>
  shapeOf(slow.pick(version, [], OPTIONS, oldestLive))

test('a table full of tombstones goes down where a scan was slow in it, once', () => {
  const version = versionOf({
    5: [full(1, 'a', 'c'), full(2, 'd', 'f', { tombstoneCount: 4 })],
    6: [{ number: 3, smallest: 'a', largest: 'f' }],
  })
  const slow = new SlowTables()
  expect([add(slow, version, 'e'), add(slow, version, 'x'), pick(slow, version)]).toEqual([false, false, undefined])
  expect([add(slow, version, 'b'), add(slow, version, 'b')]).toEqual([true, false])
  const down = { level: 5, outputLevel: 6, inputs: [[1]], overlapped: [3], isBottom: true, isMove: false }
  expect(pick(slow, version, 0), 'whatever readers there are').toEqual(down)
  expect(pick(slow, version)).toBeUndefined()
  add(slow, version, 'b')
  expect(pick(slow, versionOf({})), 'it has gone').toBeUndefined()
})

test('one with nothing below is written anew if no reader needs its tombstones, and left alone otherwise', () => {
  const version = versionOf({ 5: [full(1, 'a', 'c')], 6: [{ number: 3, smallest: 'x' }] })
  const slow = new SlowTables()
  expect(add(slow, version, 'b', 49)).toBe(false)
  expect(add(slow, version, 'b', 50)).toBe(true)
  expect(pick(slow, version, 50)).toMatchObject({ level: 5, outputLevel: 5, inputs: [[1]] })
  add(slow, version, 'b', 50)
  expect(pick(slow, version, 49), 'a reader came meanwhile').toBeUndefined()
})

test('of level 0 all goes; what is not free is chosen later', () => {
  const version = versionOf({
    0: [full(1, 'a', 'c'), full(2, 'b', 'd', { sequences: [51, 60] })],
    6: [{ number: 3, smallest: 'a' }],
  })
  const slow = new SlowTables()
  add(slow, version, 'a')
  const running = start(slow.pick(version, [], OPTIONS, 0))
  expect(shapeOf(running)).toMatchObject({ level: 0, outputLevel: 6, inputs: [[2], [1]], overlapped: [3] })
  add(slow, version, 'a')
  expect(slow.pick(version, [running], OPTIONS, 0)).toBeUndefined()
  for (const table of version.levels.flat()) {
    table.isCompacting = false
  }
  expect(pick(slow, version)).toMatchObject({ inputs: [[2], [1]] })
})
