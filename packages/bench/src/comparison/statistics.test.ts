import { expect, test } from 'vitest'
import { summarize } from './statistics.ts'

test('median, ends and half the distance of the quartiles', () => {
  expect(summarize([50, 10, 30, 20, 40])).toEqual({ median: 30, min: 10, max: 50, spread: 10 / 30 })
})

test('between two values the median lies in the middle', () => {
  expect(summarize([1, 2])).toEqual({ median: 1.5, min: 1, max: 2, spread: 0.25 / 1.5 })
})

test('one value has no spread', () => {
  expect(summarize([7])).toEqual({ median: 7, min: 7, max: 7, spread: 0 })
})
