/** What remotes call through comlink. A call begins when the write that it names has come; a failure becomes a value. */
import type { StoreStats } from '../../store-stats.ts'
import type { Range } from '../../read/range.ts'
import type { KeyRange } from '../../version/version.ts'
import { encodeError } from '../error-message.ts'
import type { Answer, OwnerControl } from '../messages.ts'

/** The store's calls. */
export interface ControlHost {
  sync(): Promise<void>
  flush(): Promise<void>
  compactRange(range: Range): Promise<void>
  stats(): StoreStats
}

export class ControlDesk implements OwnerControl {
  readonly #host: ControlHost
  #receivedId = 0
  #waiters: { readonly id: number; readonly resolve: () => void }[] = []

  constructor(host: ControlHost) {
    this.#host = host
  }

  /** A write has come. */
  received(id: number): void {
    this.#receivedId = id
    if (this.#waiters.length > 0) {
      const due = this.#waiters.filter((waiter) => waiter.id <= id)
      this.#waiters = this.#waiters.filter((waiter) => waiter.id > id)
      due.forEach(({ resolve }) => resolve())
    }
  }

  sync(afterWrite: number): Promise<Answer<void>> {
    return this.#answer(afterWrite, () => this.#host.sync())
  }

  flush(afterWrite: number): Promise<Answer<void>> {
    return this.#answer(afterWrite, () => this.#host.flush())
  }

  compactRange(afterWrite: number, range: KeyRange): Promise<Answer<void>> {
    return this.#answer(afterWrite, () => this.#host.compactRange({ gte: range.lower, lt: range.upper }))
  }

  stats(afterWrite: number): Promise<Answer<StoreStats>> {
    return this.#answer(afterWrite, () => this.#host.stats())
  }

  async #answer<T>(afterWrite: number, call: () => T | Promise<T>): Promise<Answer<T>> {
    try {
      if (this.#receivedId < afterWrite) {
        await new Promise<void>((resolve) => this.#waiters.push({ id: afterWrite, resolve }))
      }
      return { ok: true, value: await call() }
    } catch (error) {
      return { ok: false, error: encodeError(error) }
    }
  }
}
