/**
 * Iterators over entries, keys and values. abstract-level awaits each step; a step that is in memory is answered with a
 * plain value, not a promise. `next` is answered from a chunk, which is read ahead only from the second step on: it is
 * common to want one entry alone, first of all or after a seek.
 *
 * The limit of an iterator is kept by abstract-level. It counts what was handed out, not what was read ahead, and a seek
 * does not reset it.
 */
import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator, type AbstractSnapshot } from 'abstract-level'
import type { EntryTaker, RangeIterator, RangeOptions, Store } from 'varve'
import { bytesOf, entryTakerOf, entryValueTakerOf, keyTakerOf, type Encoded, type LevelEntry } from './format.ts'
import { LevelError, throwLevelError, toLevelError } from './level-error.ts'
import { storeRangeOf, type EncodedRange } from './level-range.ts'
import { storeSnapshotOf } from './level-snapshot.ts'

/** So many entries are read ahead at most, of about this size. */
const CHUNK_COUNT = 1000
const CHUNK_SIZE_BYTES = 64 * 1024
/** `nextv` returns early at this size. */
const MANY_SIZE_BYTES = 8 * 1024 * 1024

/** What abstract-level hands to implementations. */
export interface EncodedIteratorOptions extends EncodedRange {
  readonly keyEncoding: string
  readonly valueEncoding: string
  readonly keys?: boolean
  readonly values?: boolean
  readonly reverse: boolean
  readonly limit: number
  readonly fillCache?: boolean
  readonly snapshot?: AbstractSnapshot | null
  readonly signal?: AbortSignal | null
  readonly highWaterMarkBytes?: number
}

/** The steps of an iterator, whatever it makes of the entries. */
class Steps<T> {
  readonly #iterator: RangeIterator<T>
  readonly #sizeBytesMax: number | undefined
  readonly #signal: AbortSignal | undefined
  #chunk: T[] = []
  #position = 0
  #isFirst = true

  constructor(store: Store, options: EncodedIteratorOptions, take: EntryTaker<T>) {
    const { highWaterMarkBytes: mark } = options
    // It has to be exceeded, not met.
    this.#sizeBytesMax = typeof mark === 'number' && mark >= 0 ? mark + 1 : undefined
    this.#signal = options.signal ?? undefined
    const snapshot = storeSnapshotOf(options.snapshot)
    const range: RangeOptions = {
      ...storeRangeOf(options),
      reverse: options.reverse,
      fillCache: options.fillCache !== false,
      // With a closed one abstract-level makes the iterator, and refuses each of its steps.
      snapshot: snapshot?.isClosed === true ? undefined : snapshot,
      signal: this.#signal,
    }
    try {
      this.#iterator = store.iterate(range, take)
    } catch (error) {
      throw toLevelError(error)
    }
  }

  /** How many entries have been read ahead. */
  get cachedCount(): number {
    return this.#chunk.length - this.#position
  }

  /** @param remainingCount what the limit leaves */
  next(remainingCount: number): T | undefined | Promise<T | undefined> {
    if (this.#position < this.#chunk.length) {
      return this.#chunk[this.#position++]
    }
    const count = this.#isFirst ? 1 : Math.min(CHUNK_COUNT, remainingCount)
    this.#isFirst = false
    const chunk = this.#take(count, this.#sizeBytesMax ?? CHUNK_SIZE_BYTES)
    return Array.isArray(chunk) ? this.#begin(chunk) : chunk.then((later) => this.#begin(later))
  }

  nextMany(count: number): T[] | Promise<T[]> {
    this.#isFirst = false
    if (this.#position < this.#chunk.length) {
      const entries = this.#chunk.slice(this.#position, this.#position + count)
      this.#position += entries.length
      return entries
    }
    return this.#take(count, this.#sizeBytesMax ?? MANY_SIZE_BYTES)
  }

  seek(target: Encoded): void {
    this.#begin([])
    this.#isFirst = true
    try {
      this.#iterator.seek(bytesOf(target))
    } catch (error) {
      throw toLevelError(error)
    }
  }

  close(): Promise<void> {
    this.#begin([])
    return this.#iterator.close()
  }

  #take(count: number, sizeBytesMax: number): T[] | Promise<T[]> {
    const entries = this.#iterator.takeMany(count, sizeBytesMax)
    if (this.#signal !== undefined) {
      return this.#unlessAborted(entries, this.#signal)
    }
    return Array.isArray(entries) ? entries : entries.catch(throwLevelError)
  }

  /** A step is aborted until its answer is there, even where that did not take a wait. */
  async #unlessAborted(entries: T[] | Promise<T[]>, signal: AbortSignal): Promise<T[]> {
    try {
      const taken = await entries
      throwIfAborted(signal)
      return taken
    } catch (error) {
      throw toLevelError(error)
    }
  }

  #begin(chunk: T[]): T | undefined {
    this.#chunk = chunk
    this.#position = Math.min(1, chunk.length)
    return chunk[0]
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new LevelError('LEVEL_ABORTED', 'Operation has been aborted', signal.reason)
  }
}

// What of the base classes is private to implementations has no types; what they await may be a plain value.

export class LevelIterator<TDatabase, K, V> extends AbstractIterator<TDatabase, K, V> {
  readonly #steps: Steps<LevelEntry>

  /** @internal Made by `db.iterator()`. */
  constructor(db: TDatabase, store: Store, options: EncodedIteratorOptions) {
    const keyFormat = options.keys === false ? undefined : options.keyEncoding
    const valueFormat = options.values === false ? undefined : options.valueEncoding
    // Before the database knows of it: what fails here leaves nothing to close.
    const steps = new Steps(store, options, entryTakerOf(keyFormat, valueFormat))
    super(db, options as object)
    this.#steps = steps
  }

  /** How many entries have been read ahead of `next`. */
  get cached(): number {
    return this.#steps.cachedCount
  }

  /** @internal */
  _next(): LevelEntry | undefined | Promise<LevelEntry | undefined> {
    return this.#steps.next(this.limit - this.count)
  }

  /** @internal */
  _nextv(count: number): LevelEntry[] | Promise<LevelEntry[]> {
    return this.#steps.nextMany(count)
  }

  /** @internal */
  _seek(target: Encoded): void {
    this.#steps.seek(target)
  }

  /** @internal */
  _close(): Promise<void> {
    return this.#steps.close()
  }
}

type Single = Buffer | string

export class LevelKeyIterator<TDatabase, K> extends AbstractKeyIterator<TDatabase, K> {
  readonly #steps: Steps<Single>

  /** @internal Made by `db.keys()`. */
  constructor(db: TDatabase, store: Store, options: EncodedIteratorOptions) {
    const steps = new Steps(store, options, keyTakerOf(options.keyEncoding))
    super(db, options as object)
    this.#steps = steps
  }

  /** @internal */
  _next(): Single | undefined | Promise<Single | undefined> {
    return this.#steps.next(this.limit - this.count)
  }

  /** @internal */
  _nextv(count: number): Single[] | Promise<Single[]> {
    return this.#steps.nextMany(count)
  }

  /** @internal */
  _seek(target: Encoded): void {
    this.#steps.seek(target)
  }

  /** @internal */
  _close(): Promise<void> {
    return this.#steps.close()
  }
}

export class LevelValueIterator<TDatabase, K, V> extends AbstractValueIterator<TDatabase, K, V> {
  readonly #steps: Steps<Single>

  /** @internal Made by `db.values()`. */
  constructor(db: TDatabase, store: Store, options: EncodedIteratorOptions) {
    const steps = new Steps(store, options, entryValueTakerOf(options.valueEncoding))
    super(db, options as object)
    this.#steps = steps
  }

  /** @internal */
  _next(): Single | undefined | Promise<Single | undefined> {
    return this.#steps.next(this.limit - this.count)
  }

  /** @internal */
  _nextv(count: number): Single[] | Promise<Single[]> {
    return this.#steps.nextMany(count)
  }

  /** @internal */
  _seek(target: Encoded): void {
    this.#steps.seek(target)
  }

  /** @internal */
  _close(): Promise<void> {
    return this.#steps.close()
  }
}
