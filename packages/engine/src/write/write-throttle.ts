/**
 * Lets writes go at a rate that may be another one each time. A bucket of bytes that fills at the rate: a write goes while
 * there is anything in it, whatever the write's size, and those behind it wait until it is full again by that much. So a
 * write that comes alone, after a while, never waits. What is owed is bounded in time, so that no write waits for long
 * because of a large one before it.
 */
import type { Clock } from '@varve/storage'

/** What the bucket holds, in milliseconds of the rate: timers come late, and what they let go must make up for it. */
const CREDIT_MS_MAX = 20
/** The longest wait that one write can cause. */
const DEBT_MS_MAX = 1000
const MS_PER_SECOND = 1000

export class WriteThrottle {
  readonly #clock: Clock
  /** Below 0 while writes that went are still to be paid for. */
  #availableSizeBytes = Infinity
  #filledMs = 0
  #bytesPerMs = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long the next write has to wait at this rate, in milliseconds; 0: it may go. */
  delayMs(bytesPerSecond: number): number {
    const nowMs = this.#clock.nowMs()
    this.#bytesPerMs = bytesPerSecond / MS_PER_SECOND
    const filled = this.#availableSizeBytes + (nowMs - this.#filledMs) * this.#bytesPerMs
    this.#availableSizeBytes = Math.min(filled, CREDIT_MS_MAX * this.#bytesPerMs)
    this.#filledMs = nowMs
    return this.#availableSizeBytes > 0 ? 0 : Math.max(-this.#availableSizeBytes / this.#bytesPerMs, Number.EPSILON)
  }

  /** A write of this size goes. */
  spend(sizeBytes: number): void {
    this.#availableSizeBytes = Math.max(this.#availableSizeBytes - sizeBytes, -DEBT_MS_MAX * this.#bytesPerMs)
  }

  /** There is no limit any more: the next one begins with a full bucket. */
  reset(): void {
    this.#availableSizeBytes = Infinity
  }
}
