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
import { copyOut } from './value-copy.ts'

/** `nextMany` returns early when its entries have this size. */
const CHUNK_SIZE_BYTES_MAX = 8 * 1024 * 1024

export interface RangeIteratorOptions {
  readonly limit: number
  readonly signal: AbortSignal | undefined
  /** Called once. */
  onClose(iterator: RangeIterator): void
}

/** What a chunk still needs before it is whole. */
type Need = 'nothing' | 'block' | 'turn'

export class RangeIterator {
  readonly #scan: RangeScan
  readonly #guard: LoopGuard
  readonly #options: RangeIteratorOptions
  #remaining: number
  #closedBecause: ClosedError | undefined
  /** Of the entries of the step under way: it may wait between them. */
  #chunkSizeBytes = 0
  /** Entries that a step had when it failed. */
  #gathered: [Buffer, Buffer][] = []
  /** The steps under way. */
  #tail: Promise<unknown> = Promise.resolve()
  #stepCount = 0

  /** @internal Made by `store.iterator`. */
  constructor(scan: RangeScan, guard: LoopGuard, options: RangeIteratorOptions) {
    this.#scan = scan
    this.#guard = guard
    this.#options = options
    this.#remaining = options.limit
  }

  /**
   * The next entry, or `undefined` at the end.
   * @throws VarveError with VARVE_CLOSED, VARVE_ABORTED, VARVE_CORRUPTION or VARVE_IO
   */
  async next(): Promise<[Buffer, Buffer] | undefined> {
    return (await this.nextMany(1))[0]
  }

  /** Up to `count` next entries; fewer if they are large, none at the end. Errors as `next`. */
  nextMany(count: number): Promise<[Buffer, Buffer][]> {
    if (!Number.isInteger(count) || count < 1) {
      return this.#guard.reject(
        new InvalidArgumentError(`count must be a whole number from 1 on, not ${describe(count)}`),
      )
    }
    return this.#stepCount === 0 ? this.#nextManyNow(count) : this.#inTurn(() => this.#nextManyLater(count))
  }

  /**
   * Goes to the first entry at or after `key` in the iterator's direction. A key outside of the range ends the iterator
   * until the next seek. Steps that are under way are done before.
   * @throws ClosedError, InvalidArgumentError
   */
  seek(key: Bytes): void {
    if (this.#closedBecause !== undefined) {
      throw this.#closedBecause
    }
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
  async close(): Promise<void> {
    this.closeBecause(new ClosedError('the iterator is closed'))
    await this.whenIdle()
    await this.#guard.resolve(undefined)
  }

  /** @internal Closes it, with the reason that later steps are rejected with. */
  closeBecause(reason: ClosedError): void {
    if (this.#closedBecause === undefined) {
      this.#closedBecause = reason
      this.#options.onClose(this)
    }
  }

  /** @internal Resolves when no step is under way. */
  async whenIdle(): Promise<void> {
    await this.#tail
  }

  /** @internal Nothing is left to come, unless `seek` goes back. */
  get hasEnded(): boolean {
    return (
      this.#closedBecause === undefined && (this.#scan.hasEnded || this.#remaining === 0) && this.#gathered.length === 0
    )
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

  async *[Symbol.asyncIterator](): AsyncIterableIterator<[Buffer, Buffer]> {
    try {
      for (let entry = await this.next(); entry !== undefined; entry = await this.next()) {
        yield entry
      }
    } finally {
      await this.close()
    }
  }

  /** What is in memory, at once; for the rest it waits. */
  #nextManyNow(count: number): Promise<[Buffer, Buffer][]> {
    const entries = this.#takeGathered(count)
    try {
      const need = this.#begin(entries, count)
      if (need === 'nothing') {
        this.#scan.release()
        return this.#resolve(entries)
      }
      return this.#inTurn(() => this.#fillWaiting(entries, count, need))
    } catch (error) {
      this.#fail(entries)
      return this.#guard.reject(error)
    }
  }

  async #nextManyLater(count: number): Promise<[Buffer, Buffer][]> {
    const entries = this.#takeGathered(count)
    try {
      return await this.#fillWaiting(entries, count, this.#begin(entries, count))
    } catch (error) {
      this.#fail(entries)
      throw error
    }
  }

  async #fillWaiting(entries: [Buffer, Buffer][], count: number, firstNeed: Need): Promise<[Buffer, Buffer][]> {
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
  #fail(entries: [Buffer, Buffer][]): void {
    this.#gathered = entries
    this.#scan.release()
  }

  #takeGathered(count: number): [Buffer, Buffer][] {
    const entries = this.#gathered
    this.#gathered = entries.splice(count)
    this.#chunkSizeBytes = 0
    return entries
  }

  #resolve(entries: [Buffer, Buffer][]): Promise<[Buffer, Buffer][]> {
    const isStarving = entries.length > 1 ? this.#guard.isStarvingNow() : this.#guard.isStarving()
    return isStarving ? this.#guard.turn().then(() => entries) : Promise.resolve(entries)
  }

  #begin(entries: [Buffer, Buffer][], count: number): Need {
    this.#checkUsable()
    this.#scan.begin()
    return this.#fill(entries, count)
  }

  /** Takes what is in memory. */
  #fill(entries: [Buffer, Buffer][], count: number): Need {
    while (entries.length < count && this.#remaining > 0 && this.#chunkSizeBytes < CHUNK_SIZE_BYTES_MAX) {
      const status = this.#scan.step()
      if (status === AT_END) {
        break
      }
      if (status !== AT_ENTRY) {
        return status === NEEDS_BLOCK ? 'block' : 'turn'
      }
      const { entry } = this.#scan
      entries.push([
        copyOut(entry.keyBytes, entry.keyOffset, entry.keySize),
        copyOut(entry.valueBytes, entry.valueOffset, entry.valueSize),
      ])
      this.#chunkSizeBytes += entry.keySize + entry.valueSize
      this.#remaining--
    }
    return 'nothing'
  }

  #checkUsable(): void {
    if (this.#closedBecause !== undefined) {
      throw this.#closedBecause
    }
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
