/**
 * Calls that take long and that the user's signal, or the closing of the store, ends: each then rejects with the error
 * that says which. A call looks at `throwIfEnded` between its steps, or waits with `race`.
 */
import { InvalidArgumentError, VarveError, type Env } from '@varve/storage'
import { Deferred } from './deferred.ts'
import { describe } from './options.ts'

/** What the caller of a long call may give. */
export interface LongCallOptions<Progress> {
  /** End the call: it rejects with VARVE_ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** Called after each step. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export class LongCall<Progress> {
  /** Called once when the call is ended. */
  onEnded: () => void = () => undefined
  readonly #env: Env
  readonly #onProgress: ((progress: Progress) => void) | undefined
  readonly #ended = new Deferred<never>()
  #error: VarveError | undefined

  constructor(env: Env, onProgress: ((progress: Progress) => void) | undefined) {
    this.#env = env
    this.#onProgress = onProgress
    // Whether somebody waits for it or not.
    this.#ended.promise.catch(() => undefined)
  }

  get isEnded(): boolean {
    return this.#error !== undefined
  }

  end(error: VarveError): void {
    if (this.#error === undefined) {
      this.#error = error
      this.#ended.reject(error)
      this.onEnded()
    }
  }

  throwIfEnded(): void {
    if (this.#error !== undefined) {
      throw this.#error
    }
  }

  /** What `work` comes to, or the error that ended the call before that. */
  async race<T>(work: Promise<T>): Promise<T> {
    return await Promise.race([this.#ended.promise, work])
  }

  tell(progress: Progress): void {
    try {
      this.#onProgress?.(progress)
    } catch (error) {
      // A listener's own error is the listener's: it must not end what it is told of.
      this.#env.scheduler.immediate(() => {
        throw error
      })
    }
  }
}

export class LongCalls {
  readonly #env: Env
  readonly #running = new Set<LongCall<never>>()

  constructor(env: Env) {
    this.#env = env
  }

  /** @throws InvalidArgumentError, and what `work` throws */
  async run<Progress, T>(
    options: LongCallOptions<Progress> | undefined,
    work: (call: LongCall<Progress>) => Promise<T>,
  ): Promise<T> {
    const { signal, onProgress } = options ?? {}
    if (onProgress !== undefined && typeof onProgress !== 'function') {
      throw new InvalidArgumentError(`onProgress must be a function, not ${describe(onProgress)}`)
    }
    const call = new LongCall(this.#env, onProgress)
    const abort = (): void =>
      call.end(new VarveError('VARVE_ABORTED', 'the call was aborted', { cause: signal?.reason }))
    if (signal?.aborted === true) {
      abort()
    }
    call.throwIfEnded()
    signal?.addEventListener('abort', abort, { once: true })
    this.#running.add(call)
    try {
      return await work(call)
    } finally {
      this.#running.delete(call)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends all that run. They have yet to let go of what they hold. */
  endAll(error: VarveError): void {
    for (const call of this.#running) {
      call.end(error)
    }
  }
}
