/** Wrong use of the Env, which no system would report: kept, so that a caller that swallows errors does not hide it. */

export class MisuseError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MisuseError'
  }
}

export class MisuseRecord {
  #first: MisuseError | undefined

  /** Throws what is wrong, and remembers it. */
  report(message: string): never {
    const error = new MisuseError(message)
    this.#first ??= error
    throw error
  }

  check(isRight: boolean, message: string): void {
    if (!isRight) {
      this.report(message)
    }
  }

  /** Throws the first misuse, if there was one. */
  rethrow(): void {
    if (this.#first !== undefined) {
      throw this.#first
    }
  }
}
