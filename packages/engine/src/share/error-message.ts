/**
 * Errors as plain data, and back: what crosses threads as an error loses its class, its code and its fields. A cause goes
 * along, as deep as causes go; one that is no error of the store comes back as an `Error` with its name and code.
 */
import {
  BusyError,
  ClosedError,
  ConflictError,
  CorruptionError,
  InvalidArgumentError,
  IoError,
  LockedError,
  ReadOnlyError,
  UnsupportedError,
  VarveError,
  type ErrorCode,
} from '@varve/storage'

/** Causes below this are left out. */
const CAUSE_DEPTH_MAX = 8

const CLASSES: readonly (abstract new (...given: never[]) => VarveError)[] = [
  BusyError,
  ClosedError,
  ConflictError,
  CorruptionError,
  InvalidArgumentError,
  IoError,
  LockedError,
  ReadOnlyError,
  UnsupportedError,
]

export interface ErrorMessage {
  /** Of the store's classes; another one for other errors. */
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: unknown
  /** What the class adds: path, offset, key ... */
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause: ErrorMessage | undefined
}

export function encodeError(thrown: unknown, depth = 0): ErrorMessage {
  if (!(thrown instanceof Error)) {
    return { name: 'Error', message: String(thrown), stack: undefined, code: undefined, fields: {}, cause: undefined }
  }
  const { name, message, stack, cause } = thrown
  const code = 'code' in thrown ? thrown.code : undefined
  const hasCause = cause !== undefined && depth < CAUSE_DEPTH_MAX
  return {
    name,
    message,
    stack,
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    fields: thrown instanceof VarveError ? fieldsOf(thrown) : {},
    cause: hasCause ? encodeError(cause, depth + 1) : undefined,
  }
}

export function decodeError(encoded: ErrorMessage): Error {
  const { name, message, stack, code, fields } = encoded
  const cause = encoded.cause === undefined ? undefined : decodeError(encoded.cause)
  const found = name === VarveError.name ? VarveError : CLASSES.find((each) => each.name === name)
  const error = new VarveError(code as ErrorCode, message, cause === undefined ? {} : { cause })
  if (found === undefined) {
    // Not of the store: an error of the system, say.
    const plain = new Error(message, cause === undefined ? {} : { cause })
    return withFields(plain, name, stack, code === undefined ? {} : { code })
  }
  // Constructors make messages of their parts; here message and parts are known.
  Object.setPrototypeOf(error, found.prototype as object)
  return withFields(error, name, stack, fields)
}

function withFields(error: Error, name: string, stack: string | undefined, fields: object): Error {
  error.name = name
  if (stack !== undefined) {
    error.stack = stack
  }
  return Object.assign(error, fields)
}

function fieldsOf(error: VarveError): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(error)) {
    if (name !== 'name' && name !== 'code' && name !== 'cause') {
      // A view on a pool of buffers would take the whole pool along.
      fields[name] = value instanceof Uint8Array ? new Uint8Array(value) : value
    }
  }
  return fields
}
