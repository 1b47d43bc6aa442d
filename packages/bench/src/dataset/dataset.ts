/**
 * The entries of a run: random keys of 16 bytes, values of 100 bytes that compress to half. Both follow from the seed.
 * Keys and values are made before anything is measured; a value follows from its key, so that reads can be checked.
 */
import { Random } from './random.ts'

export const KEY_SIZE_BYTES = 16
export const VALUE_SIZE_BYTES = 100
/** A prime, so that no pattern of keys meets one of values. */
const VALUE_COUNT = 10_007
const KEY_STREAM = 1
const VALUE_STREAM = 2
/** Every value read is checked in size and first bytes, one in so many in all bytes. */
const READS_PER_FULL_CHECK = 16

export class Dataset {
  readonly #seed: number
  readonly #values: readonly Buffer[]
  #checkedCount = 0

  constructor(seed: number) {
    this.#seed = seed
    this.#values = makeValues(seed)
  }

  /** The first `count` keys of this seed, in the order in which they are written. */
  keys(count: number): Buffer[] {
    const source = this.keySource()
    return Array.from({ length: count }, () => source())
  }

  /** Makes the same keys one by one, for loads that must not hold them all. */
  keySource(): () => Buffer {
    const random = new Random(this.#seed, KEY_STREAM)
    return () => {
      const key = Buffer.allocUnsafe(KEY_SIZE_BYTES)
      random.fill(key)
      return key
    }
  }

  valueOf(key: Buffer): Buffer {
    return this.#values[key.readUInt32LE(KEY_SIZE_BYTES - 4) % VALUE_COUNT] as Buffer
  }

  /** Throws unless `value` is what was written for `key`. */
  check(key: Buffer, value: Buffer | undefined): void {
    const expected = this.valueOf(key)
    const isRight =
      value?.length === VALUE_SIZE_BYTES &&
      value[0] === expected[0] &&
      value[1] === expected[1] &&
      (this.#checkedCount++ % READS_PER_FULL_CHECK !== 0 || value.equals(expected))
    if (!isRight) {
      throw new Error(`the value of ${key.toString('hex')} is not what was written`)
    }
  }
}

/** Half of each value is random, the other half repeats it, as in LevelDB's db_bench. */
function makeValues(seed: number): Buffer[] {
  const random = new Random(seed, VALUE_STREAM)
  const bytes = Buffer.allocUnsafeSlow(VALUE_COUNT * VALUE_SIZE_BYTES)
  return Array.from({ length: VALUE_COUNT }, (_, index) => {
    const value = bytes.subarray(index * VALUE_SIZE_BYTES, (index + 1) * VALUE_SIZE_BYTES)
    const half = value.subarray(0, VALUE_SIZE_BYTES / 2)
    random.fill(half)
    value.set(half, VALUE_SIZE_BYTES / 2)
    return value
  })
}
