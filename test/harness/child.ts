/** A child process of a test: its lines on descriptor 3, and how it ended. Its script is a built file of this folder. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** Where the scripts are, whether this file runs as it stands or as it was built. */
const BUILD_URL = new URL(import.meta.url.includes('/harness/dist/') ? './' : './dist/', import.meta.url)

export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

export class Child {
  readonly #process: ChildProcess
  readonly #waiting: { readonly word: string; readonly resolve: (line: string | undefined) => void }[] = []
  readonly lines: string[] = []
  #hasHung = false
  /** Resolves when the process is gone and all that it reported has been read. */
  readonly ended: Promise<ChildEnd>

  /** @param wrapper a program and its first arguments, which turns into Node */
  constructor(
    script: string,
    argument: unknown,
    nodeFlags: readonly string[] = [],
    wrapper: readonly [string, ...string[]] | readonly [] = [],
  ) {
    const path = fileURLToPath(new URL(`children/${script}.js`, BUILD_URL))
    const [program, ...parameters] = [...wrapper, process.execPath, ...nodeFlags, path, JSON.stringify(argument)]
    this.#process = spawn(program ?? process.execPath, parameters, {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    })
    const stderr: string[] = []
    this.#process.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk.toString()))
    this.#readLines(this.#process.stdio[3] as Readable)
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code, signal) => {
        this.#waiting.forEach((waiter) => waiter.resolve(undefined))
        resolve({ code, signal, stderr: stderr.join('') })
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  /** The first line that begins with `word`, said already or yet to come; `undefined` if the process ends without it. */
  async line(word: string): Promise<string | undefined> {
    const said = this.lines.find((line) => beginsWith(line, word))
    if (said !== undefined) {
      return said
    }
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
      await this.ended
      return this.lines.find((line) => beginsWith(line, word))
    }
    return await new Promise((resolve) => this.#waiting.push({ word, resolve }))
  }

  /** Whether it was ended because it hung. */
  get hasHung(): boolean {
    return this.#hasHung
  }

  /** Kills it because it did not come to an end. */
  endHung(): void {
    this.#hasHung = true
    this.kill()
  }

  /** As `kill -9` does: the process gets no chance to do anything. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #readLines(stream: Readable): void {
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        this.lines.push(line)
        this.#tell(line)
      }
    })
  }

  #tell(line: string): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const waiter = this.#waiting[i]
      if (waiter !== undefined && beginsWith(line, waiter.word)) {
        this.#waiting.splice(i, 1)
        waiter.resolve(line)
      }
    }
  }
}

function beginsWith(line: string, word: string): boolean {
  return line === word || line.startsWith(`${word} `)
}

/** Runs a script to its end; for those that need no conversation. */
export async function runChild(
  script: string,
  argument: unknown,
  nodeFlags: readonly string[] = [],
): Promise<ChildEnd & { lines: string[] }> {
  const child = new Child(script, argument, nodeFlags)
  return { ...(await child.ended), lines: child.lines }
}
