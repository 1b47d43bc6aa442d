import { expect, test } from 'vitest'
import { hashKey } from './hash.ts'

const encoder = new TextEncoder()

test('it is MurmurHash3 for 32 bits', () => {
  // Published vectors.
  const vectors: [string, number, number][] = [
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
  ]
  for (const [text, seed, hash] of vectors) {
    const bytes = encoder.encode(`??${text}??`)
    expect(hashKey(bytes, 2, text.length, seed), text).toBe(hash)
  }
})
