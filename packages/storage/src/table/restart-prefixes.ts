/**
 * The first bytes of the keys at an index block's restart points, as numbers: a search compares those, and looks at the
 * keys themselves only where they are equal. Indexes stay in memory for long and every read searches two of them.
 */
import { getUint32, getVarint, varintSizeBytes } from '../coding.ts'

/** A double holds so many bytes exactly. */
const PREFIX_SIZE_BYTES = 6

export class RestartPrefixes {
  /** What all keys have in common is left out. */
  readonly skippedSize: number
  readonly #skipped: Uint8Array
  readonly #values: Float64Array

  private constructor(skipped: Uint8Array, values: Float64Array) {
    this.skippedSize = skipped.length
    this.#skipped = skipped
    this.#values = values
  }

  /** Of a block whose entries lie from `start` to `end`, its restart points behind them; `undefined` if it is damaged. */
  static of(bytes: Uint8Array, start: number, end: number, restartCount: number): RestartPrefixes | undefined {
    const keys: Uint8Array[] = []
    for (let i = 0; i < restartCount; i++) {
      const key = restartKey(bytes, start + getUint32(bytes, end + i * 4), end)
      if (key === undefined) {
        return undefined
      }
      keys.push(key)
    }
    const first = keys[0] as Uint8Array
    const last = keys[restartCount - 1] as Uint8Array
    let shared = 0
    while (shared < first.length && shared < last.length && first[shared] === last[shared]) {
      shared++
    }
    const values = Float64Array.from(keys, (key) => prefixOf(key, shared, key.length))
    return new RestartPrefixes(first.slice(0, shared), values)
  }

  get sizeBytes(): number {
    return this.#values.byteLength + this.skippedSize
  }

  /** The number of a target to compare with `at`; -1 if it comes before all keys, Infinity if behind them. */
  of(target: Uint8Array, offset: number, size: number): number {
    const skipped = this.#skipped
    for (let i = 0; i < skipped.length; i++) {
      const difference = i < size ? (target[offset + i] as number) - (skipped[i] as number) : -1
      if (difference !== 0) {
        return difference < 0 ? -1 : Infinity
      }
    }
    return prefixOf(target, offset + skipped.length, offset + size)
  }

  at(index: number): number {
    return this.#values[index] as number
  }
}

/** Bytes behind the key count as 0: a smaller number is a smaller key, an equal one may be either. */
function prefixOf(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset >= PREFIX_SIZE_BYTES) {
    const high =
      ((bytes[offset] as number) << 16) | ((bytes[offset + 1] as number) << 8) | (bytes[offset + 2] as number)
    const low =
      ((bytes[offset + 3] as number) << 16) | ((bytes[offset + 4] as number) << 8) | (bytes[offset + 5] as number)
    return high * 0x1000000 + low
  }
  let prefix = 0
  for (let i = 0; i < PREFIX_SIZE_BYTES; i++) {
    prefix = prefix * 256 + (offset + i < end ? (bytes[offset + i] as number) : 0)
  }
  return prefix
}

function restartKey(bytes: Uint8Array, offset: number, end: number): Uint8Array | undefined {
  const size = getVarint(bytes, offset + 1, end)
  const valueSizeOffset = offset + 1 + varintSizeBytes(Math.max(size, 0))
  const valueSize = getVarint(bytes, valueSizeOffset, end)
  const tagOffset = valueSizeOffset + varintSizeBytes(Math.max(valueSize, 0))
  const keyOffset = tagOffset + 1 + ((bytes[tagOffset] ?? 0) >>> 4)
  const isWhole = bytes[offset] === 0 && size >= 0 && valueSize >= 0 && keyOffset + size <= end
  return isWhole ? bytes.subarray(keyOffset, keyOffset + size) : undefined
}
