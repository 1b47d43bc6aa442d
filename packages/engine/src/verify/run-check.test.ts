import { expect, test } from 'vitest'
import { numbersOf, versionOf } from '../test-support/tables.ts'
import { Findings } from './findings.ts'
import { checkRuns, suspectsOf } from './run-check.ts'

test('suspects overlap in keys, and may be newer by their sequences', () => {
  const version = versionOf({
    1: [{ number: 1, smallest: 'f', largest: 'm', sequences: [50, 90] }],
    2: [
      { number: 2, smallest: 'a', largest: 'e', sequences: [1, 99] },
      { number: 3, smallest: 'f', largest: 'g', sequences: [1, 49] },
      { number: 4, smallest: 'h', largest: 'i', sequences: [1, 50] },
      { number: 5, smallest: 'm', largest: 'z', sequences: [60, 70] },
      { number: 6, smallest: 'zz', largest: 'zzz', sequences: [1, 99] },
    ],
  })
  const [table] = version.tablesOf(1)
  if (table === undefined) {
    throw new Error('there is a table')
  }
  expect(numbersOf(suspectsOf(table, version.tablesOf(2)))).toEqual([4, 5])
  expect(suspectsOf(table, [])).toEqual([])
})

test('tables of a run must not overlap, in whatever level', () => {
  const sound = versionOf({
    0: [
      { number: 1, smallest: 'a', largest: 'f', sequences: [10, 20] },
      { number: 2, smallest: 'a', largest: 'f', sequences: [1, 9] },
    ],
    1: [
      { number: 3, smallest: 'a', largest: 'c' },
      { number: 4, smallest: 'd', largest: 'f' },
    ],
  })
  const wrong = versionOf({
    0: [
      { number: 5, smallest: 'a', largest: 'f', sequences: [10, 20] },
      { number: 6, smallest: 'f', largest: 'g', sequences: [10, 30] },
      { number: 7, smallest: 'x', largest: 'z', sequences: [1, 10] },
    ],
    3: [
      { number: 8, smallest: 'a', largest: 'c' },
      { number: 9, smallest: 'c', largest: 'f' },
    ],
  })
  const findings = new Findings()
  checkRuns('/d', sound, findings)
  expect(findings.list).toEqual([])
  checkRuns('/d', wrong, findings)
  expect(findings.list).toEqual([
    { path: '/d/000006.sst', offset: 0, what: 'it overlaps 000005.sst, a table of the same run' },
    { path: '/d/000009.sst', offset: 0, what: 'it overlaps 000008.sst, a table of the same run' },
    { path: '/d/000006.sst', offset: 0, what: 'its sequences are not above those of 000007.sst' },
  ])
})

test('runs of a Version are newest first', () => {
  const version = versionOf({
    0: [
      { number: 1, smallest: 'a', sequences: [10, 20] },
      { number: 2, smallest: 'b', sequences: [10, 20] },
      { number: 3, smallest: 'a', sequences: [30, 40] },
    ],
    4: [{ number: 4 }],
    2: [
      { number: 6, smallest: 'b' },
      { number: 5, smallest: 'a' },
    ],
  })
  expect(version.runs().map(numbersOf)).toEqual([[3], [1, 2], [5, 6], [4]])
})
