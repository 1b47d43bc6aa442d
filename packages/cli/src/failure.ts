/** What a command ends with when it did not do what was asked, and how anything thrown becomes one line for the user. */
import { VarveError } from 'varve'
import type { Interruption } from './interruption.ts'

/** `usage`: the command line itself is wrong, whatever is on the disk. */
export const exitCodes = { success: 0, failure: 1, usage: 2 } as const

/** A failure that the user can act on: one line, no stack. */
export class CommandFailure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failure) {
    super(message)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}

/** Throws again what a call ended with; if that was an interruption, as such, with what has come of it. */
export function throwInterrupted(thrown: unknown, { signal, exitCode }: Interruption, outcome: string): never {
  if (signal.aborted && thrown instanceof VarveError && thrown.code === 'VARVE_ABORTED') {
    throw new CommandFailure(`interrupted: ${outcome}`, exitCode)
  }
  throw thrown
}

export interface FailureDescription {
  /** One line, except for what can only be a defect: there the stack is what is needed. */
  readonly text: string
  readonly exitCode: number
}

export function describeFailure(thrown: unknown): FailureDescription {
  if (thrown instanceof CommandFailure) {
    return { text: thrown.message, exitCode: thrown.exitCode }
  }
  if (thrown instanceof VarveError) {
    return { text: thrown.message, exitCode: exitCodes.failure }
  }
  const systemText = describeSystemError(thrown)
  if (systemText !== undefined) {
    return { text: systemText, exitCode: exitCodes.failure }
  }
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return { text: `unexpected: ${text}`, exitCode: exitCodes.failure }
}

/** What the operating system refused, in words; undefined for any other error. */
function describeSystemError(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown) || typeof thrown.code !== 'string') {
    return undefined
  }
  const path = 'path' in thrown && typeof thrown.path === 'string' ? `${thrown.path}: ` : ''
  return `${path}${systemReasons.get(thrown.code) ?? thrown.message}`
}

const systemReasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['EISDIR', 'is a directory, not a file'],
  ['ENOTDIR', 'a part of the path is not a directory'],
  ['ENOSPC', 'no space left on the device'],
  ['EMFILE', 'too many open files'],
])
