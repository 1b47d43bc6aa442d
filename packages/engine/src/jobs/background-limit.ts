/**
 * The rate that all jobs of a store keep to together, if there is one, and when flushes need not: while writers, or
 * whoever asked for a flush, wait for one.
 */
import { BackgroundRate, createBackgroundRate } from '@varve/workers'

export class BackgroundLimit {
  /** For the requests of jobs. */
  readonly shared: SharedArrayBuffer | undefined
  readonly #rate: BackgroundRate | undefined
  readonly #waiting = new Set<string>()

  /** @param bytesPerSecondMax 0: no limit */
  constructor(bytesPerSecondMax: number) {
    this.shared = bytesPerSecondMax > 0 ? createBackgroundRate(bytesPerSecondMax) : undefined
    this.#rate = this.shared && new BackgroundRate(this.shared)
  }

  /** Flushes are waited for, or are not any more, by one of several. */
  setWaiting(who: 'writers' | 'callers', isWaiting: boolean): void {
    if (isWaiting) {
      this.#waiting.add(who)
    } else {
      this.#waiting.delete(who)
    }
    this.#rate?.lift(this.#waiting.size > 0)
  }
}
