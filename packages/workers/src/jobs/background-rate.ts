/**
 * The shared memory through which all jobs of a store keep to one rate of bytes that they write; read and written with
 * `Atomics` alone. One for each store, `BigInt64Array` of four elements:
 *
 *     index  written by   meaning
 *     0      main thread  bytes a second, constant
 *     1      main thread  not 0: flushes do not wait, because somebody waits for them
 *     2      jobs         time, in us, up to which the rate is used up by flushes
 *     3      jobs         time, in us, up to which it is used up by all jobs
 *
 * Who wants to write takes its bytes' share of the time to come, and waits for where that share begins. A flush looks at
 * what flushes took alone, and so goes before compactions; these get what is left. How far ahead is taken is bounded:
 * flushes without a pause, or that did not wait, leave compactions about a tenth.
 */

const RATE_INDEX = 0
const LIFTED_INDEX = 1
const FLUSH_INDEX = 2
const ALL_INDEX = 3
const SIZE_BYTES: number = 4 * BigInt64Array.BYTES_PER_ELEMENT

const US_PER_MS = 1000
const US_PER_SECOND = 1_000_000
/** Besides the bytes that are asked for, no more than so much of the time to come is used up. */
const AHEAD_US_MAX = 1_000_000

export function createBackgroundRate(bytesPerSecond: number): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(SIZE_BYTES)
  Atomics.store(new BigInt64Array(shared), RATE_INDEX, BigInt(bytesPerSecond))
  return shared
}

export class BackgroundRate {
  readonly #words: BigInt64Array
  readonly #bytesPerSecond: number

  constructor(shared: SharedArrayBuffer) {
    this.#words = new BigInt64Array(shared)
    this.#bytesPerSecond = Number(Atomics.load(this.#words, RATE_INDEX))
  }

  get isLifted(): boolean {
    return Atomics.load(this.#words, LIFTED_INDEX) !== 0n
  }

  lift(isLifted: boolean): void {
    Atomics.store(this.#words, LIFTED_INDEX, isLifted ? 1n : 0n)
  }

  /** Takes so many bytes; returns how long to wait before they are written, in milliseconds. */
  take(nowMs: number, sizeBytes: number, isFlush: boolean): number {
    const nowUs = Math.round(nowMs * US_PER_MS)
    const takenUs = Math.ceil((sizeBytes / this.#bytesPerSecond) * US_PER_SECOND)
    const startUs = this.#advance(ALL_INDEX, nowUs, takenUs)
    return (isFlush ? this.#advance(FLUSH_INDEX, nowUs, takenUs) : startUs) / US_PER_MS
  }

  /** Uses up so much of the time to come; returns how far from now it begins. */
  #advance(index: number, nowUs: number, takenUs: number): number {
    for (;;) {
      const before = Atomics.load(this.#words, index)
      const startUs = Math.min(Math.max(Number(before), nowUs), nowUs + AHEAD_US_MAX + takenUs)
      const after = BigInt(startUs + takenUs)
      if (Atomics.compareExchange(this.#words, index, before, after) === before) {
        return startUs - nowUs
      }
    }
  }
}
