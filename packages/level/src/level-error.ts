/**
 * Errors as users of abstract-level know them: told apart by `code`, which begins with `LEVEL_`. The store's own error
 * is the `cause`, with its code, path and offset.
 */
import { VarveError, type ErrorCode } from 'varve'

const CODES: Readonly<Record<ErrorCode, string>> = {
  VARVE_INVALID_ARGUMENT: 'LEVEL_INVALID_ARGUMENT',
  VARVE_NOT_FOUND: 'LEVEL_NOT_FOUND',
  VARVE_EXISTS: 'LEVEL_EXISTS',
  VARVE_LOCKED: 'LEVEL_LOCKED',
  VARVE_CLOSED: 'LEVEL_DATABASE_NOT_OPEN',
  VARVE_READ_ONLY: 'LEVEL_READ_ONLY',
  VARVE_BUSY: 'LEVEL_BUSY',
  VARVE_CONFLICT: 'LEVEL_CONFLICT',
  VARVE_CORRUPTION: 'LEVEL_CORRUPTION',
  VARVE_UNSUPPORTED: 'LEVEL_NOT_SUPPORTED',
  VARVE_IO: 'LEVEL_IO_ERROR',
  VARVE_ABORTED: 'LEVEL_ABORTED',
  VARVE_INTERNAL: 'LEVEL_INTERNAL',
}

/** The words that users of classic-level look for. */
const HINTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  VARVE_NOT_FOUND: 'the database does not exist',
  VARVE_EXISTS: 'the database exists',
}

export class LevelError extends Error {
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    // Whoever awaits a step that was aborted looks for this name, as with the platform's own.
    this.name = code === 'LEVEL_ABORTED' ? 'AbortError' : 'LevelError'
    this.code = code
  }
}

/** An error of the store as one of abstract-level's; anything else stays what it is. */
export function toLevelError(thrown: unknown): unknown {
  return thrown instanceof VarveError ? new LevelError(CODES[thrown.code], messageOf(thrown), thrown) : thrown
}

/** For `catch` of a promise. */
export function throwLevelError(thrown: unknown): never {
  throw toLevelError(thrown)
}

function messageOf({ code, message }: VarveError): string {
  const hint = HINTS[code]
  return hint === undefined ? message : `${hint}: ${message}`
}
