/**
 * The streams that a command writes to: results to standard output, notes to standard error. A reader that
 * goes away (`| head`) is no failure: what is printed afterwards goes nowhere, and long commands look at `closed`.
 */
import { CommandFailure } from './failure.ts'

export interface OutputStream {
  write(text: string | Uint8Array): boolean
  on(event: 'error' | 'close' | 'drain', listener: (error?: unknown) => void): unknown
  off(event: 'error' | 'close' | 'drain', listener: (error?: unknown) => void): unknown
}

export class Output {
  readonly #results: OutputStream
  readonly #notes: OutputStream
  #closed = false
  #failure: CommandFailure | undefined

  constructor(results: OutputStream, notes: OutputStream) {
    this.#results = results
    this.#notes = notes
    results.on('error', (error) => this.#onResultsError(error))
    // Nobody is left to be told.
    notes.on('error', () => undefined)
  }

  /** Whether nobody reads the results any more. */
  get closed(): boolean {
    return this.#closed
  }

  /** Why results could not be written, if it was not that their reader went away. */
  get failure(): CommandFailure | undefined {
    return this.#failure
  }

  /** Writes results and resolves once more may be written. */
  async print(text: string | Uint8Array): Promise<void> {
    if (!this.#closed && !this.#results.write(text)) {
      await this.#writable()
    }
  }

  async printLine(text = ''): Promise<void> {
    await this.print(`${text}\n`)
  }

  /** A line for whoever watches, apart from the results. */
  note(text: string): void {
    this.#notes.write(`${text}\n`)
  }

  /** A line that says what went wrong. */
  complain(text: string): void {
    this.note(`varve: ${text}`)
  }

  #onResultsError(error: unknown): void {
    this.#closed = true
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_DESTROYED') {
      this.#failure ??= new CommandFailure(
        `cannot write the output: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  #writable(): Promise<void> {
    return new Promise((resolve) => {
      const events = ['drain', 'close', 'error'] as const
      const done = (): void => {
        for (const event of events) {
          this.#results.off(event, done)
        }
        resolve()
      }
      for (const event of events) {
        this.#results.on(event, done)
      }
    })
  }
}
