/**
 * Bloom filters, one a partition, over the hashes of its distinct user keys.
 *
 *     filter := bits[size - 1] probeCount:u8          bit i is bit (i mod 8) of byte (i div 8)
 *
 * A probe looks at bit floor(h * bitCount / 2^32), beginning with h = the key's hash; h is multiplied by 0x9e3779b9 for
 * the next one, as in RocksDB. Adding a step to h instead ("double hashing") gave twice the false positives from 100,000
 * keys a filter on.
 */
import type { Block } from './block.ts'

/** Smaller filters would let too much pass by chance. */
const FILTER_SIZE_BYTES_MIN = 8
const PROBE_COUNT_MAX = 30
const PROBE_MULTIPLIER = 0x9e3779b9

/** Gathers hashes until the partition ends. One is used for all filters of a table. */
export class BloomFilterBuilder {
  readonly #bitsPerKey: number
  readonly #probeCount: number
  #hashes: Uint32Array = new Uint32Array(16_384)
  #count = 0

  constructor(bitsPerKey: number) {
    this.#bitsPerKey = bitsPerKey
    this.#probeCount = Math.max(1, Math.min(PROBE_COUNT_MAX, Math.round(bitsPerKey * Math.LN2)))
  }

  add(hash: number): void {
    if (this.#count === this.#hashes.length) {
      const larger = new Uint32Array(this.#hashes.length * 2)
      larger.set(this.#hashes)
      this.#hashes = larger
    }
    this.#hashes[this.#count++] = hash
  }

  /** The size of the filter that `finish` will write. */
  get sizeBytes(): number {
    return Math.max(FILTER_SIZE_BYTES_MIN, Math.ceil((this.#count * this.#bitsPerKey) / 8)) + 1
  }

  /** Writes the filter into `sizeBytes` bytes at `offset`, and forgets the hashes. */
  finish(bytes: Uint8Array, offset: number): void {
    const bitsSize = this.sizeBytes - 1
    const probeCount = this.#probeCount
    const scale = (bitsSize * 8) / 2 ** 32
    bytes.fill(0, offset, offset + bitsSize)
    for (let n = 0; n < this.#count; n++) {
      let hash = this.#hashes[n] as number
      for (let i = 0; i < probeCount; i++) {
        const bit = ((hash >>> 0) * scale) >>> 0
        const at = offset + (bit >>> 3)
        bytes[at] = (bytes[at] as number) | (1 << (bit & 7))
        hash = Math.imul(hash, PROBE_MULTIPLIER)
      }
    }
    bytes[offset + bitsSize] = probeCount
    this.#count = 0
  }
}

/** Whether a key with this hash may be in the partition; when false it certainly is not. */
export function filterMayContain(filter: Block, keyHash: number): boolean {
  const bytes = filter.bytes
  const start = filter.start
  const bitsSize = filter.end - start - 1
  // An empty filter comes from no writer: it says nothing.
  if (bitsSize <= 0) {
    return true
  }
  const probeCount = bytes[filter.end - 1] as number
  const scale = (bitsSize * 8) / 2 ** 32
  let hash = keyHash
  for (let i = 0; i < probeCount; i++) {
    const bit = ((hash >>> 0) * scale) >>> 0
    if (((bytes[start + (bit >>> 3)] as number) & (1 << (bit & 7))) === 0) {
      return false
    }
    hash = Math.imul(hash, PROBE_MULTIPLIER)
  }
  return true
}
