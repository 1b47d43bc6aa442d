/**
 * An iterator of a transaction: the entries of its snapshot with what it had written itself when the iterator was made.
 * Steps run one after the other, in the order of the calls. What was stepped over goes into the transaction's read set,
 * up to the last entry that was handed out and no further, although more of the snapshot is fetched ahead.
 */
import { ClosedError, InvalidArgumentError, compareKeys } from '@varve/storage'
import { copyKey, type Bytes } from '../bytes.ts'
import type { LoopGuard } from '../loop-guard.ts'
import { describe } from '../options.ts'
import { CHUNK_SIZE_BYTES_MAX, type RangeIterator } from '../read/range-iterator.ts'
import { keyAfter, type KeyRange } from '../version/version.ts'
import type { OwnEntry, OwnPlace, OwnWrites } from './own-writes.ts'
import type { ReadRange, ReadSet } from './read-set.ts'

/** So many entries of the snapshot are fetched ahead: few at first, as many an iterator is made for one entry. */
const FIRST_CHUNK_COUNT = 4
const CHUNK_COUNT_MAX = 128

export interface TransactionIteratorSetup {
  /** Of the snapshot, over the same range in the same direction, without a limit. */
  readonly base: RangeIterator
  readonly own: OwnWrites
  readonly readSet: ReadSet
  readonly guard: LoopGuard
  readonly range: KeyRange
  readonly isReverse: boolean
  readonly limit: number
  /** Throws when the transaction has ended. */
  checkUsable(): void
  /** Called once. */
  onClose(iterator: TransactionIterator): void
}

export class TransactionIterator {
  readonly #setup: TransactionIteratorSetup
  /** Own writes up to this number are seen. */
  readonly #ownCount: number
  /** Entries of the snapshot that were fetched ahead, and whether it has none behind them. */
  #ahead: [Buffer, Buffer][] = []
  #aheadIndex = 0
  #hasBaseEnded = false
  #chunkCount = FIRST_CHUNK_COUNT
  #ownPlace: OwnPlace
  /** Where stepping began, and what was stepped over from there. */
  #origin: Uint8Array | undefined
  #readRange: ReadRange | undefined
  #hasEnded = false
  #isClosed = false
  #remaining: number
  #tail: Promise<unknown> = Promise.resolve()

  /** @internal Made by the transaction. */
  constructor(setup: TransactionIteratorSetup) {
    const { range, isReverse } = setup
    this.#setup = setup
    this.#ownCount = setup.own.count
    this.#remaining = setup.limit
    this.#origin = isReverse ? range.upper : range.lower
    this.#ownPlace = { key: textOf(this.#origin), isIncluded: !isReverse }
  }

  /**
   * The next entry, or `undefined` at the end.
   * @throws VarveError as those of the store do, and VARVE_CLOSED when the transaction has ended
   */
  next(): Promise<[Buffer, Buffer] | undefined> {
    return this.#inTurn(() => this.#step())
  }

  /** Up to `count` next entries; fewer if they are large, none at the end. Errors as `next`. */
  nextMany(count: number): Promise<[Buffer, Buffer][]> {
    return this.#inTurn(async () => {
      if (!Number.isInteger(count) || count < 1) {
        throw new InvalidArgumentError(`count must be a whole number from 1 on, not ${describe(count)}`)
      }
      const entries: [Buffer, Buffer][] = []
      let sizeBytes = 0
      while (entries.length < count && sizeBytes < CHUNK_SIZE_BYTES_MAX) {
        const entry = await this.#step()
        if (entry === undefined) {
          break
        }
        entries.push(entry)
        sizeBytes += entry[0].length + entry[1].length
      }
      return entries
    })
  }

  /**
   * Goes to the first entry at or after `key` in the iterator's direction. A key outside of the range ends the iterator
   * until the next seek. Steps that are under way are done before.
   * @throws ClosedError, InvalidArgumentError
   */
  seek(key: Bytes): void {
    this.#checkUsable()
    const target = copyKey(key)
    // What fails, because the iterator is closed by then, fails the next step too.
    this.#inTurn(() => Promise.resolve(this.#seek(target))).catch(() => undefined)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#setClosed()
    await this.#setup.base.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<[Buffer, Buffer]> {
    return new TransactionStream(this, (entry) => entry)
  }

  /** @internal Closes it in this step, because its transaction ends. */
  end(reason: ClosedError): void {
    this.#setClosed()
    this.#setup.base.closeBecause(reason)
  }

  #setClosed(): void {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#setup.onClose(this)
    }
  }

  #checkUsable(): void {
    this.#setup.checkUsable()
    if (this.#isClosed) {
      throw new ClosedError('the iterator is closed')
    }
  }

  #seek(target: Buffer): void {
    const { base, range, isReverse } = this.#setup
    base.seek(target)
    this.#ahead = []
    this.#aheadIndex = 0
    this.#hasBaseEnded = false
    this.#chunkCount = FIRST_CHUNK_COUNT
    this.#hasEnded = isOutside(target, range)
    this.#ownPlace = { key: textOf(target), isIncluded: true }
    this.#origin = isReverse ? keyAfter(target) : target
    this.#readRange = undefined
  }

  async #step(): Promise<[Buffer, Buffer] | undefined> {
    const { guard } = this.#setup
    for (;;) {
      this.#checkUsable()
      if (this.#remaining === 0 || this.#hasEnded) {
        return undefined
      }
      if (guard.isStarving()) {
        await guard.turn()
      }
      const base = await this.#peekBase()
      // It may have waited.
      this.#checkUsable()
      const own = this.#peekOwn()
      if (base === undefined && own === undefined) {
        this.#hasEnded = true
        this.#note(undefined)
        return undefined
      }
      const entry = this.#take(base, own)
      if (entry !== undefined) {
        this.#note(entry[0])
        this.#remaining--
        return entry
      }
    }
  }

  /** The entry of whichever key comes first, the own one where both have it; `undefined` if it was deleted. */
  #take(base: [Buffer, Buffer] | undefined, own: OwnEntry | undefined): [Buffer, Buffer] | undefined {
    const baseKey = textOf(base?.[0])
    if (own === undefined || (baseKey !== undefined && this.#isBefore(baseKey, own[0]))) {
      this.#aheadIndex++
      return base
    }
    const [ownKey, write] = own
    this.#ownPlace = { key: ownKey, isIncluded: false }
    if (baseKey === ownKey) {
      this.#aheadIndex++
    }
    const value = this.#setup.own.valueOf(write)
    return value === undefined ? undefined : [Buffer.from(ownKey, 'latin1'), value]
  }

  #isBefore(key: string, other: string): boolean {
    return this.#setup.isReverse ? key > other : key < other
  }

  #peekOwn(): OwnEntry | undefined {
    const { own, range, isReverse } = this.#setup
    const entry = own.next(this.#ownPlace, isReverse, this.#ownCount)
    return entry === undefined || isOutside(Buffer.from(entry[0], 'latin1'), range) ? undefined : entry
  }

  async #peekBase(): Promise<[Buffer, Buffer] | undefined> {
    if (this.#aheadIndex === this.#ahead.length && !this.#hasBaseEnded) {
      this.#ahead = await this.#setup.base.nextMany(Math.min(this.#chunkCount, this.#remaining))
      this.#aheadIndex = 0
      this.#hasBaseEnded = this.#ahead.length === 0
      this.#chunkCount = Math.min(this.#chunkCount * 2, CHUNK_COUNT_MAX)
    }
    return this.#ahead[this.#aheadIndex]
  }

  /** Everything from where stepping began to this key has been read; without a key, up to the end of the range. */
  #note(key: Buffer | undefined): void {
    const { readSet, range, isReverse } = this.#setup
    const lower = isReverse ? (key === undefined ? range.lower : new Uint8Array(key)) : this.#origin
    const upper = isReverse ? this.#origin : key === undefined ? range.upper : keyAfter(key)
    if (this.#readRange === undefined) {
      this.#readRange = readSet.addRange(lower, upper)
    } else {
      readSet.change(this.#readRange, lower, upper)
    }
  }

  /** After the steps that are under way. */
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(step)
    this.#tail = done.catch(() => undefined)
    return done
  }
}

/** What `entries`, `keys` and `values` of a transaction return. It fetches nothing that it does not hand out. */
export class TransactionStream<T> implements AsyncIterableIterator<T> {
  readonly #iterator: TransactionIterator
  readonly #pick: (entry: [Buffer, Buffer]) => T

  constructor(iterator: TransactionIterator, pick: (entry: [Buffer, Buffer]) => T) {
    this.#iterator = iterator
    this.#pick = pick
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const entry = await this.#iterator.next()
    return entry === undefined ? await this.return() : { done: false, value: this.#pick(entry) }
  }

  /** Ends the iteration early. */
  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#iterator.close()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}

function textOf(key: Uint8Array | undefined): string | undefined {
  return key === undefined ? undefined : Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

function isOutside(key: Uint8Array, { lower, upper }: KeyRange): boolean {
  return (lower !== undefined && compareKeys(key, lower) < 0) || (upper !== undefined && compareKeys(key, upper) >= 0)
}
