import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { metadataOf } from '../test-support/tables.ts'
import { runsOf } from './table-merge.ts'

test('of tables that overlap the one written later is in an earlier run; those of a run do not', () => {
  forEachSeed(50, (random) => {
    const tables = Array.from({ length: 1 + random.below(30) }, (_, i) => {
      const from = 100 + random.below(800)
      return metadataOf({ number: i + 1, smallest: String(from), largest: String(from + random.below(90)) })
    })
    const runs = runsOf(tables).map((run) =>
      run.map((table) => ({ ...table, from: String(table.smallestKey), to: String(table.largestKey) })),
    )
    expect(
      runs
        .flat()
        .map(({ number }) => number)
        .toSorted((a, b) => a - b),
    ).toEqual(tables.map(({ number }) => number))
    for (const run of runs) {
      run.slice(1).forEach((table, i) => expect(table.from > (run[i]?.to ?? '')).toBe(true))
    }
    runs.forEach((run, i) => {
      for (const table of run) {
        const above = runs
          .slice(0, i)
          .flat()
          .filter(({ from, to }) => from <= table.to && to >= table.from)
        expect(above.every(({ number }) => number > table.number)).toBe(true)
      }
    })
  })
})
