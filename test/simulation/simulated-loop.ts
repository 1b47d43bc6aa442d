/**
 * A clock and an event loop that move only when they are told to. What a real loop leaves open is drawn from the seed:
 * how long file operations take, and whether a timer, an operation that has ended or an immediate comes next. What it
 * promises is kept: immediates run in order, and timers when they are due.
 */
import type { Clock, Scheduler } from '@varve/storage'
import { SeededRandom } from '../harness/random.ts'

interface Waiting {
  readonly atMs: number
  readonly what: () => string
  readonly run: () => void
}

/** Time goes on while code runs: with each look at the clock, and with each step of the loop. */
const READING_MS = 0.001
const STEP_MS_MAX = 0.05
const OPERATION_MS_MAX = 0.4

export class SimulatedLoop implements Clock, Scheduler {
  readonly #random: SeededRandom
  readonly #immediates: (() => void)[] = []
  readonly #timers = new Set<Waiting>()
  readonly #operations = new Set<Waiting>()
  #nowMs = 1000
  #stepCount = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  get isBusy(): boolean {
    return this.#immediates.length + this.#operations.size > 0
  }

  get stepCount(): number {
    return this.#stepCount
  }

  nowMs(): number {
    this.#nowMs += READING_MS
    return this.#nowMs
  }

  immediate(callback: () => void): void {
    this.#immediates.push(callback)
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, what: () => `timer of ${delayMs} ms`, run: callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  afterIdle(delayMs: number, callback: () => void): () => void {
    return this.after(delayMs, callback)
  }

  /** Runs `run` when an operation of the system would have ended. */
  operation(what: () => string, delayMs: number, run: () => void): void {
    this.#operations.add({ atMs: this.#nowMs + delayMs + this.#draw(OPERATION_MS_MAX), what, run })
  }

  /** Lets one thing happen; false if there is nothing that ever could. Promises settle between steps, not in them. */
  step(): boolean {
    this.#stepCount++
    this.#nowMs += this.#draw(STEP_MS_MAX)
    const waiting = [earliest(this.#timers), earliest(this.#operations)].filter((each) => each !== undefined)
    let ready = waiting.filter(({ atMs }) => atMs <= this.#nowMs)
    if (ready.length === 0 && this.#immediates.length === 0) {
      const next = waiting.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) {
        return false
      }
      this.#nowMs = next.atMs
      ready = [next]
    }
    const choice = this.#random.below(ready.length + (this.#immediates.length > 0 ? 1 : 0))
    const chosen = ready[choice]
    if (chosen === undefined) {
      this.#immediates.shift()?.()
    } else {
      this.#timers.delete(chosen)
      this.#operations.delete(chosen)
      chosen.run()
    }
    return true
  }

  /** What has been begun and has not ended. */
  describe(): string {
    const names = [...this.#timers, ...this.#operations].map(({ what }) => what())
    return [...names, `${this.#immediates.length} immediates`].join(', ')
  }

  #draw(max: number): number {
    return (this.#random.uint32() / 2 ** 32) * max
  }
}

function earliest(set: ReadonlySet<Waiting>): Waiting | undefined {
  let first: Waiting | undefined
  for (const each of set) {
    if (first === undefined || each.atMs < first.atMs) {
      first = each
    }
  }
  return first
}
