/** Delays between tries: doubling, bounded, and cut short when the store closes. */
import type { Scheduler } from '@varve/storage'

const FIRST_DELAY_MS = 100
const DELAY_MS_MAX = 10_000

export class Backoff {
  readonly #scheduler: Scheduler
  #delayMs = FIRST_DELAY_MS
  #stopped = false
  readonly #waits = new Set<() => void>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /** Waits for the next delay; false if there is to be no other try. */
  async wait(): Promise<boolean> {
    if (!this.#stopped) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          this.#waits.delete(end)
          cancel()
          resolve()
        }
        const cancel = this.#scheduler.after(this.#delayMs, end)
        this.#waits.add(end)
      })
      this.#delayMs = Math.min(this.#delayMs * 2, DELAY_MS_MAX)
    }
    return !this.#stopped
  }

  /** It worked: the next fault is waited for as briefly as the first. */
  reset(): void {
    this.#delayMs = FIRST_DELAY_MS
  }

  stop(): void {
    this.#stopped = true
    for (const end of this.#waits) {
      end()
    }
  }
}
