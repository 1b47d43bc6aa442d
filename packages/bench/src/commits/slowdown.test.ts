import { expect, test } from 'vitest'
import { Random } from '../dataset/random.ts'
import { ROUND_COUNT_MIN, judge } from './slowdown.ts'

/** Around `centre`, with noise of up to a tenth. */
function ratios(seed: number, centre: number, count: number): number[] {
  const random = new Random(seed, 1)
  return Array.from({ length: count }, () => centre * (0.9 + random.below(2001) / 10_000))
}

test('of ten pairs one on each side is left out', () => {
  expect(judge([0.5, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87, 2])).toMatchObject({
    low: 0.8,
    high: 0.87,
    isSlower: true,
  })
})

test('too few pairs say nothing', () => {
  expect(judge(Array<number>(ROUND_COUNT_MIN - 1).fill(0.1)).isSlower).toBe(false)
  expect(judge(Array<number>(ROUND_COUNT_MIN).fill(0.1)).isSlower).toBe(true)
})

test('a slowdown within the tolerance is none', () => {
  expect(judge(Array<number>(10).fill(0.98)).isSlower).toBe(false)
  expect(judge(Array<number>(10).fill(0.96)).isSlower).toBe(true)
})

test('noise alone gives no alarm, and a quarter less is always seen', () => {
  const seeds = Array.from({ length: 500 }, (_, seed) => seed)
  expect(seeds.filter((seed) => judge(ratios(seed, 1, 10)).isSlower).length).toBeLessThan(10)
  expect(seeds.filter((seed) => !judge(ratios(seed, 0.75, 10)).isSlower)).toEqual([])
})
