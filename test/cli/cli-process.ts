/** Runs the built command line as a child process, as users do. */
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../packages/cli/dist/bundle/main.js', import.meta.url))

export interface CliResult {
  readonly exitCode: number | null
  readonly out: string
  readonly err: string
}

/** A directory to run in; the default store is made below it. */
export class CliSandbox {
  readonly directory: string

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'varve-cli-'))
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  start(...args: string[]): CliProcess {
    return new CliProcess(spawn(process.execPath, [program, ...args], { cwd: this.directory }))
  }

  /** Runs to the end, with `input` on standard input. */
  run(args: readonly string[], input = ''): Promise<CliResult> {
    const child = this.start(...args)
    child.endInput(input)
    return child.result
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export class CliProcess {
  readonly result: Promise<CliResult>
  readonly #child: ChildProcessWithoutNullStreams
  readonly #watchers = new Set<() => void>()
  #out = ''
  #err = ''

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#out += text
      this.#watch()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text
      this.#watch()
    })
    // A program that ends before it has read everything is no error of ours.
    child.stdin.on('error', () => undefined)
    this.result = new Promise((resolve) => {
      child.on('close', (exitCode) => {
        resolve({ exitCode, out: this.#out, err: this.#err })
        this.#watch()
      })
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  write(text: string): void {
    this.#child.stdin.write(text)
  }

  endInput(text: string): void {
    this.#child.stdin.end(text)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Goes away as a reader, like `head` when it has enough. */
  closeOutput(): void {
    this.#child.stdout.destroy()
  }

  /** Resolves once either stream has shown `text`; rejects if the process ends without. */
  async shown(text: string): Promise<void> {
    while (!this.#out.includes(text) && !this.#err.includes(text)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`ended without "${text}": ${this.#out}${this.#err}`)
      }
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher)
          resolve()
        }
        this.#watchers.add(watcher)
      })
    }
  }

  #watch(): void {
    for (const watcher of this.#watchers) {
      watcher()
    }
  }
}
