/**
 * The store that users hold: checks arguments, hands calls on to the engine, and keeps track of what it has handed out,
 * so that closing it closes all of that.
 */
import { EventEmitter } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import { ClosedError, InvalidArgumentError } from '@varve/storage'
import type { Bytes } from './bytes.ts'
import type { CheckpointOptions, CheckpointReport } from './checkpoint/checkpoint.ts'
import type { Engine } from './engine.ts'
import { describe } from './options.ts'
import { throwIfAborted } from './read/abort.ts'
import { EntryCopier } from './read/entry-copier.ts'
import { EntryStream } from './read/entry-stream.ts'
import type { ReadOptions } from './read/read-options.ts'
import { RangeIterator } from './read/range-iterator.ts'
import { resolveFillCache, resolveLimit, resolveRange, resolveReverse, type Range } from './read/range.ts'
import { RANGE_OPTION_NAMES, Snapshot, oldestSnapshots, originOf } from './read/snapshot.ts'
import type { RangeOptions, SnapshotOptions } from './read/snapshot.ts'
import { copyKeyOf, isThere, type EntryTaker, type ValueTaker } from './read/taker.ts'
import { copyOut } from './read/value-copy.ts'
import type { RecoveryReport } from './recovery/recover-store.ts'
import { Sharing } from './share/owner/sharing.ts'
import type { StoreEvents } from './store-events.ts'
import { StatsPeriods, type StatsOptions } from './stats-period.ts'
import type { StoreStats } from './store-stats.ts'
import type { Transaction } from './transaction/transaction.ts'
import { TransactionRunner, type TransactionOptions } from './transaction/transaction-runner.ts'
import type { VerifyOptions, VerifyReport } from './verify/verification.ts'
import { clearKeys } from './write/clear.ts'
import type { Operation } from './write/packed-operations.ts'
import type { WriteBatch } from './write/write-batch.ts'
import type { WriteOptions } from './write/write-options.ts'
import { closedError } from './write/closed-error.ts'

/**
 * An open store. All methods that return promises reject with a `VarveError`; `getSync`, `iterator`, `snapshot` and
 * `stats` throw it. After `close` everything is answered with VARVE_CLOSED.
 */
export class Store extends EventEmitter<StoreEvents> {
  readonly directory: string
  /** What opening found and did: replayed logs, bytes cut off behind a crash, files set aside. */
  readonly recovery: RecoveryReport
  readonly #engine: Engine
  readonly #transactions: TransactionRunner
  readonly #sharing: Sharing
  readonly #statsPeriods: StatsPeriods
  readonly #iterators = new Set<RangeIterator<unknown>>()
  readonly #snapshots = new Set<Snapshot>()
  #closing: Promise<void> | undefined
  /** Reads of other kinds that wait; closing waits for them. */
  readonly #pending = new Set<Promise<unknown>>()

  /** @internal Made by `open`. */
  constructor(directory: string, engine: Engine) {
    super()
    this.directory = directory
    this.recovery = engine.recovery
    this.#engine = engine
    const { conditionalWrites, guard } = engine
    this.#statsPeriods = new StatsPeriods(conditionalWrites.env.clock)
    this.#transactions = new TransactionRunner({
      env: conditionalWrites.env,
      guard,
      valueSizeBytesMax: conditionalWrites.valueSizeBytesMax,
      snapshot: () => this.snapshot({ name: 'transaction' }),
      commit: (packed, since, dependencies, sync) =>
        this.#whileOpen(conditionalWrites.writePacked(packed, this.#openSequenceOf(since), dependencies, sync)),
    })
    engine.onViewChanged = () => {
      for (const iterator of this.#iterators) {
        iterator.forgetView()
      }
      this.#sharing.publish()
    }
    this.#sharing = new Sharing(engine, this)
  }

  /** Sets a key. Resolves when it survives the death of the process; with `sync`, a loss of power. */
  put(key: Bytes, value: Bytes, options?: WriteOptions): Promise<void> {
    return options?.ifUnchangedSince === undefined
      ? this.#engine.writes.put(key, value, options)
      : this.#writeIf([{ type: 'put', key, value }], options)
  }

  /** Deletes a key; one that is not there is no error. Resolves as `put`. */
  delete(key: Bytes, options?: WriteOptions): Promise<void> {
    return options?.ifUnchangedSince === undefined
      ? this.#engine.writes.delete(key, options)
      : this.#writeIf([{ type: 'delete', key }], options)
  }

  /**
   * All operations or none, in order; of one key the last counts. Resolves as `put`. With `ifUnchangedSince` it rejects
   * with VARVE_CONFLICT, and nothing is written, if anything that it depends on was changed since that snapshot.
   */
  write(operations: readonly Operation[] | WriteBatch, options?: WriteOptions): Promise<void> {
    return options?.ifUnchangedSince === undefined
      ? this.#engine.writes.write(operations, options)
      : this.#writeIf(operations, options)
  }

  /**
   * Runs `callback` with a transaction, commits what it wrote, and resolves with what it returned. If anything that it
   * read or wrote was changed meanwhile, it starts over: the callback may run several times, and does nothing else that
   * counts. What the callback throws ends the transaction, writes nothing, and is what the promise rejects with.
   */
  transaction<T>(callback: (transaction: Transaction) => T | Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.#transactions.run(callback, options)
  }

  /** Resolves when everything acknowledged so far survives a loss of power. */
  async sync(): Promise<void> {
    this.#checkOpen()
    await this.#engine.sync()
  }

  /** The value of a key, a Buffer that belongs to the caller, or `undefined`. */
  get(key: Bytes, options?: ReadOptions): Promise<Buffer | undefined> {
    return this.#get(key, copyOut, options)
  }

  /** As `get`, without leaving the thread: it blocks while it reads what is not in memory. */
  getSync(key: Bytes, options?: { readonly snapshot?: Snapshot | undefined }): Buffer | undefined {
    return this.readSync(key, copyOut, options?.snapshot)
  }

  /** The values of several keys, all as of one moment, in the order of the keys. */
  getMany(keys: readonly Bytes[], options?: ReadOptions): Promise<(Buffer | undefined)[]> {
    return this.readMany(keys, copyOut, options)
  }

  /**
   * @internal As `get`, for adapters: `take` makes the answer from the value's bytes, and what is in memory is answered
   * without a promise. Throws what `get` rejects with.
   */
  read<T>(key: Bytes, take: ValueTaker<T>, snapshot?: Snapshot): T | undefined | Promise<T | undefined> {
    this.#checkOpen()
    return this.#engine.points.get(key, this.#sequenceOf(snapshot), take, undefined)
  }

  /** @internal As `getSync`, for adapters. */
  readSync<T>(key: Bytes, take: ValueTaker<T>, snapshot?: Snapshot): T | undefined {
    this.#checkOpen()
    return this.#engine.points.getSync(key, this.#sequenceOf(snapshot), take)
  }

  /** @internal As `getMany`, for adapters. */
  async readMany<T>(keys: readonly Bytes[], take: ValueTaker<T>, options?: ReadOptions): Promise<(T | undefined)[]> {
    this.#checkOpen()
    throwIfAborted(options?.signal)
    if (!Array.isArray(keys)) {
      throw new InvalidArgumentError(`keys must be an array, not ${describe(keys)}`)
    }
    const { liveSequences, points, visibleSequence } = this.#engine
    const sequence = this.#sequenceOf(options?.snapshot) ?? visibleSequence
    liveSequences.hold(sequence)
    try {
      return await this.#whileOpen(points.getMany(keys, sequence, take, options?.signal))
    } finally {
      liveSequences.release(sequence)
    }
  }

  async has(key: Bytes, options?: ReadOptions): Promise<boolean> {
    return (await this.#get(key, isThere, options)) !== undefined
  }

  /** An iterator over a range, at one snapshot from now on. Close it, or step to its end with `for await`. */
  iterator(range?: RangeOptions): RangeIterator {
    const copier = new EntryCopier()
    return this.iterate(range, (entry) => copier.copy(entry))
  }

  /** @internal As `iterator`, for adapters: `take` makes what the steps return from the entries' bytes. */
  iterate<T>(range: RangeOptions | undefined, take: EntryTaker<T>): RangeIterator<T> {
    this.#checkOpen()
    const keyRange = resolveRange(range, RANGE_OPTION_NAMES)
    const limit = resolveLimit(range?.limit)
    const sequence = this.#sequenceOf(range?.snapshot) ?? this.#engine.visibleSequence
    const { liveSequences, guard } = this.#engine
    const scan = this.#engine.scan(keyRange, sequence, {
      isReverse: resolveReverse(range?.reverse),
      fillCache: resolveFillCache(range?.fillCache),
    })
    const iterator: RangeIterator<T> = new RangeIterator(scan, guard, {
      limit,
      signal: range?.signal,
      take,
      onClose: () => {
        liveSequences.release(sequence)
        this.#iterators.delete(iterator)
      },
    })
    liveSequences.hold(sequence)
    this.#iterators.add(iterator)
    return iterator
  }

  /** The entries of a range as `[key, value]`. The snapshot is taken in this call. */
  entries(range?: RangeOptions): AsyncIterableIterator<[Buffer, Buffer]> {
    return new EntryStream(this.iterator(range))
  }

  keys(range?: RangeOptions): AsyncIterableIterator<Buffer> {
    return new EntryStream(this.iterate(range, copyKeyOf))
  }

  values(range?: RangeOptions): AsyncIterableIterator<Buffer> {
    const copier = new EntryCopier()
    return new EntryStream(this.iterate(range, (entry) => copier.copyValue(entry)))
  }

  /** Deletes the keys of a range that are there now, in batches: other writes may come between them. */
  async clear(range?: Range): Promise<void> {
    await clearKeys(this, range)
  }

  /** The store as it is now, to read from later. */
  snapshot(options?: SnapshotOptions): Snapshot {
    this.#checkOpen()
    const { liveSequences, visibleSequence, conditionalWrites } = this.#engine
    const onClose = (): void => {
      liveSequences.release(visibleSequence)
      this.#snapshots.delete(snapshot)
    }
    const snapshot: Snapshot = new Snapshot(
      visibleSequence,
      this,
      onClose,
      originOf(options, conditionalWrites.env.clock),
    )
    liveSequences.hold(visibleSequence)
    this.#snapshots.add(snapshot)
    return snapshot
  }

  /** Resolves when everything written so far is in tables, durably. */
  async flush(): Promise<void> {
    this.#checkOpen()
    await this.#engine.flush()
  }

  /** Flushes, and brings a range to the deepest level that holds any of it: what is deleted or overwritten there goes. */
  async compactRange(range?: Range): Promise<void> {
    this.#checkOpen()
    await this.#engine.compactRange(resolveRange(range))
  }

  /** About how many bytes of tables a range takes. What is still in memtables does not count. */
  async approximateSize(range?: Range): Promise<number> {
    this.#checkOpen()
    return await this.#whileOpen(this.#engine.approximateSizeBytes(resolveRange(range)))
  }

  /**
   * Makes a store of its own in a directory that does not exist yet: it holds every write up to the sequence number that
   * is returned, at least all that was acknowledged before this call, and none beyond. All of it or nothing. Writes go
   * on. Tables are linked where the file system can, so that they take no room twice; the two are independent.
   * Rejects with VARVE_EXISTS or VARVE_INVALID_ARGUMENT for the directory, VARVE_ABORTED, VARVE_IO.
   */
  async checkpoint(directory: string, options?: CheckpointOptions): Promise<CheckpointReport> {
    this.#checkOpen()
    return await this.#whileOpen(this.#engine.checkpoint(directory, options))
  }

  /**
   * Reads everything that is on disk and checks every checksum, count, bound and order, that newer stands above older,
   * and that no file lies there that nothing names. Damage is in the report, and no error. Tables are read by the threads
   * that also flush and compact, one at a time. Rejects with VARVE_ABORTED.
   */
  async verify(options?: VerifyOptions): Promise<VerifyReport> {
    this.#checkOpen()
    return await this.#whileOpen(this.#engine.verify(options))
  }

  /** Counters count since the store was opened, or since `since`, which an earlier call returned: nothing else changes. */
  stats(options?: StatsOptions): StoreStats {
    this.#checkOpen()
    const [openIteratorCount, openSnapshotCount] = [this.#iterators.size, this.#snapshots.size]
    const { clock } = this.#engine.conditionalWrites.env
    const snapshots = { openSnapshotCount, oldestSnapshots: oldestSnapshots(this.#snapshots, clock.nowMs()) }
    const others = { transactions: this.#transactions.stats, remoteStoreCount: this.#sharing.connectionCount }
    return this.#statsPeriods.take({ ...this.#engine.stats(), ...snapshots, ...others, openIteratorCount }, options)
  }

  /**
   * A port for another thread to use this store with: transfer it there, and give it to `connect`. One port a thread. It
   * does not hold the process.
   */
  share(): MessagePort {
    this.#checkOpen()
    return this.#sharing.share()
  }

  /**
   * Commits what has been accepted, closes iterators and snapshots, flushes, and lets go of the directory. Writes that
   * still stall are rejected. Idempotent; resolves even if the last flush fails, as the logs then hold what it would have
   * written.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #get<T>(key: Bytes, take: ValueTaker<T>, options: ReadOptions | undefined): Promise<T | undefined> {
    try {
      this.#checkOpen()
      throwIfAborted(options?.signal)
      const { points } = this.#engine
      return promiseOf(points.get(key, this.#sequenceOf(options?.snapshot), take, options?.signal))
    } catch (error) {
      return this.#engine.guard.reject(error)
    }
  }

  #writeIf(operations: readonly Operation[] | WriteBatch, options: WriteOptions): Promise<void> {
    try {
      const sequence = this.#openSequenceOf(options.ifUnchangedSince)
      return this.#whileOpen(this.#engine.conditionalWrites.write(operations, sequence, options))
    } catch (error) {
      return this.#engine.guard.reject(error)
    }
  }

  async #close(): Promise<void> {
    this.#engine.beginClose()
    const reason = closedError(this.directory)
    const iterators = [...this.#iterators]
    for (const iterator of iterators) {
      iterator.closeBecause(reason)
    }
    for (const snapshot of this.#snapshots) {
      snapshot.close()
    }
    this.#sharing.beginClose()
    await Promise.allSettled([...iterators.map((iterator) => iterator.whenIdle()), ...this.#pending])
    await this.#engine.writes.whenCommitted()
    await this.#sharing.end(reason)
    await this.#engine.close()
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw closedError(this.directory)
    }
  }

  /** Of what is written since a snapshot. */
  #openSequenceOf(snapshot: Snapshot | undefined): number {
    this.#checkOpen()
    return this.#sequenceOf(snapshot) ?? this.#engine.visibleSequence
  }

  #sequenceOf(snapshot: Snapshot | undefined): number | undefined {
    if (snapshot === undefined) {
      return undefined
    }
    if (!(snapshot instanceof Snapshot)) {
      throw new InvalidArgumentError(`snapshot must come from store.snapshot(), not ${describe(snapshot)}`)
    }
    if (snapshot.isClosed) {
      throw new ClosedError('the snapshot is closed')
    }
    if (!this.#snapshots.has(snapshot)) {
      throw new InvalidArgumentError('the snapshot belongs to another store')
    }
    return snapshot.sequence
  }

  async #whileOpen<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work)
    try {
      return await work
    } finally {
      this.#pending.delete(work)
    }
  }
}

function promiseOf<T>(answer: T | Promise<T>): Promise<T> {
  return answer instanceof Promise ? answer : Promise.resolve(answer)
}
