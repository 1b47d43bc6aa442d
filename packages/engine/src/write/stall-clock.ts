/** When writes began to wait for room, and how long they have waited in all. Tells of each begin and end. */
import type { Clock } from '@varve/storage'
import type { StallCause } from './stall-queue.ts'

export interface StallEvent {
  readonly cause: StallCause
  readonly phase: 'begin' | 'end'
  /** How long the stall lasted, in milliseconds; 0 at its begin. */
  readonly durationMs: number
}

export class StallClock {
  readonly #clock: Clock
  readonly #onStall: (event: StallEvent) => void
  #current: { readonly cause: StallCause; readonly sinceMs: number } | undefined
  #count = 0
  #endedMs = 0

  constructor(clock: Clock, onStall: (event: StallEvent) => void) {
    this.#clock = clock
    this.#onStall = onStall
  }

  get cause(): StallCause | undefined {
    return this.#current?.cause
  }

  get count(): number {
    return this.#count
  }

  get totalMs(): number {
    return this.#endedMs + (this.#current === undefined ? 0 : this.#clock.nowMs() - this.#current.sinceMs)
  }

  begin(cause: StallCause): void {
    if (this.#current?.cause !== cause) {
      this.end()
      this.#current = { cause, sinceMs: this.#clock.nowMs() }
      this.#count++
      this.#onStall({ cause, phase: 'begin', durationMs: 0 })
    }
  }

  end(): void {
    if (this.#current !== undefined) {
      const { cause, sinceMs } = this.#current
      const durationMs = this.#clock.nowMs() - sinceMs
      this.#current = undefined
      this.#endedMs += durationMs
      this.#onStall({ cause, phase: 'end', durationMs })
    }
  }
}
