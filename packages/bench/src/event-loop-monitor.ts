/**
 * How long the event loop is held up. Three figures, as each alone misleads: the histogram of `monitorEventLoopDelay`
 * counts samples, not time, so that one long block hardly moves its quantiles; and a loop that never turns records
 * nothing at all. So a timer of 1 ms runs beside it, whose gaps are counted in time, and the last gap is closed by a
 * final turn before anything is read. A gap is also told without the time in which the thread waited for a processor.
 */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProcessorTime } from './processor-time.ts'

const PERIOD_MS = 1
/** A delay beyond this is one that users notice. */
const NOTICED_DELAY_MS = 10
const NS_PER_MS = 1e6

export interface EventLoopFigures {
  /** The longest time between two firings of a 1 ms timer, in milliseconds. */
  readonly longestGapMs: number
  /** As `longestGapMs`, each gap without the time in which the thread waited for a processor. */
  readonly longestRunningGapMs: number
  /** The part of the time, 0 to 1, that lies in gaps of the timer with a delay above 10 ms. */
  readonly delayedShare: number
  /** The number of such gaps. */
  readonly delayedCount: number
  /** As `delayedShare`, of the gaps that have such a delay without the time of waiting for a processor. */
  readonly delayedRunningShare: number
  /** The part of the time in which the main thread could run and waited for a processor. */
  readonly processorWaitShare: number
  /** Of `monitorEventLoopDelay` at a resolution of 1 ms; its floor is about 1.1 ms. */
  readonly delayMaxMs: number
  readonly delayP99Ms: number
}

export class EventLoopMonitor {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: PERIOD_MS })
  readonly #timer: NodeJS.Timeout
  readonly #startMs: number
  readonly #processorTime = new ProcessorTime()
  readonly #startWaitMs: number
  #firedMs: number
  #firedWaitMs: number
  #longestGapMs = 0
  #longestRunningGapMs = 0
  #delayedMs = 0
  #delayedRunningMs = 0
  #delayedCount = 0

  private constructor() {
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#fire(), PERIOD_MS)
    this.#startWaitMs = this.#waitedMs()
    this.#firedWaitMs = this.#startWaitMs
    this.#startMs = performance.now()
    this.#firedMs = this.#startMs
  }

  /** Starts with a turn, so that the first gap is not that of what came before. */
  static async start(): Promise<EventLoopMonitor> {
    await sleep(PERIOD_MS)
    return new EventLoopMonitor()
  }

  async stop(): Promise<EventLoopFigures> {
    await sleep(PERIOD_MS)
    clearInterval(this.#timer)
    this.#fire()
    this.#histogram.disable()
    this.#processorTime.close()
    const elapsedMs = this.#firedMs - this.#startMs
    return {
      longestGapMs: this.#longestGapMs,
      longestRunningGapMs: this.#longestRunningGapMs,
      delayedShare: this.#delayedMs / elapsedMs,
      delayedCount: this.#delayedCount,
      delayedRunningShare: this.#delayedRunningMs / elapsedMs,
      processorWaitShare: (this.#firedWaitMs - this.#startWaitMs) / elapsedMs,
      delayMaxMs: this.#histogram.max / NS_PER_MS,
      delayP99Ms: this.#histogram.percentile(99) / NS_PER_MS,
    }
  }

  #waitedMs(): number {
    return this.#processorTime.read()?.waitedMs ?? 0
  }

  #fire(): void {
    const nowMs = performance.now()
    const waitMs = this.#waitedMs()
    const gapMs = nowMs - this.#firedMs
    const runningGapMs = Math.max(0, gapMs - (waitMs - this.#firedWaitMs))
    this.#firedMs = nowMs
    this.#firedWaitMs = waitMs
    this.#longestGapMs = Math.max(this.#longestGapMs, gapMs)
    this.#longestRunningGapMs = Math.max(this.#longestRunningGapMs, runningGapMs)
    if (gapMs - PERIOD_MS > NOTICED_DELAY_MS) {
      this.#delayedMs += gapMs
      this.#delayedCount++
    }
    if (runningGapMs - PERIOD_MS > NOTICED_DELAY_MS) {
      this.#delayedRunningMs += runningGapMs
    }
  }
}
