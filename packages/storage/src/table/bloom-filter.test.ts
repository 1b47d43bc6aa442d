import { expect, test } from 'vitest'
import { Block, ROLE_FILTER } from './block.ts'
import { BloomFilterBuilder, filterMayContain } from './bloom-filter.ts'
import { hashKey } from './hash.ts'
import { checkEqual } from './test-support/random-entries.ts'

function hashOf(n: number): number {
  const key = new Uint8Array(16)
  new DataView(key.buffer).setUint32(3, n)
  return hashKey(key, 0, 16, 1)
}

function makeFilter(keyCount: number, bitsPerKey: number): Block {
  const builder = new BloomFilterBuilder(bitsPerKey)
  for (let n = 0; n < keyCount; n++) {
    builder.add(hashOf(n))
  }
  const bytes = new Uint8Array(builder.sizeBytes + 20).fill(0xff)
  const end = 10 + builder.sizeBytes
  builder.finish(bytes, 10)
  return new Block(bytes, 10, end, 0, ROLE_FILTER, 'x', 0)
}

test.each([1, 2, 100, 9600, 100_000])('%i keys are all found, and few others', (count) => {
  const filter = makeFilter(count, 10)
  for (let n = 0; n < count; n++) {
    checkEqual(filterMayContain(filter, hashOf(n)), true, `key ${n}`)
  }
  let falsePositives = 0
  for (let n = 0; n < 100_000; n++) {
    falsePositives += filterMayContain(filter, hashOf(1_000_000 + n)) ? 1 : 0
  }
  expect(falsePositives / 100_000).toBeLessThan(0.011)
})

test('one builder makes filters one after the other', () => {
  const builder = new BloomFilterBuilder(10)
  const bytes = new Uint8Array(100)
  builder.add(1)
  builder.finish(bytes, 0)
  expect(builder.sizeBytes).toBe(9)
  builder.finish(bytes, 0)
  expect(filterMayContain(new Block(bytes, 0, 9, 0, ROLE_FILTER, 'x', 0), 1)).toBe(false)
})
