/**
 * The entries of a run. Each follows from the seed and an index, so that any of them can be made again without being kept:
 * keys of 16 bytes in random or in ascending order, values that compress to half. A value follows from its key, so that
 * reads can be checked.
 */
import { Random } from './random.ts'

export const KEY_SIZE_BYTES = 16
export const VALUE_SIZE_BYTES = 100
/** Sizes from 16 B to 1 MiB, each power of two as often as the next. */
const MIXED_SIZE_BYTES = { min: 16, max: 1024 * 1024 } as const

/** A prime, so that no pattern of keys meets one of values. */
const VALUE_COUNT = 10_007
const VALUE_STREAM = 2
const POOL_SIZE_BYTES_MAX = 2 * 1024 * 1024
/** So many random bytes, and the same again, as in LevelDB's db_bench. */
const REPEATED_SIZE_BYTES = 50
/** Every value read is checked in size and first bytes, one in so many in all bytes. */
const READS_PER_FULL_CHECK = 16
/** Keys from here on are never written. */
const MISSING_INDEX = 2 ** 31

export interface DatasetOptions {
  readonly seed: number
  readonly valueSizeBytes: number | 'mixed'
}

export class Dataset {
  readonly #seed: number
  readonly #values: readonly Buffer[]
  #checkedCount = 0

  constructor({ seed, valueSizeBytes }: DatasetOptions) {
    this.#seed = seed
    this.#values = makeValues(seed, valueSizeBytes)
  }

  /** Of a random order. No two indexes below 2^31 have the same key. */
  keyAt(index: number): Buffer {
    const key = Buffer.allocUnsafe(KEY_SIZE_BYTES)
    // The first word alone tells any two keys apart: mixing loses nothing.
    let word = mixed((index ^ this.#seed) | 0)
    for (let offset = 0; offset < KEY_SIZE_BYTES; offset += 4) {
      key.writeInt32BE(word, offset)
      word = mixed((word + offset + 1) | 0)
    }
    return key
  }

  /** Of an ascending order, eight bytes of zeros before the number. */
  sequentialKeyAt(index: number): Buffer {
    const key = Buffer.alloc(KEY_SIZE_BYTES)
    key.writeUInt32BE(index, KEY_SIZE_BYTES - 4)
    return key
  }

  /** Never written, and in between those that are. */
  missingKeyAt(index: number): Buffer {
    return this.keyAt(MISSING_INDEX + index)
  }

  /** The first `count` keys, made before anything is measured. */
  keys(count: number): Buffer[] {
    return Array.from({ length: count }, (_, index) => this.keyAt(index))
  }

  valueOf(key: Buffer): Buffer {
    return this.#values[(mixed(key.readInt32BE(KEY_SIZE_BYTES - 4)) >>> 0) % VALUE_COUNT] as Buffer
  }

  /** Throws unless `value` is what was written for `key`. */
  check(key: Buffer, value: Buffer | undefined): void {
    const expected = this.valueOf(key)
    const isRight =
      value?.length === expected.length &&
      value[0] === expected[0] &&
      value[1] === expected[1] &&
      (this.#checkedCount++ % READS_PER_FULL_CHECK !== 0 || value.equals(expected))
    if (!isRight) {
      throw new Error(`the value of ${key.toString('hex')} is not what was written`)
    }
  }
}

/** The finalizer of MurmurHash3 (Austin Appleby): a bijection of 32 bits. */
function mixed(value: number): number {
  let word = value | 0
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return word ^ (word >>> 16)
}

/** Parts of one pool; those of a fixed, small size do not overlap. */
function makeValues(seed: number, valueSizeBytes: number | 'mixed'): Buffer[] {
  const random = new Random(seed, VALUE_STREAM)
  const sizes = Array.from({ length: VALUE_COUNT }, () =>
    valueSizeBytes === 'mixed' ? mixedSize(random) : valueSizeBytes,
  )
  const largestSizeBytes = valueSizeBytes === 'mixed' ? MIXED_SIZE_BYTES.max : valueSizeBytes
  const pool = Buffer.allocUnsafeSlow(Math.max(2 * largestSizeBytes, Math.min(POOL_SIZE_BYTES_MAX, sum(sizes))))
  for (let offset = 0; offset < pool.length; offset += 2 * REPEATED_SIZE_BYTES) {
    const part = pool.subarray(offset, offset + REPEATED_SIZE_BYTES)
    random.fill(part)
    pool.set(part.subarray(0, Math.max(0, pool.length - offset - REPEATED_SIZE_BYTES)), offset + part.length)
  }
  let offset = 0
  return sizes.map((sizeBytes) => {
    offset = offset + sizeBytes > pool.length ? 0 : offset
    const value = pool.subarray(offset, offset + sizeBytes)
    offset += sizeBytes
    return value
  })
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, sizeBytes) => total + sizeBytes, 0)
}

function mixedSize(random: Random): number {
  const { min, max } = MIXED_SIZE_BYTES
  return Math.round(min * (max / min) ** (random.below(2 ** 20) / 2 ** 20))
}
