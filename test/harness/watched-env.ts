/** The real Env, with a test between the store and its files: it sees each call, and may fail it or let it wait. */
import { IoError, createNodeEnv } from '@varve/storage'
import type { Env, File, FileSystem } from '@varve/storage'

export interface FileCall {
  /** The name of the method: `link`, `write`, `dataSync` ... */
  readonly operation: string
  readonly path: string
  /** Where a link, copy or rename leads. */
  readonly to: string | undefined
}

/** Throws, or resolves later; a call without a promise cannot wait. */
export type CallHook = (call: FileCall) => void | Promise<void>

/** An error as the system would give it. */
export function systemError(call: FileCall, systemCode: string): IoError {
  return new IoError(call.operation, call.path, Object.assign(new Error(systemCode), { code: systemCode }))
}

/** Whether a call is about something at or below one of the paths. */
export function concerns(call: FileCall, ...paths: readonly string[]): boolean {
  return [call.path, call.to].some((path) => path !== undefined && paths.some((prefix) => path.startsWith(prefix)))
}

export function watchedEnv(hook: CallHook): Env {
  const env = createNodeEnv()
  return { ...env, files: watched<FileSystem>(env.files, undefined, hook) }
}

function watched<T extends object>(target: T, filePath: string | undefined, hook: CallHook): T {
  return new Proxy(target, {
    get: (object, name) => {
      const member: unknown = Reflect.get(object, name)
      if (typeof member !== 'function') {
        return member
      }
      return (...inputs: unknown[]): unknown => {
        const operation = String(name)
        const [first, second] = inputs
        const to = typeof second === 'string' && !operation.startsWith('open') ? second : undefined
        const held = hook({ operation, path: filePath ?? String(first), to })
        const run = (): unknown => Reflect.apply(member as (...given: unknown[]) => unknown, object, inputs)
        const result = held === undefined ? run() : held.then(run)
        return operation.startsWith('open') ? opened(result, String(first), hook) : result
      }
    },
  })
}

function opened(result: unknown, path: string, hook: CallHook): unknown {
  return result instanceof Promise
    ? result.then((file: File) => watched(file, path, hook))
    : watched(result as File, path, hook)
}
