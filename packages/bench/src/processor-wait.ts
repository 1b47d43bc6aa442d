/**
 * How long the main thread has waited for a processor although it could run, in milliseconds. On a machine that others
 * use too, that is what most long gaps of the event loop are made of; the store's own threads are among those waited for.
 */
import { closeSync, openSync, readSync } from 'node:fs'

const NS_PER_MS = 1e6
const LINE_SIZE_BYTES_MAX = 96

export class ProcessorWait {
  /** `undefined` where the system does not tell. */
  readonly #file: number | undefined
  readonly #line: Buffer = Buffer.alloc(LINE_SIZE_BYTES_MAX)

  constructor() {
    // Of the main thread alone: time on a processor, time waiting for one, time slices.
    this.#file = process.platform === 'linux' ? openSync('/proc/self/schedstat', 'r') : undefined
  }

  /** 0 where the system does not tell. */
  totalMs(): number {
    if (this.#file === undefined) {
      return 0
    }
    const sizeBytes = readSync(this.#file, this.#line, 0, LINE_SIZE_BYTES_MAX, 0)
    const waitedNs = this.#line.toString('latin1', 0, sizeBytes).split(' ')[1]
    return Number(waitedNs) / NS_PER_MS
  }

  close(): void {
    if (this.#file !== undefined) {
      closeSync(this.#file)
    }
  }
}
