/**
 * How long the main thread has run, and how long it has waited for a processor although it could run. On a machine that
 * others use too, that is what most long gaps of the event loop are made of; the store's own threads are among those
 * waited for.
 */
import { closeSync, openSync, readSync } from 'node:fs'

const NS_PER_MS = 1e6
const LINE_SIZE_BYTES_MAX = 96

export class ProcessorTime {
  /** `undefined` where the system does not tell. */
  readonly #file: number | undefined
  readonly #line: Buffer = Buffer.alloc(LINE_SIZE_BYTES_MAX)

  constructor() {
    // Of the main thread alone: time on a processor, time waiting for one, time slices.
    this.#file = process.platform === 'linux' ? openSync('/proc/self/schedstat', 'r') : undefined
  }

  /** In milliseconds, since the thread began; `undefined` where the system does not tell. */
  read(): { readonly ranMs: number; readonly waitedMs: number } | undefined {
    if (this.#file === undefined) {
      return undefined
    }
    const sizeBytes = readSync(this.#file, this.#line, 0, LINE_SIZE_BYTES_MAX, 0)
    const [ranNs, waitedNs] = this.#line.toString('latin1', 0, sizeBytes).split(' ')
    return { ranMs: Number(ranNs) / NS_PER_MS, waitedMs: Number(waitedNs) / NS_PER_MS }
  }

  close(): void {
    if (this.#file !== undefined) {
      closeSync(this.#file)
    }
  }
}
