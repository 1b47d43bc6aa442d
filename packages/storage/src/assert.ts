/** A programmer's error: an invariant of this code base does not hold. Never used for I/O or for users' input. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(`invariant broken: ${message}`)
    this.name = 'AssertionError'
  }
}

/** Throws unless `condition` holds. `message` is constant text: building one costs on hot paths. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new AssertionError(message)
  }
}
