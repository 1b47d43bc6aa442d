/** What a verification has found. Damage is collected, not thrown: what is behind it is checked nevertheless. */
import { CorruptionError, IoError, UnsupportedError } from '@varve/storage'

export interface VerifyFinding {
  readonly path: string
  /** Where in the file the damaged structure begins, in bytes; 0 where it is the file as a whole. */
  readonly offset: number
  readonly what: string
}

export class Findings {
  readonly #list: VerifyFinding[] = []

  get count(): number {
    return this.#list.length
  }

  get list(): readonly VerifyFinding[] {
    return this.#list
  }

  add(path: string, offset: number, what: string): void {
    this.#list.push({ path, offset, what })
  }

  /** @throws what says nothing of a file */
  addError(error: unknown, path: string): void {
    if (error instanceof CorruptionError) {
      this.add(error.path, error.offset, error.what)
    } else if (error instanceof IoError) {
      this.add(error.path, 0, error.systemCode === 'ENOENT' ? 'it is missing' : `it cannot be read: ${error.message}`)
    } else if (error instanceof UnsupportedError) {
      this.add(path, 0, error.message)
    } else {
      throw error
    }
  }

  /** Runs a check of the file at `path`; what it throws is found. */
  async collect(path: string, check: () => Promise<void>): Promise<void> {
    try {
      await check()
    } catch (error) {
      this.addError(error, path)
    }
  }
}
