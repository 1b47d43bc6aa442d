/** How tests look at errors: by code and fields, as users do. */
import { VarveError } from 'varve'

/** The error that `call` throws or rejects with; it must be one of Varve's, with this code. */
export async function rejection(code: string, call: Promise<unknown> | (() => unknown)): Promise<VarveError> {
  let outcome: unknown
  try {
    outcome = await (typeof call === 'function' ? call() : call)
  } catch (error) {
    if (error instanceof VarveError && error.code === code) {
      return error
    }
    throw new Error(`should have failed with ${code}, but failed otherwise: ${String(error)}`, { cause: error })
  }
  throw new Error(`should have failed with ${code}, but came to ${JSON.stringify(outcome)}`)
}

/** The code of the error that a promise rejects with, or `undefined` if it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return await promise.then(
    () => undefined,
    (error: unknown) => (error instanceof VarveError ? error.code : `foreign: ${String(error)}`),
  )
}
