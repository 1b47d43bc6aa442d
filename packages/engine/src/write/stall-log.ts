/**
 * The stalls of a store: which one is under way, and how many there were, and how long, by cause and kind. A stall begins
 * with the first write that waits, and ends when none waits and none would.
 */
import type { Clock } from '@varve/storage'

/** Why writes wait. */
export type StallCause = 'frozen-memtables' | 'level-zero-tables' | 'pending-compaction'

/** Writes go on at a lower rate, or not at all. */
export type StallKind = 'delay' | 'stop'

export interface StallEvent {
  readonly cause: StallCause
  readonly kind: StallKind
  readonly phase: 'begin' | 'end'
  /** How long the stall lasted, in milliseconds; 0 at its begin. */
  readonly durationMs: number
}

export interface StallTally {
  readonly count: number
  readonly totalMs: number
}

export interface StallStats extends StallTally {
  /** Of the stall that is under way. */
  readonly current: StallCause | undefined
  readonly currentKind: StallKind | undefined
  readonly causes: Readonly<Record<StallCause, Readonly<Record<StallKind, StallTally>>>>
}

export const STALL_CAUSES: readonly StallCause[] = ['frozen-memtables', 'level-zero-tables', 'pending-compaction']

interface Stall {
  readonly cause: StallCause
  readonly kind: StallKind
  readonly sinceMs: number
}

export class StallLog {
  readonly #clock: Clock
  readonly #onStall: (event: StallEvent) => void
  readonly #tallies = new Map<string, StallTally>()
  #current: Stall | undefined

  constructor(clock: Clock, onStall: (event: StallEvent) => void) {
    this.#clock = clock
    this.#onStall = onStall
  }

  get current(): StallCause | undefined {
    return this.#current?.cause
  }

  get currentKind(): StallKind | undefined {
    return this.#current?.kind
  }

  /** Writes wait from now on, or still do, for this reason alone. */
  begin(cause: StallCause, kind: StallKind): void {
    if (this.#current?.cause === cause && this.#current.kind === kind) {
      return
    }
    this.end()
    this.#current = { cause, kind, sinceMs: this.#clock.nowMs() }
    this.#add(this.#current, 1, 0)
    this.#onStall({ cause, kind, phase: 'begin', durationMs: 0 })
  }

  /** No write waits. Those that go at a lower rate still stall, each for a moment. */
  endIfIdle(isSlowed: boolean): void {
    if (this.currentKind === 'stop' || !isSlowed) {
      this.end()
    }
  }

  end(): void {
    const stall = this.#current
    if (stall !== undefined) {
      const durationMs = this.#clock.nowMs() - stall.sinceMs
      this.#current = undefined
      this.#add(stall, 0, durationMs)
      this.#onStall({ cause: stall.cause, kind: stall.kind, phase: 'end', durationMs })
    }
  }

  /** Of all stalls, the one under way up to now included. */
  stats(): StallStats {
    const runningMs = this.#current === undefined ? 0 : this.#clock.nowMs() - this.#current.sinceMs
    const tallyOf = (cause: StallCause, kind: StallKind): StallTally => {
      const { count, totalMs } = this.#tallies.get(`${cause} ${kind}`) ?? { count: 0, totalMs: 0 }
      const isRunning = this.#current?.cause === cause && this.#current.kind === kind
      return { count, totalMs: totalMs + (isRunning ? runningMs : 0) }
    }
    const causes = Object.fromEntries(
      STALL_CAUSES.map((cause) => [cause, { delay: tallyOf(cause, 'delay'), stop: tallyOf(cause, 'stop') }]),
    ) as Record<StallCause, Record<StallKind, StallTally>>
    const all = Object.values(causes).flatMap(({ delay, stop }) => [delay, stop])
    return {
      count: all.reduce((sum, { count }) => sum + count, 0),
      totalMs: all.reduce((sum, { totalMs }) => sum + totalMs, 0),
      current: this.current,
      currentKind: this.currentKind,
      causes,
    }
  }

  #add({ cause, kind }: Stall, count: number, durationMs: number): void {
    const name = `${cause} ${kind}`
    const before = this.#tallies.get(name) ?? { count: 0, totalMs: 0 }
    this.#tallies.set(name, { count: before.count + count, totalMs: before.totalMs + durationMs })
  }
}
