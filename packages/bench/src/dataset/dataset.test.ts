import { expect, test } from 'vitest'
import { Dataset } from './dataset.ts'

test('keys follow from the seed, are all different, and missing ones are none of them', () => {
  const dataset = new Dataset({ seed: 7, valueSizeBytes: 100 })
  const keys = new Set(dataset.keys(20_000).map((key) => key.toString('hex')))
  expect(keys.size).toBe(20_000)
  expect(new Dataset({ seed: 7, valueSizeBytes: 100 }).keyAt(19_999).toString('hex')).toBe([...keys].at(-1))
  const missing = Array.from({ length: 20_000 }, (_, index) => dataset.missingKeyAt(index).toString('hex'))
  expect(missing.filter((key) => keys.has(key))).toEqual([])
})

test('sequential keys ascend', () => {
  const dataset = new Dataset({ seed: 1, valueSizeBytes: 8 })
  expect(Buffer.compare(dataset.sequentialKeyAt(255), dataset.sequentialKeyAt(256))).toBe(-1)
})

test.each([1, 100, 1000, 100_000])('values of %i bytes have that size, and differ', (valueSizeBytes) => {
  const dataset = new Dataset({ seed: 1, valueSizeBytes })
  const values = dataset.keys(1000).map((key) => dataset.valueOf(key))
  expect(new Set(values.map(({ length }) => length))).toEqual(new Set([valueSizeBytes]))
  expect(new Set(values.map((value) => value.toString('latin1'))).size).toBeGreaterThan(15)
})

test('mixed values have sizes of every power of two', () => {
  const dataset = new Dataset({ seed: 1, valueSizeBytes: 'mixed' })
  const powers = new Set(dataset.keys(2000).map((key) => Math.floor(Math.log2(dataset.valueOf(key).length))))
  for (let power = 4; power < 20; power++) {
    expect(powers).toContain(power)
  }
})

test('a wrong value is seen', () => {
  const dataset = new Dataset({ seed: 1, valueSizeBytes: 100 })
  const key = dataset.keyAt(3)
  const wrong = Buffer.from(dataset.valueOf(key))
  dataset.check(key, wrong)
  wrong[99] = (wrong[99] as number) ^ 1
  expect(() => {
    for (let i = 0; i < 16; i++) {
      dataset.check(key, wrong)
    }
  }).toThrow(/not what was written/)
  expect(() => dataset.check(key, undefined)).toThrow(/not what was written/)
})
