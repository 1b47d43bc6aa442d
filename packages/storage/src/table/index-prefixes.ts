/**
 * The first bytes of the keys in an index block, as numbers: a search compares those, and looks at the keys themselves
 * only where one is equal. Indexes stay in memory for long, and every read searches two of them.
 */
import { getUint32 } from '../coding.ts'
import { EntryWalk, commonPrefixSize } from './entry-walk.ts'
import { keyPrefix } from './key-prefix.ts'
import { RESTART_INTERVAL } from './table-format.ts'

/** The keys themselves have to be looked at. */
export const UNSURE = -1

export class IndexPrefixes {
  /** What all keys have in common is left out. */
  readonly #skipped: Uint8Array
  /** By entry. */
  readonly #values: Float64Array

  private constructor(skipped: Uint8Array, values: Float64Array) {
    this.#skipped = skipped
    this.#values = values
  }

  /**
   * Of a block whose entries lie from `start` to `end`, its restart points behind them; `undefined` if it is damaged, or
   * its restart points do not stand where writers put them: positions would mean nothing then.
   */
  static of(bytes: Uint8Array, start: number, end: number, restartCount: number): IndexPrefixes | undefined {
    const skippedSize = commonPrefixSize(new EntryWalk(bytes, start, end))
    if (skippedSize < 0) {
      return undefined
    }
    const walk = new EntryWalk(bytes, start, end)
    const values = new Float64Array(restartCount * RESTART_INTERVAL)
    let count = 0
    while (walk.next()) {
      const value = keyPrefix(walk.key, skippedSize, walk.keySize - skippedSize)
      const isOutOfOrder = count > 0 && value < (values[count - 1] as number)
      if (isOutOfOrder || count === values.length || !isRestartRight(bytes, start, end, walk.offset, count)) {
        return undefined
      }
      values[count++] = value
    }
    const isComplete = count > (restartCount - 1) * RESTART_INTERVAL
    return isComplete ? new IndexPrefixes(walk.key.slice(0, skippedSize), values.subarray(0, count)) : undefined
  }

  get sizeBytes(): number {
    return this.#values.buffer.byteLength + this.#skipped.length
  }

  get count(): number {
    return this.#values.length
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
    return keyPrefix(target, offset + skipped.length, size - skipped.length)
  }

  atRestart(index: number): number {
    return this.#values[index * RESTART_INTERVAL] as number
  }

  /** The position of the first entry whose key is not before the target; `count` if all are; or UNSURE. */
  find(target: Uint8Array, targetSize: number): number {
    const wanted = this.of(target, 0, targetSize)
    const values = this.#values
    let low = 0
    let high = values.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((values[middle] as number) < wanted) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low < values.length && values[low] === wanted ? UNSURE : low
  }
}

/** Whether entry `count`, at `offset`, is where a restart point says, if one does. */
function isRestartRight(bytes: Uint8Array, start: number, end: number, offset: number, count: number): boolean {
  return count % RESTART_INTERVAL !== 0 || getUint32(bytes, end + (count / RESTART_INTERVAL) * 4) === offset - start
}
