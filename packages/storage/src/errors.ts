/**
 * Every error that Varve throws or rejects with. A missing key is no error: it is `undefined`.
 * Callers tell errors apart by `code`, which is stable; the classes carry what each kind of caller needs.
 */

export type ErrorCode =
  | 'VARVE_INVALID_ARGUMENT'
  | 'VARVE_NOT_FOUND'
  | 'VARVE_EXISTS'
  | 'VARVE_LOCKED'
  | 'VARVE_CLOSED'
  | 'VARVE_READ_ONLY'
  | 'VARVE_BUSY'
  | 'VARVE_CONFLICT'
  | 'VARVE_CORRUPTION'
  | 'VARVE_UNSUPPORTED'
  | 'VARVE_IO'
  | 'VARVE_ABORTED'
  | 'VARVE_INTERNAL'

/** The base of all errors. `message` says what was wrong, where, and what to do. */
export class VarveError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The call was wrong: nothing has happened, correct the argument and call again. */
export class InvalidArgumentError extends VarveError {
  constructor(message: string) {
    super('VARVE_INVALID_ARGUMENT', message)
  }
}

/** The store, iterator or snapshot is closed or closing; `cause` tells why where it was not the caller. */
export class ClosedError extends VarveError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('VARVE_CLOSED', message, options)
  }
}

/** Another handle holds the directory. Close it, or use that process's store. */
export class LockedError extends VarveError {
  /** The process that holds the lock, where it could be read. */
  readonly ownerPid: number | undefined

  constructor(directory: string, ownerPid: number | undefined) {
    const owner = ownerPid === undefined ? 'another process or handle' : `process ${ownerPid}`
    super(
      'VARVE_LOCKED',
      `${directory} is held open by ${owner}; one handle has a store open at a time: close it there first. Other threads ` +
        'of that process use it with store.share() and connect(port); other processes have to ask that one',
    )
    this.ownerPid = ownerPid
  }
}

/** Writes are refused until the store is opened again (or has healed); reads go on. `cause` is the fault. */
export class ReadOnlyError extends VarveError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('VARVE_READ_ONLY', message, options)
  }
}

/** More writes wait than `stalledSizeBytesMax` allows. Nothing was written: await earlier writes, then try again. */
export class BusyError extends VarveError {
  constructor(message: string) {
    super('VARVE_BUSY', message)
  }
}

/** What a write depends on was changed since its snapshot. Nothing was written: read again, then try again. */
export class ConflictError extends VarveError {
  /** A key that was changed: written, named, or in a range. */
  readonly key: Uint8Array

  constructor(message: string, key: Uint8Array, options?: { cause?: unknown }) {
    super('VARVE_CONFLICT', message, options)
    this.key = key
  }
}

/** Bytes on disk are not what was written there. Restore a backup, or look at the file that `path` names. */
export class CorruptionError extends VarveError {
  readonly path: string
  /** Where in the file the damaged structure begins, in bytes. */
  readonly offset: number
  /** The message without the place. */
  readonly what: string

  constructor(path: string, offset: number, what: string, options?: { cause?: unknown }) {
    super('VARVE_CORRUPTION', `${path} is damaged at offset ${offset}: ${what}`, options)
    this.path = path
    this.offset = offset
    this.what = what
  }
}

/** Written by a newer version of Varve, or with something that this runtime lacks. */
export class UnsupportedError extends VarveError {
  constructor(message: string) {
    super('VARVE_UNSUPPORTED', message)
  }
}

/** The operating system refused an operation on a file. `cause` is its error. */
export class IoError extends VarveError {
  readonly path: string
  /** The system's own code: `ENOSPC`, `EIO`, `ENOENT` ... */
  readonly systemCode: string

  constructor(operation: string, path: string, cause: unknown) {
    const systemCode = systemCodeOf(cause)
    super('VARVE_IO', `${operation} ${path} failed: ${systemCode}`, { cause })
    this.path = path
    this.systemCode = systemCode
  }
}

function systemCodeOf(cause: unknown): string {
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') {
    return cause.code
  }
  return cause instanceof Error ? cause.message : String(cause)
}

/** Whether an error is the system's "no such file". */
export function isNotFound(error: unknown): boolean {
  return error instanceof IoError && error.systemCode === 'ENOENT'
}

/** Whatever was thrown, as an error that callers of Varve can tell apart by its code. */
export function toVarveError(thrown: unknown): VarveError {
  if (thrown instanceof VarveError) {
    return thrown
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new VarveError('VARVE_INTERNAL', `an internal error: ${message}`, { cause: thrown })
}
