/**
 * The iterator that users hold: promises around a `RangeScan`. Steps run one after the other, in the order of the calls.
 * What is in memory is stepped through without waiting; the loop turns when a step has taken its time.
 */
import { AT_END, AT_ENTRY, ClosedError, InvalidArgumentError, NEEDS_BLOCK } from '@varve/storage'
import { copyKey, type Bytes } from '../bytes.ts'
import { describe } from '../options.ts'
import { throwIfAborted } from './abort.ts'
import type { LoopGuard } from '../loop-guard.ts'
import type { RangeScan } from './range-scan.ts'
import type { EntryTaker } from './taker.ts'

/** `nextMany` returns early when its entries have this size. */
export const CHUNK_SIZE_BYTES_MAX: number = 8 * 1024 * 1024

export interface RangeIteratorOptions<T> {
  readonly limit: number
  readonly signal: AbortSignal | undefined
  readonly take: EntryTaker<T>
  /** Called once. */
  onClose(): void
}

/** What a chunk still needs before it is whole. */
type Need = 'nothing' | 'block' | 'turn'

/** @typeParam T what it makes of each entry: `[key, value]`, unless an adapter takes something else */
export class RangeIterator<T = [Buffer, Buffer]> {
  readonly #scan: RangeScan
  readonly #guard: LoopGuard
  readonly #options: RangeIteratorOptions<T>
  #remaining: number
  #isClosed = false
  /** Why, if it was not its user who closed it. */
  #closedBecause: ClosedError | undefined
  /** Of the entries of the step under way: it may wait between them. */
  #chunkSizeBytes = 0
  #chunkSizeBytesMax = CHUNK_SIZE_BYTES_MAX
  /** Entries that a step had when it failed. */
  #gathered: T[] = []
  /** The steps under way. */
  #tail: Promise<unknown> = Promise.resolve()
  #stepCount = 0

  /** @internal Made by `store.iterator`. */
  constructor(scan: RangeScan, guard: LoopGuard, options: RangeIteratorOptions<T>) {
    this.#scan = scan
    this.#guard = guard
    this.#options = options
    this.#remaining = options.limit
  }

  /**
   * The next entry, or `undefined` at the end.
   * @throws VarveError with VARVE_CLOSED, VARVE_ABORTED, VARVE_CORRUPTION or VARVE_IO
   */
  async next(): Promise<T | undefined> {
    return (await this.nextMany(1))[0]
  }

  /** Up to `count` next entries; fewer if they are large, none at the end. Errors as `next`. */
  nextMany(count: number): Promise<T[]> {
    if (!Number.isInteger(count) || count < 1) {
      return this.#guard.reject(
        new InvalidArgumentError(`count must be a whole number from 1 on, not ${describe(count)}`),
      )
    }
    const entries = this.takeMany(count, CHUNK_SIZE_BYTES_MAX)
    return Array.isArray(entries) ? Promise.resolve(entries) : entries
  }

  /**
   * @internal As `nextMany`, with a bound of the caller's, and without a promise where all is in memory and the loop has
   * turned lately.
   */
  takeMany(count: number, sizeBytesMax: number): T[] | Promise<T[]> {
    if (this.#stepCount === 0) {
      this.#chunkSizeBytesMax = sizeBytesMax
      return this.#nextManyNow(count)
    }
    return this.#inTurn(() => {
      this.#chunkSizeBytesMax = sizeBytesMax
      return this.#nextManyLater(count)
    })
  }

  /**
   * Goes to the first entry at or after `key` in the iterator's direction. A key outside of the range ends the iterator
   * until the next seek. Steps that are under way are done before.
   * @throws ClosedError, InvalidArgumentError
   */
  seek(key: Bytes): void {
    this.#checkOpen()
    const target = copyKey(key)
    const seek = (): void => {
      this.#gathered = []
      this.#scan.seek(target)
    }
    if (this.#stepCount === 0) {
      seek()
    } else {
      void this.#inTurn(() => Promise.resolve(seek()))
    }
  }

  /** Idempotent. Steps under way reject with VARVE_CLOSED. */
  close(): Promise<void> {
    this.closeBecause(undefined)
    return this.#stepCount === 0
      ? this.#guard.resolve(undefined)
      : this.whenIdle().then(() => this.#guard.resolve(undefined))
  }

  /** @internal Closes it, with the reason that later steps are rejected with. */
  closeBecause(reason: ClosedError | undefined): void {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#closedBecause = reason
      this.#scan.forgetView()
      this.#options.onClose()
    }
  }

  /** @internal Resolves when no step is under way. */
  async whenIdle(): Promise<void> {
    await this.#tail
  }

  /** @internal Nothing is left to come, unless `seek` goes back. */
  get hasEnded(): boolean {
    return !this.#isClosed && (this.#scan.hasEnded || this.#remaining === 0) && this.#gathered.length === 0
  }

  /** @internal Tables have come or gone: lets go of cursors on those before, unless a step is under way. */
  forgetView(): void {
    if (this.#stepCount === 0) {
      this.#scan.forgetView()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<T> {
    try {
      for (let entry = await this.next(); entry !== undefined; entry = await this.next()) {
        yield entry
      }
    } finally {
      await this.close()
    }
  }

  /** What is in memory, at once; for the rest it waits. */
  #nextManyNow(count: number): T[] | Promise<T[]> {
    const entries = this.#takeGathered(count)
    try {
      const need = this.#begin(entries, count)
      if (need === 'nothing') {
        this.#scan.release()
        return this.#answer(entries)
      }
      return this.#inTurn(() => this.#fillWaiting(entries, count, need))
    } catch (error) {
      this.#fail(entries)
      return this.#guard.reject(error)
    }
  }

  async #nextManyLater(count: number): Promise<T[]> {
    const entries = this.#takeGathered(count)
    try {
      return await this.#fillWaiting(entries, count, this.#begin(entries, count))
    } catch (error) {
      this.#fail(entries)
      throw error
    }
  }

  async #fillWaiting(entries: T[], count: number, firstNeed: Need): Promise<T[]> {
    try {
      for (let need = firstNeed; need !== 'nothing'; need = this.#begin(entries, count)) {
        await (need === 'block' ? this.#scan.load() : this.#guard.turn())
      }
      this.#scan.release()
      return entries
    } catch (error) {
      this.#fail(entries)
      throw error
    }
  }

  /** Nothing that was stepped over is lost: the next step begins with what this one had. */
  #fail(entries: T[]): void {
    this.#gathered = entries
    this.#scan.release()
    // A cursor that failed in the middle of a step may have moved: the next step seeks to where this one began.
    this.#scan.forgetView()
  }

  #takeGathered(count: number): T[] {
    const entries = this.#gathered
    this.#gathered = entries.splice(count)
    this.#chunkSizeBytes = 0
    return entries
  }

  #answer(entries: T[]): T[] | Promise<T[]> {
    const isStarving = entries.length > 1 ? this.#guard.isStarvingNow() : this.#guard.isStarving()
    return isStarving ? this.#guard.turn().then(() => entries) : entries
  }

  #begin(entries: T[], count: number): Need {
    this.#checkUsable()
    this.#scan.begin()
    return this.#fill(entries, count)
  }

  /** Takes what is in memory. */
  #fill(entries: T[], count: number): Need {
    while (entries.length < count && this.#remaining > 0 && this.#chunkSizeBytes < this.#chunkSizeBytesMax) {
      const status = this.#scan.step()
      if (status === AT_END) {
        break
      }
      if (status !== AT_ENTRY) {
        return status === NEEDS_BLOCK ? 'block' : 'turn'
      }
      const { entry } = this.#scan
      entries.push(this.#options.take(entry))
      this.#chunkSizeBytes += entry.keySize + entry.valueSize
      this.#remaining--
    }
    return 'nothing'
  }

  #checkOpen(): void {
    if (this.#isClosed) {
      throw this.#closedBecause ?? new ClosedError('the iterator is closed')
    }
  }

  #checkUsable(): void {
    this.#checkOpen()
    throwIfAborted(this.#options.signal)
  }

  /** After the steps that are under way. */
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.#stepCount++
    const done = this.#tail.then(step).finally(() => {
      this.#stepCount--
    })
    this.#tail = done.catch(() => undefined)
    return done
  }
}
