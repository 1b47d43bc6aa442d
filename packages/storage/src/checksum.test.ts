import { expect, test } from 'vitest'
import { checksum, checksumSeed } from './checksum.ts'

test('the checksum is CRC-32, pinned', () => {
  expect(checksum(Buffer.from('123456789'), 0)).toBe(0xcbf43926)
  expect(checksum(Buffer.from('6789'), checksum(Buffer.from('12345'), 0)), 'a seed goes on').toBe(0xcbf43926)
})

test('the same bytes at another offset, in another file, or with another high half of its number do not pass', () => {
  const seeds = new Map<number, string>()
  for (const number of [
    0,
    1,
    2,
    3,
    7,
    8,
    1000,
    999_999,
    1_000_000,
    2 ** 31,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 33,
    10 ** 15 - 1,
  ]) {
    for (const offset of [0, 1, 32, 76, 4096, 65_536, 2 ** 24]) {
      const seed = checksumSeed(number, offset)
      expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32, `${number} at ${offset}`).toBe(true)
      expect(seeds.get(seed), `file ${number} at ${offset}`).toBeUndefined()
      seeds.set(seed, `file ${number} at ${offset}`)
    }
  }
})

test('seeds are pinned: they are part of the format', () => {
  expect(checksumSeed(0, 0)).toBe(0)
  expect(checksumSeed(12, 32)).toBe((Math.imul(12, 0x9e3779b1) + 32) >>> 0)
  expect(checksumSeed(2 ** 32 + 12, 32)).toBe((Math.imul(12, 0x9e3779b1) + 0x85ebca6b + 32) >>> 0)
})
