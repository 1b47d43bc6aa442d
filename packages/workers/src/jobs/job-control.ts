/**
 * The shared memory through which a running job and the main thread know of each other; read and written with `Atomics`
 * alone. One for each job, `Int32Array` of two elements:
 *
 *     index  written by   meaning
 *     0      main thread  not 0: stop
 *     1      the job      counts up as it gets on, and wraps round; no change for long means that it hangs
 *
 * The job looks and counts every 1024 entries and at each file operation, so that large values do not count as silence.
 */

const CANCEL_INDEX = 0
const PROGRESS_INDEX = 1
const CONTROL_SIZE_BYTES: number = 2 * Int32Array.BYTES_PER_ELEMENT

export function createJobControl(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_SIZE_BYTES)
}

export class JobControl {
  readonly #words: Int32Array

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared)
  }

  get isCancelled(): boolean {
    return Atomics.load(this.#words, CANCEL_INDEX) !== 0
  }

  get progress(): number {
    return Atomics.load(this.#words, PROGRESS_INDEX)
  }

  cancel(): void {
    Atomics.store(this.#words, CANCEL_INDEX, 1)
    Atomics.notify(this.#words, CANCEL_INDEX)
  }

  /** Holds the thread for so long, or until the job is cancelled. For job threads alone. */
  sleep(durationMs: number): void {
    Atomics.wait(this.#words, CANCEL_INDEX, 0, durationMs)
  }

  advance(): void {
    Atomics.add(this.#words, PROGRESS_INDEX, 1)
  }
}
