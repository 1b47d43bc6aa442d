/** An Env whose n-th file operation fails, and which knows what is open. */
import { IoError } from '@varve/storage'
import type { Env, File, FileSystem } from '@varve/storage'

const OPERATIONS = new Set([
  'openSync',
  'sizeSync',
  'readSync',
  'writeSync',
  'dataSyncSync',
  'syncDirectorySync',
  'closeSync',
])

export class FaultyEnv {
  readonly env: Env
  /** Files open now. */
  openCount = 0
  /** Operations up to now. */
  callCount = 0
  readonly #failingCall: number

  constructor(env: Env, failingCall: number) {
    this.#failingCall = failingCall
    this.env = { ...env, files: this.#wrap<FileSystem>(env.files) }
  }

  #wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const member: unknown = Reflect.get(object, name)
        if (typeof member !== 'function') {
          return member
        }
        const method = member as (...inputs: unknown[]) => unknown
        return (...inputs: unknown[]): unknown => this.#call(object, String(name), method, inputs)
      },
    })
  }

  #call(object: object, name: string, member: (...inputs: unknown[]) => unknown, inputs: unknown[]): unknown {
    if (OPERATIONS.has(name) && ++this.callCount === this.#failingCall) {
      // A close that fails closes nevertheless: on Linux the descriptor is gone.
      if (name === 'closeSync') {
        this.openCount--
        Reflect.apply(member, object, inputs)
      }
      throw new IoError(name, String(inputs[0]), Object.assign(new Error('injected'), { code: 'EIO' }))
    }
    const result = Reflect.apply(member, object, inputs)
    this.openCount += name === 'openSync' ? 1 : name === 'closeSync' ? -1 : 0
    return name === 'openSync' ? this.#wrap(result as File) : result
  }
}
