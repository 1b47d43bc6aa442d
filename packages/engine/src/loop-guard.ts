/**
 * Keeps tight loops of awaits from starving the event loop. A promise that is already resolved lets its awaiter go on
 * without a turn of the loop; timers, sockets and the workers' answers would then wait for ever. So once the loop has
 * not turned for a while, promises resolve through the next turn.
 */
import type { Env } from '@varve/storage'

const TURN_TIME_MS_MAX = 2
/** Reading the clock costs more than many a read: it is read once for so many calls. */
const CALLS_PER_CLOCK_READING = 8

export class LoopGuard {
  readonly #env: Env
  #isArmed = false
  #turnedAtMs = 0
  #callCount = 0

  constructor(env: Env) {
    this.#env = env
  }

  /** Whether the loop should turn before the caller goes on. */
  isStarving(): boolean {
    if (!this.#isArmed) {
      this.#isArmed = true
      this.#callCount = 0
      this.#turnedAtMs = this.#env.clock.nowMs()
      this.#env.scheduler.immediate(() => {
        this.#isArmed = false
      })
      return false
    }
    this.#callCount++
    if (this.#callCount % CALLS_PER_CLOCK_READING !== 0) {
      return false
    }
    return this.#env.clock.nowMs() - this.#turnedAtMs > TURN_TIME_MS_MAX
  }

  /** Whether it should after a call that took long: the clock is read in any case. */
  isStarvingNow(): boolean {
    return this.isStarving() || this.#env.clock.nowMs() - this.#turnedAtMs > TURN_TIME_MS_MAX
  }

  /** A promise of a value that is there already. */
  resolve<T>(value: T): Promise<T> {
    return this.isStarving() ? this.turn().then(() => value) : Promise.resolve(value)
  }

  /** A rejected promise. Who tries again at once must not starve the loop either. */
  reject(error: unknown): Promise<never> {
    return this.isStarving()
      ? this.turn().then(() => {
          throw error
        })
      : Promise.reject(error as Error)
  }

  /** Resolves in the next turn of the loop. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#env.scheduler.immediate(resolve))
  }
}
