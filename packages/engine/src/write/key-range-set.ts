/** Several ranges of keys as one set: sorted and merged, so that whether a key is in it takes one binary search. */
import { compareBytes, compareKeys } from '@varve/storage'
import type { KeyRange } from '../version/version.ts'

export class KeyRangeSet {
  /** Ascending, disjoint, none of them empty. */
  readonly ranges: readonly KeyRange[]

  constructor(ranges: readonly KeyRange[]) {
    const merged: KeyRange[] = []
    for (const range of ranges.filter((one) => !isEmpty(one)).toSorted(byLower)) {
      const last = merged.at(-1)
      if (last !== undefined && reaches(last, range)) {
        merged[merged.length - 1] = { lower: last.lower, upper: largerUpper(last.upper, range.upper) }
      } else {
        merged.push(range)
      }
    }
    this.ranges = merged
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0
  }

  includes(bytes: Uint8Array, offset: number, size: number): boolean {
    let low = 0
    let high = this.ranges.length
    // The first range that does not end at or before the key.
    while (low < high) {
      const middle = (low + high) >>> 1
      const { upper } = this.ranges[middle] as KeyRange
      if (upper !== undefined && compareBytes(upper, 0, upper.length, bytes, offset, size) <= 0) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    const range = this.ranges[low]
    if (range === undefined) {
      return false
    }
    const { lower } = range
    return lower === undefined || compareBytes(lower, 0, lower.length, bytes, offset, size) <= 0
  }
}

function isEmpty({ lower, upper }: KeyRange): boolean {
  return upper !== undefined && compareKeys(lower ?? new Uint8Array(0), upper) >= 0
}

function byLower(a: KeyRange, b: KeyRange): number {
  return compareKeys(a.lower ?? new Uint8Array(0), b.lower ?? new Uint8Array(0))
}

/** Whether `before` ends at or behind the beginning of `after`. */
function reaches(before: KeyRange, after: KeyRange): boolean {
  return before.upper === undefined || compareKeys(before.upper, after.lower ?? new Uint8Array(0)) >= 0
}

function largerUpper(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (a === undefined || b === undefined) {
    return undefined
  }
  return compareKeys(a, b) < 0 ? b : a
}
