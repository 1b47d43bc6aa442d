import { expect, test } from 'vitest'
import { Random } from './random.ts'
import { Zipfian } from './zipfian.ts'

test('a few indexes are drawn often, and none lies outside', () => {
  const count = 10_000
  const zipfian = new Zipfian(new Random(1, 1), count)
  const drawn = new Map<number, number>()
  for (let i = 0; i < 100_000; i++) {
    const index = zipfian.nextIndex()
    if (!(index >= 0 && index < count)) {
      expect.fail(`drew ${index}`)
    }
    drawn.set(index, (drawn.get(index) ?? 0) + 1)
  }
  const often = [...drawn.values()].sort((a, b) => b - a)
  // The most popular of 10,000 has a share of 1 / zeta(10,000) = 10 %, the first hundred together more than half.
  expect(often[0]).toBeGreaterThan(8_000)
  expect(often.slice(0, 100).reduce((sum, times) => sum + times, 0)).toBeGreaterThan(45_000)
  expect(drawn.size).toBeGreaterThan(1_000)
})

test('one index alone', () => {
  expect(new Zipfian(new Random(1, 1), 1).nextIndex()).toBe(0)
})
