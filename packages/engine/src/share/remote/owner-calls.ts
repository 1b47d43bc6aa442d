/**
 * Calls that only the owner can answer, through comlink. Each kind has credits of its own, so that many slow ones keep
 * none of another kind waiting. Nothing is pending for ever: when the connection ends, all of them are rejected.
 */
import { BusyError } from '@varve/storage'
import type { Remote } from 'comlink'
import { decodeError } from '../error-message.ts'
import type { Answer, OwnerControl } from '../messages.ts'
import type { PortHold } from './port-hold.ts'

/** Of one kind, with the owner at once; and waiting for that. */
const CALL_COUNT_MAX = 8
const WAITING_COUNT_MAX = 10_000

type Name = keyof OwnerControl
type Value<N extends Name> = Awaited<ReturnType<OwnerControl[N]>> extends Answer<infer T> ? T : never
type Ask<T> = (afterWrite: number, ...rest: unknown[]) => Promise<Answer<T>>
type Rest<N extends Name> = Parameters<OwnerControl[N]> extends [number, ...infer R] ? R : never

/** Of one kind. */
class CallCredits {
  #inFlightCount = 0
  readonly #waiting: (() => void)[] = []

  async take(name: string): Promise<void> {
    if (this.#inFlightCount < CALL_COUNT_MAX) {
      this.#inFlightCount++
      return
    }
    if (this.#waiting.length >= WAITING_COUNT_MAX) {
      throw new BusyError(`${WAITING_COUNT_MAX} calls of ${name} wait already: await earlier ones before you make more`)
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next === undefined) {
      this.#inFlightCount--
    } else {
      next()
    }
  }
}

export class OwnerCalls {
  readonly #owner: Remote<OwnerControl>
  readonly #hold: PortHold
  readonly #sendWrites: () => number
  readonly #credits = new Map<Name, CallCredits>()
  readonly #rejections = new Set<(error: Error) => void>()
  #failure: Error | undefined

  /** @param sendWrites sends what waits, and returns the id of the last write that was sent */
  constructor(owner: Remote<OwnerControl>, hold: PortHold, sendWrites: () => number) {
    this.#owner = owner
    this.#hold = hold
    this.#sendWrites = sendWrites
  }

  /** @param check throws what the call is to be rejected with before it is made */
  async call<N extends Name>(name: N, check: () => void, ...rest: Rest<N>): Promise<Value<N>> {
    check()
    const credits = this.#creditsOf(name)
    this.#hold.begin()
    try {
      const afterWrite = this.#sendWrites()
      await credits.take(name)
      try {
        const ask = this.#owner[name] as unknown as Ask<Value<N>>
        const answer = await this.#orFailure(ask(afterWrite, ...rest))
        if (!answer.ok) {
          throw decodeError(answer.error)
        }
        return answer.value
      } finally {
        credits.give()
      }
    } finally {
      this.#hold.end()
    }
  }

  rejectAll(error: Error): void {
    this.#failure ??= error
    for (const reject of this.#rejections) {
      reject(this.#failure)
    }
    this.#rejections.clear()
  }

  /** An answer may never come. */
  #orFailure<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      this.#rejections.add(reject)
      answer.then(resolve, reject).finally(() => this.#rejections.delete(reject))
    })
  }

  #creditsOf(name: Name): CallCredits {
    const credits = this.#credits.get(name) ?? new CallCredits()
    this.#credits.set(name, credits)
    return credits
  }
}
