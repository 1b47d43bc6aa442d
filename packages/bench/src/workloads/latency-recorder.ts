/**
 * How long single operations took, in a histogram of constant relative precision. A closed loop records how long the store
 * took (service time): it asks for less while the store is slow. A run at an offered rate records from the time at which
 * the operation was due (response time), so that a stall counts for all that had to wait: no coordinated omission.
 */
import { build, type Histogram } from 'hdr-histogram-js'

const NS_PER_MS = 1e6
const NS_PER_US = 1000
const SIGNIFICANT_DIGITS = 3
const LONGEST_NS = 600e9

export interface Latencies {
  readonly kind: 'service' | 'response'
  readonly count: number
  readonly p50Us: number
  readonly p90Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  readonly meanUs: number
}

export class LatencyRecorder {
  readonly #histogram: Histogram = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NS,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
    autoResize: false,
  })
  kind: Latencies['kind'] = 'service'

  record(durationMs: number): void {
    this.#histogram.recordValue(Math.min(LONGEST_NS, Math.max(1, Math.round(durationMs * NS_PER_MS))))
  }

  reset(): void {
    this.#histogram.reset()
  }

  /** `undefined` if nothing was recorded. */
  summary(): Latencies | undefined {
    const histogram = this.#histogram
    if (histogram.totalCount === 0) {
      return undefined
    }
    const us = (percentile: number): number => histogram.getValueAtPercentile(percentile) / NS_PER_US
    return {
      kind: this.kind,
      count: histogram.totalCount,
      p50Us: us(50),
      p90Us: us(90),
      p99Us: us(99),
      p999Us: us(99.9),
      maxUs: histogram.maxValue / NS_PER_US,
      meanUs: histogram.mean / NS_PER_US,
    }
  }
}
