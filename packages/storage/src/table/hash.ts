/**
 * One hash for keys: bloom filters use it with a fixed seed, memtables with a random one. MurmurHash3, 32 bits
 * (Austin Appleby, public domain), which costs about a nanosecond a byte in plain JavaScript.
 */

/** The 32-bit hash of `size` bytes of `bytes`, an unsigned number. */
export function hashKey(bytes: Uint8Array, offset: number, size: number, seed: number): number {
  const wordsEnd = offset + (size & ~3)
  let hash = seed | 0
  let at = offset
  while (at < wordsEnd) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    hash ^= mixWord(word)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
    at += 4
  }
  const tailSize = size & 3
  if (tailSize > 0) {
    let word = bytes[at] as number
    if (tailSize > 1) {
      word |= (bytes[at + 1] as number) << 8
    }
    if (tailSize > 2) {
      word |= (bytes[at + 2] as number) << 16
    }
    hash ^= mixWord(word)
  }
  hash ^= size
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mixWord(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}
