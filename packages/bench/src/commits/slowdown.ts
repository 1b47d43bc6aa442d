/**
 * Whether one commit is slower than another beyond noise. Pure: figures in, a verdict out.
 *
 * Rounds alternate, so that each gives one ratio under the same weather. The interval of order statistics that holds the
 * true median with at least 95 % confidence needs no assumption about how ratios are distributed (sign test). Slower is
 * what lies below 1 by more than the tolerance with its whole interval.
 */
import { summarize } from '../comparison/statistics.ts'

const ERROR_SHARE = 0.05
/** Less than this is not worth an alarm. */
export const TOLERANCE = 0.03
/** With fewer pairs no interval reaches 95 %. */
export const ROUND_COUNT_MIN = 6

export interface Slowdown {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly isSlower: boolean
}

/** @param ratios one each round; below 1 is slower */
export function judge(ratios: readonly number[], tolerance: number = TOLERANCE): Slowdown {
  const sorted = ratios.toSorted((a, b) => a - b)
  const skipped = skippedCount(sorted.length)
  if (skipped < 0) {
    return { median: summarize(sorted).median, low: 0, high: Infinity, isSlower: false }
  }
  const low = sorted[skipped] as number
  const high = sorted[sorted.length - 1 - skipped] as number
  return { median: summarize(sorted).median, low, high, isSlower: high < 1 - tolerance }
}

/** How many values may be left out on each side; -1 if even all of them are too few. */
function skippedCount(count: number): number {
  let probability = 0.5 ** count
  let tail = 0
  for (let skipped = 0; ; skipped++) {
    tail += probability
    if (2 * tail > ERROR_SHARE || skipped * 2 >= count) {
      return skipped - 1
    }
    probability *= (count - skipped) / (skipped + 1)
  }
}
