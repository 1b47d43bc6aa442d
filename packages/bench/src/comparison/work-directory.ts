/** Where the stores of a run lie. Everything is removed when the run ends, by a signal too. */
import { rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
const SIGNALS = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]

export class WorkDirectory {
  readonly #path: string
  readonly #removeNow = (): void => rmSync(this.#path, { recursive: true, force: true })
  readonly #exit = (signal: NodeJS.Signals): void => process.exit(EXIT_CODES[signal as keyof typeof EXIT_CODES])

  private constructor(path: string) {
    this.#path = path
    process.on('exit', this.#removeNow)
    for (const signal of SIGNALS) {
      process.on(signal, this.#exit)
    }
  }

  static async create(parent: string): Promise<WorkDirectory> {
    await mkdir(parent, { recursive: true })
    return new WorkDirectory(await mkdtemp(join(parent, 'varve-bench-')))
  }

  path(name: string): string {
    return join(this.#path, name)
  }

  /** Calls `use` with a directory that is a copy of `template`, or not there yet; removes it afterwards. */
  async withFresh<T>(template: string | undefined, use: (directory: string) => Promise<T>): Promise<T> {
    const directory = this.path('store')
    try {
      if (template !== undefined) {
        await cp(template, directory, { recursive: true })
      }
      return await use(directory)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  async remove(): Promise<void> {
    process.off('exit', this.#removeNow)
    for (const signal of SIGNALS) {
      process.off(signal, this.#exit)
    }
    await rm(this.#path, { recursive: true, force: true })
  }
}
