/** Ctrl-C and its relatives: the first asks the command to stop and close the store, a second one ends the process. */
import { constants } from 'node:os'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A terminal and npm may both deliver one Ctrl-C: what follows sooner than this is the same one. */
const sameInterruptMs = 300

export class Interruption {
  readonly #controller = new AbortController()
  #exitCode: number | undefined
  #interruptedAtMs = 0

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** 128 and the number of the signal, as shells have it; undefined while nothing has interrupted. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  listen(): void {
    for (const signal of signals) {
      process.on(signal, () => this.#interrupt(128 + constants.signals[signal]))
    }
  }

  #interrupt(exitCode: number): void {
    if (this.#exitCode === undefined) {
      this.#exitCode = exitCode
      this.#interruptedAtMs = performance.now()
      this.#controller.abort()
    } else if (performance.now() - this.#interruptedAtMs > sameInterruptMs) {
      // Whoever asks twice does not want to wait. The store recovers as it would from any crash.
      process.exit(exitCode)
    }
  }
}
