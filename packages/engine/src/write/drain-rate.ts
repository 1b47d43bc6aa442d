/**
 * How fast a backlog is worked off, in bytes a second: a geometric mean that forgets, over the times in which there was
 * a backlog. One sample cannot move it far, whether the process was stopped meanwhile or two ends came at once.
 */

/** Before anything has been seen: what one thread does on a slow disk. */
const BYTES_PER_SECOND_AT_FIRST: number = 32 * 1024 * 1024
/** What a new sample counts for. */
const SAMPLE_WEIGHT = 0.3
/** A sample counts as no more than so many times the mean, and no less than so much of it. */
const SAMPLE_FACTOR_MAX = 16
const MS_PER_SECOND = 1000

export class DrainRate {
  #bytesPerSecond = BYTES_PER_SECOND_AT_FIRST
  /** Since when the backlog has been worked on without a result; `undefined` while there is none. */
  #sinceMs: number | undefined

  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** Told at each change: so much left the backlog since the last one, and whether anything is left. */
  observe(nowMs: number, drainedSizeBytes: number, hasBacklog: boolean): void {
    if (drainedSizeBytes > 0 && this.#sinceMs !== undefined) {
      this.#add(drainedSizeBytes, nowMs - this.#sinceMs)
      this.#sinceMs = nowMs
    }
    if (!hasBacklog) {
      this.#sinceMs = undefined
    } else {
      this.#sinceMs ??= nowMs
    }
  }

  #add(sizeBytes: number, elapsedMs: number): void {
    const sample = elapsedMs > 0 ? (sizeBytes / elapsedMs) * MS_PER_SECOND : Infinity
    const factor = Math.min(Math.max(sample / this.#bytesPerSecond, 1 / SAMPLE_FACTOR_MAX), SAMPLE_FACTOR_MAX)
    this.#bytesPerSecond *= factor ** SAMPLE_WEIGHT
  }
}
