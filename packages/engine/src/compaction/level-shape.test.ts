import { expect, test } from 'vitest'
import { versionOf } from '../test-support/tables.ts'
import { levelScores, levelShapeOf, weightOf } from './level-shape.ts'

const OPTIONS = { levelOneSizeBytes: 1000, levelSizeRatio: 10 }

test('sizes follow from the largest level, up to a base of about the size of level 1', () => {
  const shape = (sizeBytes: number, level = 6): object => {
    const { baseLevel, targetSizesBytes } = levelShapeOf(versionOf({ [level]: [{ number: 1, sizeBytes }] }), OPTIONS)
    return { baseLevel, targets: targetSizesBytes.slice(baseLevel) }
  }
  expect(shape(1)).toEqual({ baseLevel: 6, targets: [500] })
  expect(shape(4999)).toEqual({ baseLevel: 6, targets: [4999] })
  expect(shape(5000)).toEqual({ baseLevel: 5, targets: [500, 5000] })
  expect(shape(49_999)).toEqual({ baseLevel: 5, targets: [4999.9, 49_999] })
  expect(shape(80_000)).toEqual({ baseLevel: 4, targets: [800, 8000, 80_000] })
  expect(shape(80_000, 2), 'wherever it stands').toEqual({ baseLevel: 4, targets: [800, 8000, 80_000] })
  expect(levelShapeOf(versionOf({ 6: [{ number: 1, sizeBytes: 1e12 }] }), OPTIONS).baseLevel, 'never level 0').toBe(1)
})

test('scores are counts of runs in level 0 and weights in the others; what is in a compaction does not count', () => {
  const version = versionOf({
    0: [1, 2, 3].map((run) => ({ number: run, sequences: [run, run] as const })),
    2: [{ number: 11, sizeBytes: 1 }],
    4: [{ number: 12, sizeBytes: 400 }],
    5: [
      { number: 13, sizeBytes: 12_000 },
      { number: 14, smallest: 'b', sizeBytes: 4000 },
    ],
    6: [{ number: 15, sizeBytes: 80_000 }],
  })
  const scores = (): number[] => levelScores(version, levelShapeOf(version, OPTIONS), 4)
  expect(scores(), 'level 2 is above the base').toEqual([0.75, 0, 1.5, 0, 0.5, 2, 0])
  for (const table of [version.tablesOf(0)[1], version.tablesOf(5)[0], version.tablesOf(2)[0]]) {
    if (table !== undefined) {
      table.isCompacting = true
    }
  }
  expect(scores()).toEqual([0.5, 0, 0, 0, 0.5, 0.5, 0])
})

test('a tombstone weighs as much as the entry that it may cover', () => {
  const version = versionOf({
    5: [{ number: 1, sizeBytes: 500, entryCount: 25, tombstoneCount: 20 }],
    6: [{ number: 2, sizeBytes: 10_000, entryCount: 100 }],
  })
  const shape = levelShapeOf(version, OPTIONS)
  const [table] = version.tablesOf(5)
  expect(table && weightOf(table, shape)).toBe(500 + 20 * 100)
  expect(levelScores(version, shape, 4)[5]).toBe(2.5)
})
