import { expect, test } from 'vitest'
import {
  VARINT_SIZE_BYTES_MAX,
  compareBytes,
  compareKeys,
  getUint32,
  getUint64,
  getVarint,
  putUint32,
  putUint64,
  putVarint,
  varintSizeBytes,
} from './coding.ts'
import { checkEqual } from './table/test-support/random-entries.ts'
import { forEachSeed } from './test-support/seeds.ts'

/** Value and bytes of either side of every boundary. */
const VARINTS: [number, number[]][] = [
  [0, [0]],
  [1, [1]],
  [0x7f, [0x7f]],
  [0x80, [0x80, 0x01]],
  [0x3fff, [0xff, 0x7f]],
  [0x4000, [0x80, 0x80, 0x01]],
  [0x1fffff, [0xff, 0xff, 0x7f]],
  [0x200000, [0x80, 0x80, 0x80, 0x01]],
  [0xfffffff, [0xff, 0xff, 0xff, 0x7f]],
  [0x10000000, [0x80, 0x80, 0x80, 0x80, 0x01]],
  [0x7fffffff, [0xff, 0xff, 0xff, 0xff, 0x07]],
  [0x80000000, [0x80, 0x80, 0x80, 0x80, 0x08]],
  [0xffffffff, [0xff, 0xff, 0xff, 0xff, 0x0f]],
]

test('a varint has its pinned bytes on either side of every boundary', () => {
  for (const [value, bytes] of VARINTS) {
    const into = new Uint8Array(10).fill(0xaa)
    expect(putVarint(into, 2, value)).toBe(2 + bytes.length)
    expect(Array.from(into.subarray(2, 2 + bytes.length)), String(value)).toEqual(bytes)
    expect(into[2 + bytes.length], 'the byte behind it stays').toBe(0xaa)
    expect(varintSizeBytes(value)).toBe(bytes.length)
    expect(bytes.length).toBeLessThanOrEqual(VARINT_SIZE_BYTES_MAX)
    expect(getVarint(into, 2, 2 + bytes.length)).toBe(value)
  }
})

test('a varint that is cut off is none, even if the bytes go on behind the end', () => {
  for (const [value, bytes] of VARINTS) {
    for (let end = 0; end < bytes.length; end++) {
      expect(getVarint(Uint8Array.from(bytes), 0, end), `${value} cut at ${end}`).toBe(-1)
      expect(getVarint(Uint8Array.from(bytes.slice(0, end)), 0, end)).toBe(-1)
    }
  }
})

test('a varint in a longer form than it needs is none', () => {
  for (const bytes of [
    [0x80, 0x00],
    [0x81, 0x00],
    [0xff, 0x80, 0x00],
    [0x80, 0x80, 0x80, 0x00],
    [0x80, 0x80, 0x80, 0x80, 0x00],
  ]) {
    expect(getVarint(Uint8Array.from(bytes), 0, bytes.length), bytes.join()).toBe(-1)
  }
})

test('a varint of more than 32 bits is none', () => {
  for (const bytes of [
    [0x80, 0x80, 0x80, 0x80, 0x10],
    [0xff, 0xff, 0xff, 0xff, 0x7f],
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  ]) {
    expect(getVarint(Uint8Array.from(bytes), 0, bytes.length), bytes.join()).toBe(-1)
  }
})

test('any 32-bit number comes back from a varint and from four bytes', () => {
  forEachSeed(3, (random) => {
    const bytes = new Uint8Array(16)
    for (let i = 0; i < 2000; i++) {
      const value = random.below(2 ** 32) >>> random.below(32)
      const offset = random.below(8)
      const end = putVarint(bytes, offset, value)
      checkEqual(end - offset, varintSizeBytes(value), 'its size')
      checkEqual(getVarint(bytes, offset, end), value, 'as a varint')
      putUint32(bytes, offset, value)
      checkEqual(getUint32(bytes, offset), value, 'as four bytes')
    }
  })
})

test('a 32-bit number is unsigned and little-endian', () => {
  const bytes = new Uint8Array(4)
  putUint32(bytes, 0, 0x89abcdef)
  expect(Array.from(bytes)).toEqual([0xef, 0xcd, 0xab, 0x89])
  expect(getUint32(bytes, 0)).toBe(0x89abcdef)
})

test('a 64-bit number comes back exactly up to 2^53 - 1', () => {
  for (const value of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 2, 2 ** 53 - 1]) {
    const bytes = new Uint8Array(10)
    putUint64(bytes, 1, value)
    expect(getUint64(bytes, 1), String(value)).toBe(value)
    expect([bytes[0], bytes[9]]).toEqual([0, 0])
    expect(new DataView(bytes.buffer).getBigUint64(1, true)).toBe(BigInt(value))
  }
})

test('a 64-bit number that is too large for exactness still exceeds every bound', () => {
  for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, value, true)
    expect(getUint64(bytes, 0)).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
  }
})

test('keys are ordered by unsigned bytes, a beginning before what it begins', () => {
  const sorted = [[], [0], [0, 0], [0, 1], [1], [0x7f], [0x80], [0x80, 0], [0xff], [0xff, 0xff]]
  const keys = sorted.map((bytes) => Uint8Array.from(bytes))
  keys.forEach((a, i) => {
    keys.forEach((b, j) => {
      expect(Math.sign(compareKeys(a, b)), `${a.join()} to ${b.join()}`).toBe(Math.sign(i - j))
    })
  })
})

test('comparing ranges looks at the ranges alone', () => {
  const a = Uint8Array.from([9, 1, 2, 3, 9])
  const b = Uint8Array.from([1, 2, 4])
  expect(compareBytes(a, 1, 2, b, 0, 2)).toBe(0)
  expect(compareBytes(a, 1, 3, b, 0, 3)).toBeLessThan(0)
  expect(compareBytes(a, 1, 3, b, 0, 2)).toBeGreaterThan(0)
  expect(compareBytes(a, 0, 0, b, 0, 0)).toBe(0)
})
