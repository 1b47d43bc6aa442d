import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { versionOf } from '../test-support/tables.ts'
import { choose, type CompactionChoice } from './compaction-choice.ts'
import { partsOf, type CompactionPart } from './compaction-parts.ts'

const TABLE_SIZE_BYTES = 100

function choiceOf(flushed: number, levelFive: readonly string[], bottom: readonly string[] = []): CompactionChoice {
  const version = versionOf({
    0: Array.from({ length: flushed }, (_, i) => ({
      number: 1 + i,
      smallest: 'a',
      largest: 'z',
      sequences: [i, i] as const,
    })),
    5: levelFive.map((smallest, i) => ({ number: 100 + i, smallest, largest: `${smallest}~` })),
    6: bottom.map((smallest, i) => ({ number: 200 + i, smallest, largest: `${smallest}~` })),
  })
  return choose(version, 0, version.tablesOf(0), 5, 1)
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString()

function shape({ specification, inputSizeBytes }: CompactionPart): object {
  const { runs, span, grandparents } = specification
  return {
    span: span && [text(span.lower), text(span.upper)],
    runs: runs.map((tables) => tables.map(({ number }) => number)),
    grandparents: grandparents.map(({ largestKey }) => text(largestKey)),
    inputSizeBytes,
  }
}

test('a compaction is split where tables of its longest run begin', () => {
  const parts = partsOf(choiceOf(2, ['c', 'e', 'g', 'i'], ['b', 'e']), 2, TABLE_SIZE_BYTES)
  expect(parts.map(shape)).toEqual([
    { span: ['', 'g'], runs: [[2], [1], [100, 101]], grandparents: ['b~', 'e~'], inputSizeBytes: 400 },
    { span: ['g', ''], runs: [[2], [1], [102, 103]], grandparents: [], inputSizeBytes: 400 },
  ])
})

test('one that is small, has one place, or shows no place to cut stays whole', () => {
  const whole = { span: undefined, runs: [[2], [1], [100]], grandparents: [], inputSizeBytes: 300 }
  expect(partsOf(choiceOf(2, ['c']), 4, TABLE_SIZE_BYTES).map(shape)).toEqual([whole])
  expect(partsOf(choiceOf(2, ['c', 'e', 'g']), 1, TABLE_SIZE_BYTES)).toHaveLength(1)
  expect(partsOf(choiceOf(1, ['c', 'e']), 4, TABLE_SIZE_BYTES)).toHaveLength(1)
  expect(partsOf(choiceOf(8, []), 4, TABLE_SIZE_BYTES)).toHaveLength(1)
  expect(partsOf(choiceOf(8, []), 0, TABLE_SIZE_BYTES), 'a place is found for it').toHaveLength(1)
})

test('parts cover every key once, in order, and there are never more than places', () => {
  forEachSeed(50, (random) => {
    const keys = [
      ...new Set(Array.from({ length: 1 + random.below(30) }, () => `k${100 + random.below(900)}`)),
    ].toSorted()
    const countMax = 1 + random.below(6)
    const parts = partsOf(choiceOf(1 + random.below(3), keys), countMax, TABLE_SIZE_BYTES)
    expect(parts.length).toBeLessThanOrEqual(countMax)
    const spans = parts.map(({ specification }) => specification.span)
    if (parts.length > 1) {
      expect(text(spans[0]?.lower) + text(spans.at(-1)?.upper)).toBe('')
      spans.slice(1).forEach((span, i) => expect(text(span?.lower)).toBe(text(spans[i]?.upper)))
    }
    for (const key of keys) {
      const number = 100 + keys.indexOf(key)
      const holders = parts.filter(({ specification }) =>
        specification.runs.flat().some((input) => input.number === number),
      )
      expect(holders, `table ${number} begins and ends in one part`).toHaveLength(1)
    }
  })
})
