/**
 * One try of a transaction: reads at its snapshot with its own writes laid over, and writes that nobody else sees before
 * it commits. It keeps what was read, found or not. Owned by the runner, which ends it; then it answers VARVE_CLOSED.
 */
import { ClosedError, InvalidArgumentError } from '@varve/storage'
import { copyKey, type Bytes } from '../bytes.ts'
import type { LoopGuard } from '../loop-guard.ts'
import { describe } from '../options.ts'
import { throwIfAborted } from '../read/abort.ts'
import { BOUND_NAMES, resolveLimit, resolveRange, resolveReverse, type Range } from '../read/range.ts'
import type { RangeOptions, Snapshot } from '../read/snapshot.ts'
import { OwnWrites, type OwnWrite } from './own-writes.ts'
import { ReadSet } from './read-set.ts'
import { TransactionIterator, TransactionStream } from './transaction-iterator.ts'

export type TransactionRange = Omit<RangeOptions, 'snapshot'>

const RANGE_NAMES: ReadonlySet<string> = new Set<string>([...BOUND_NAMES, 'reverse', 'limit', 'signal'])

/** `clear` deletes so many keys between two looks at the transaction. */
const CLEAR_CHUNK_COUNT = 1000

export interface TransactionSetup {
  readonly snapshot: Snapshot
  readonly guard: LoopGuard
  readonly valueSizeBytesMax: number
}

interface TransactionReadOptions {
  /** Reject with VARVE_ABORTED when the signal is aborted, if the read waits for the disk. */
  readonly signal?: AbortSignal
}

/** Reads and writes as those of the store, with the same errors; but the writes are taken at once, without a promise. */
export class Transaction {
  readonly #snapshot: Snapshot
  readonly #guard: LoopGuard
  readonly #own: OwnWrites
  readonly #readSet = new ReadSet()
  readonly #iterators = new Set<TransactionIterator>()
  #hasEnded = false

  /** @internal Made by `store.transaction`. */
  constructor({ snapshot, guard, valueSizeBytesMax }: TransactionSetup) {
    this.#snapshot = snapshot
    this.#guard = guard
    this.#own = new OwnWrites(valueSizeBytesMax)
  }

  /** @internal What is to be committed. */
  get own(): OwnWrites {
    return this.#own
  }

  /** @internal What that depends on. */
  get readSet(): ReadSet {
    return this.#readSet
  }

  async get(key: Bytes, options?: TransactionReadOptions): Promise<Buffer | undefined> {
    this.#checkOpen()
    throwIfAborted(options?.signal)
    const own = this.#ownOrNote(key)
    return await (own === undefined ? this.#snapshot.get(key, options) : this.#guard.resolve(this.#own.valueOf(own)))
  }

  /** Blocks while it reads what is not in memory. */
  getSync(key: Bytes): Buffer | undefined {
    this.#checkOpen()
    const own = this.#ownOrNote(key)
    return own === undefined ? this.#snapshot.getSync(key) : this.#own.valueOf(own)
  }

  async getMany(keys: readonly Bytes[], options?: TransactionReadOptions): Promise<(Buffer | undefined)[]> {
    this.#checkOpen()
    if (!Array.isArray(keys)) {
      throw new InvalidArgumentError(`keys must be an array, not ${describe(keys)}`)
    }
    const given = [...(keys as readonly Bytes[])]
    const own = given.map((key) => this.#ownOrNote(key))
    // As they are now, not as they are when the others have been read.
    const ownValues = own.map((write) => (write === undefined ? undefined : this.#own.valueOf(write)))
    const others = await this.#snapshot.getMany(
      given.filter((_, i) => own[i] === undefined),
      options,
    )
    let index = 0
    return ownValues.map((value, i) => (own[i] === undefined ? others[index++] : value))
  }

  async has(key: Bytes, options?: TransactionReadOptions): Promise<boolean> {
    this.#checkOpen()
    throwIfAborted(options?.signal)
    const own = this.#ownOrNote(key)
    return own === undefined
      ? await this.#snapshot.has(key, options)
      : await this.#guard.resolve(this.#own.valueOf(own) !== undefined)
  }

  /** Sees what the transaction wrote before this call. It is closed when the transaction ends. */
  iterator(range?: TransactionRange): TransactionIterator {
    this.#checkOpen()
    const keyRange = resolveRange(range, RANGE_NAMES)
    const { lower, upper } = keyRange
    const isReverse = resolveReverse(range?.reverse)
    const iterator = new TransactionIterator({
      limit: resolveLimit(range?.limit),
      base: this.#snapshot.iterator({ gte: lower, lt: upper, reverse: isReverse, signal: range?.signal }),
      own: this.#own,
      readSet: this.#readSet,
      guard: this.#guard,
      range: keyRange,
      isReverse,
      checkUsable: () => this.#checkOpen(),
      onClose: (closed) => this.#iterators.delete(closed),
    })
    this.#iterators.add(iterator)
    return iterator
  }

  entries(range?: TransactionRange): AsyncIterableIterator<[Buffer, Buffer]> {
    return new TransactionStream(this.iterator(range), (entry) => entry)
  }

  keys(range?: TransactionRange): AsyncIterableIterator<Buffer> {
    return new TransactionStream(this.iterator(range), ([key]) => key)
  }

  values(range?: TransactionRange): AsyncIterableIterator<Buffer> {
    return new TransactionStream(this.iterator(range), ([, value]) => value)
  }

  /** @throws ClosedError, InvalidArgumentError */
  put(key: Bytes, value: Bytes): void {
    this.#checkOpen()
    this.#own.put(key, value)
  }

  /** @throws ClosedError, InvalidArgumentError */
  delete(key: Bytes): void {
    this.#checkOpen()
    this.#own.delete(key)
  }

  /** Deletes the keys of a range, atomically with all else: the range counts as read. */
  async clear(range?: Range): Promise<void> {
    this.#checkOpen()
    const { lower, upper } = resolveRange(range)
    const iterator = this.iterator({ gte: lower, lt: upper })
    try {
      for (
        let chunk = await iterator.nextMany(CLEAR_CHUNK_COUNT);
        chunk.length > 0;
        chunk = await iterator.nextMany(CLEAR_CHUNK_COUNT)
      ) {
        for (const [key] of chunk) {
          this.delete(key)
        }
      }
    } finally {
      await iterator.close()
    }
  }

  /** @internal Takes nothing more, and closes its iterators and its snapshot. */
  end(): void {
    this.#hasEnded = true
    const reason = endedError()
    for (const iterator of this.#iterators) {
      iterator.end(reason)
    }
  }

  /** The own write that answers a read of this key; if there is none, the read is noted. */
  #ownOrNote(key: Bytes): OwnWrite | undefined {
    const text = copyKey(key).toString('latin1')
    const own = this.#own.find(text)
    if (own === undefined) {
      this.#readSet.addKey(text)
    }
    return own
  }

  #checkOpen(): void {
    if (this.#hasEnded) {
      throw endedError()
    }
  }
}

function endedError(): ClosedError {
  return new ClosedError('the transaction has ended: await in its callback all that it does')
}
