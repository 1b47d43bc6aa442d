/** Errors of jobs as values, and back: what crosses threads as an error loses its class and code. */
import { CorruptionError, IoError, UnsupportedError, VarveError, toVarveError } from '@varve/storage'
import type { JobFailure } from './job-protocol.ts'

/** The job saw its cancel flag: what it wrote is unreferenced, and is the main thread's to delete. */
export class JobCancelledError extends VarveError {
  constructor() {
    super('VARVE_ABORTED', 'the job was cancelled')
  }
}

/** What a job threw, as a result. */
export function toJobFailure(thrown: unknown): JobFailure {
  const error = toVarveError(thrown)
  return {
    ok: false,
    code: error.code,
    message: error.message,
    // The stack that leads to the fault is that of what was thrown, not of its wrapping.
    stack: thrown instanceof Error ? thrown.stack : error.stack,
    path: error instanceof CorruptionError || error instanceof IoError ? error.path : undefined,
    offset: error instanceof CorruptionError ? error.offset : undefined,
    systemCode: error instanceof IoError ? error.systemCode : undefined,
    cancelled: error instanceof JobCancelledError,
  }
}

/** The result of a job that did not run, or of which nothing more is known. */
export function jobFailure(code: 'VARVE_INTERNAL' | 'VARVE_CLOSED' | 'VARVE_ABORTED', message: string): JobFailure {
  return { ...toJobFailure(new VarveError(code, message)), cancelled: code !== 'VARVE_INTERNAL' }
}

/** The error that a failure stands for, with class and fields restored; its cause carries the worker's stack. */
export function jobError(failure: JobFailure): VarveError {
  const cause = causeOf(failure)
  const path = failure.path ?? 'a file'
  switch (failure.code) {
    case 'VARVE_CORRUPTION': {
      const offset = failure.offset ?? 0
      return new CorruptionError(path, offset, without(`${path} is damaged at offset ${offset}: `, failure.message), {
        cause,
      })
    }
    case 'VARVE_IO':
      return new IoError(failure.message.split(' ', 1)[0] ?? 'using', path, cause)
    case 'VARVE_UNSUPPORTED': {
      const error = new UnsupportedError(failure.message)
      error.cause = cause
      return error
    }
    case 'VARVE_INVALID_ARGUMENT':
    case 'VARVE_NOT_FOUND':
    case 'VARVE_EXISTS':
    case 'VARVE_LOCKED':
    case 'VARVE_CLOSED':
    case 'VARVE_READ_ONLY':
    case 'VARVE_BUSY':
    case 'VARVE_CONFLICT':
    case 'VARVE_ABORTED':
    case 'VARVE_INTERNAL':
      return new VarveError(failure.code, failure.message, { cause })
  }
}

function causeOf(failure: JobFailure): Error {
  const cause = new Error(failure.message)
  if (failure.stack !== undefined) {
    cause.stack = failure.stack
  }
  return failure.systemCode === undefined ? cause : Object.assign(cause, { code: failure.systemCode })
}

function without(prefix: string, message: string): string {
  return message.startsWith(prefix) ? message.slice(prefix.length) : message
}
