/**
 * The store as another thread holds it. It reads memtables and tables itself, in its own thread, with caches of its own;
 * it sends writes to the owner, and calls that only the owner can answer. Owned by the thread that called `connect`.
 *
 *     open -> closing -> closed        the owner closes, or its thread ends: -> closed
 */
import type { MessagePort } from 'node:worker_threads'
import { ClosedError, InvalidArgumentError, toVarveError } from '@varve/storage'
import type { Bytes } from '../../bytes.ts'
import { Deferred } from '../../deferred.ts'
import { describe } from '../../options.ts'
import { throwIfAborted } from '../../read/abort.ts'
import { approximateSizeBytes } from '../../read/approximate-size.ts'
import { EntryCopier } from '../../read/entry-copier.ts'
import { EntryStream } from '../../read/entry-stream.ts'
import { RangeIterator } from '../../read/range-iterator.ts'
import { RangeScan } from '../../read/range-scan.ts'
import { resolveFillCache, resolveLimit, resolveRange, resolveReverse, type Range } from '../../read/range.ts'
import { RANGE_OPTION_NAMES, Snapshot, type RangeOptions, type SnapshotReader } from '../../read/snapshot.ts'
import { copyKeyOf, isThere, type EntryTaker, type ValueTaker } from '../../read/taker.ts'
import { copyOut } from '../../read/value-copy.ts'
import type { StoreStats } from '../../store-stats.ts'
import { clearKeys } from '../../write/clear.ts'
import { PackedOperations, type Operation } from '../../write/packed-operations.ts'
import { WriteBatch, checkBatchValues } from '../../write/write-batch.ts'
import { dependenciesOf, isSync, type WriteOptions } from '../../write/write-options.ts'
import type { RemoteParts } from './remote-parts.ts'

export interface RemoteReadOptions {
  /** Read at this snapshot, of the same `RemoteStore`, instead of the newest state. */
  readonly snapshot?: Snapshot | undefined
  /** Reject with VARVE_ABORTED when the signal is aborted, if the read waits for the disk. */
  readonly signal?: AbortSignal | undefined
}

/** The store's statistics, and what this thread holds besides. */
export interface RemoteStoreStats extends StoreStats {
  readonly remote: {
    readonly blockCacheSizeBytes: number
    readonly openTableCount: number
    readonly openTableSizeBytes: number
    /** Of writes that are not acknowledged. */
    readonly pendingSizeBytes: number
    readonly openIteratorCount: number
    readonly openSnapshotCount: number
  }
}

/**
 * A store that another thread has open. Its methods are those of `Store`, with the same semantics and errors, as far as
 * they are here. After `close`, or when the owner closes the store or ends, all is answered with VARVE_CLOSED.
 */
export class RemoteStore implements SnapshotReader {
  readonly directory: string
  readonly #parts: RemoteParts
  readonly #iterators = new Set<RangeIterator<unknown>>()
  readonly #snapshots = new Set<Snapshot>()
  readonly #pending = new Set<Promise<unknown>>()
  /** Resolves when nothing more comes from the owner. */
  readonly #ended = new Deferred()
  #closing: Promise<void> | undefined

  /** @internal Made by `connect`. */
  constructor(parts: RemoteParts) {
    this.directory = parts.directory
    this.#parts = parts
    parts.onClosed = (error) => this.#end(error)
    parts.onViewReleased = () => this.#iterators.forEach((iterator) => iterator.forgetView())
  }

  /** As `store.put`. */
  put(key: Bytes, value: Bytes, options?: WriteOptions): Promise<void> {
    return options?.ifUnchangedSince === undefined
      ? this.#write(() => this.#parts.writer.put(key, value, isSync(options)))
      : this.#writeIf([{ type: 'put', key, value }], options)
  }

  /** As `store.delete`. */
  delete(key: Bytes, options?: WriteOptions): Promise<void> {
    return options?.ifUnchangedSince === undefined
      ? this.#write(() => this.#parts.writer.delete(key, isSync(options)))
      : this.#writeIf([{ type: 'delete', key }], options)
  }

  /** As `store.write`. */
  write(operations: readonly Operation[] | WriteBatch, options?: WriteOptions): Promise<void> {
    return options?.ifUnchangedSince === undefined
      ? this.#write(() => this.#writeAll(operations, isSync(options)))
      : this.#writeIf(operations, options)
  }

  /** As `store.sync`. */
  async sync(): Promise<void> {
    await this.#parts.calls.call('sync', () => this.#checkOpen())
  }

  get(key: Bytes, options?: RemoteReadOptions): Promise<Buffer | undefined> {
    return this.#get(key, copyOut, options)
  }

  /** As `get`, without a promise: it blocks while it reads what is not in memory. */
  getSync(key: Bytes, options?: { readonly snapshot?: Snapshot | undefined }): Buffer | undefined {
    this.#checkOpen()
    this.#parts.view.refresh()
    return this.#parts.points.getSync(key, this.#sequenceOf(options?.snapshot), copyOut)
  }

  async getMany(keys: readonly Bytes[], options?: RemoteReadOptions): Promise<(Buffer | undefined)[]> {
    this.#checkOpen()
    throwIfAborted(options?.signal)
    if (!Array.isArray(keys)) {
      throw new InvalidArgumentError(`keys must be an array, not ${describe(keys)}`)
    }
    const { sequences, points, view } = this.#parts
    const sequence = this.#holdSequence(options?.snapshot)
    try {
      view.refresh()
      return await this.#whileOpen(points.getMany(keys, sequence, copyOut, options?.signal))
    } finally {
      sequences.release(sequence)
    }
  }

  async has(key: Bytes, options?: RemoteReadOptions): Promise<boolean> {
    return (await this.#get(key, isThere, options)) !== undefined
  }

  /** As `store.iterator`: it reads in this thread. */
  iterator(range?: RangeOptions): RangeIterator {
    const copier = new EntryCopier()
    return this.#iterate(range, (entry) => copier.copy(entry))
  }

  #iterate<T>(range: RangeOptions | undefined, take: EntryTaker<T>): RangeIterator<T> {
    this.#checkOpen()
    const keyRange = resolveRange(range, RANGE_OPTION_NAMES)
    const limit = resolveLimit(range?.limit)
    const isReverse = resolveReverse(range?.reverse)
    const fillCache = resolveFillCache(range?.fillCache)
    const { env, view, tables, guard, sequences } = this.#parts
    const sequence = this.#holdSequence(range?.snapshot)
    const scan = new RangeScan(env, view, tables, keyRange, sequence, { isReverse, fillCache })
    const iterator: RangeIterator<T> = new RangeIterator(scan, guard, {
      limit,
      signal: range?.signal,
      take,
      onClose: () => {
        sequences.release(sequence)
        this.#iterators.delete(iterator)
      },
    })
    this.#iterators.add(iterator)
    return iterator
  }

  entries(range?: RangeOptions): AsyncIterableIterator<[Buffer, Buffer]> {
    return new EntryStream(this.iterator(range))
  }

  keys(range?: RangeOptions): AsyncIterableIterator<Buffer> {
    return new EntryStream(this.#iterate(range, copyKeyOf))
  }

  values(range?: RangeOptions): AsyncIterableIterator<Buffer> {
    const copier = new EntryCopier()
    return new EntryStream(this.#iterate(range, (entry) => copier.copyValue(entry)))
  }

  /** As `store.clear`. */
  async clear(range?: Range): Promise<void> {
    await clearKeys(this, range)
  }

  /** The store as it is now, to read from later. It may be used through this `RemoteStore` alone. */
  snapshot(): Snapshot {
    this.#checkOpen()
    const { sequences } = this.#parts
    const snapshot = new Snapshot(sequences.holdNewest(), this, (closed) => {
      sequences.release(closed.sequence)
      this.#snapshots.delete(closed)
    })
    this.#snapshots.add(snapshot)
    return snapshot
  }

  /** As `store.flush`. */
  async flush(): Promise<void> {
    await this.#parts.calls.call('flush', () => this.#checkOpen())
  }

  /** As `store.compactRange`. */
  async compactRange(range?: Range): Promise<void> {
    const { lower, upper } = resolveRange(range)
    const own = { lower: lower && new Uint8Array(lower), upper: upper && new Uint8Array(upper) }
    await this.#parts.calls.call('compactRange', () => this.#checkOpen(), own)
  }

  /** As `store.approximateSize`. */
  async approximateSize(range?: Range): Promise<number> {
    this.#checkOpen()
    const keyRange = resolveRange(range)
    const { view, tables, guard } = this.#parts
    view.refresh()
    const version = view.retainVersion()
    try {
      return await guard.resolve(await this.#whileOpen(approximateSizeBytes(tables, version, keyRange)))
    } finally {
      view.releaseVersion(version)
    }
  }

  async stats(): Promise<RemoteStoreStats> {
    const stats = await this.#parts.calls.call('stats', () => this.#checkOpen())
    const { tables, writer } = this.#parts
    const remote = {
      blockCacheSizeBytes: tables.blocks.sizeBytes,
      openTableCount: tables.openCount,
      openTableSizeBytes: tables.memorySizeBytes,
      pendingSizeBytes: writer.pendingSizeBytes,
      openIteratorCount: this.#iterators.size,
      openSnapshotCount: this.#snapshots.size,
    }
    return { ...stats, remote }
  }

  /** A port for a further thread to connect with. */
  share(): MessagePort {
    this.#checkOpen()
    return this.#parts.share()
  }

  /**
   * Sends what was accepted, closes iterators and snapshots, and lets go of all that the owner holds for this thread.
   * Writes that stall are rejected. The store itself stays open. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #write(add: () => Promise<void> | undefined): Promise<void> {
    try {
      this.#checkOpen()
      return add() ?? this.#parts.guard.resolve(undefined)
    } catch (error) {
      return this.#parts.guard.reject(toVarveError(error))
    }
  }

  #writeAll(operations: readonly Operation[] | WriteBatch, sync: boolean): Promise<void> | undefined {
    const written = this.#parts.writer.write((batch) => this.#pack(operations, batch), sync)
    return written ?? (sync ? this.sync() : undefined)
  }

  #writeIf(operations: readonly Operation[] | WriteBatch, options: WriteOptions): Promise<void> {
    return this.#write(() => {
      const sync = isSync(options)
      const sequence = this.#sequenceOf(options.ifUnchangedSince) ?? 0
      const packed = new PackedOperations()
      this.#pack(operations, packed)
      const { keys, ranges } = dependenciesOf(options)
      const { sequences, writer } = this.#parts
      // The owner holds the sequence from the message's arrival on.
      sequences.hold(sequence)
      const own = ranges.map(({ lower, upper }) => ({
        lower: lower && new Uint8Array(lower),
        upper: upper && new Uint8Array(upper),
      }))
      const message = { sequence, operations: ownBytesOf(packed), keys: ownBytesOf(keys), ranges: own }
      return writer.writeIf(message, sync).finally(() => sequences.release(sequence))
    })
  }

  #pack(operations: readonly Operation[] | WriteBatch, into: PackedOperations): void {
    const { valueSizeBytesMax } = this.#parts
    if (operations instanceof WriteBatch) {
      checkBatchValues(operations, valueSizeBytesMax)
      into.append(operations.packed)
    } else if (Array.isArray(operations)) {
      into.addAll(operations as readonly Operation[], valueSizeBytesMax)
    } else {
      throw new InvalidArgumentError(`operations must be an array or a WriteBatch, not ${describe(operations)}`)
    }
  }

  #get<T>(key: Bytes, take: ValueTaker<T>, options: RemoteReadOptions | undefined): Promise<T | undefined> {
    const { points, view, guard } = this.#parts
    try {
      this.#checkOpen()
      throwIfAborted(options?.signal)
      view.refresh()
      const answer = points.get(key, this.#sequenceOf(options?.snapshot), take, options?.signal)
      return answer instanceof Promise ? answer : Promise.resolve(answer)
    } catch (error) {
      return guard.reject(error)
    }
  }

  async #close(): Promise<void> {
    const { writer, points, calls } = this.#parts
    const reason = new ClosedError(`this thread's handle of the store in ${this.directory} is closed`)
    writer.refuse(reason)
    this.#letGo(reason)
    const reads = [...this.#iterators].map((iterator) => iterator.whenIdle())
    await Promise.allSettled([...reads, ...this.#pending, points.whenIdle()])
    this.#parts.sayGoodbye()
    await this.#ended.promise
    calls.rejectAll(reason)
    this.#parts.release()
  }

  /** Nothing more comes from the owner. */
  #end(error: Error): void {
    this.#ended.resolve()
    this.#parts.writer.rejectAll(error)
    this.#parts.calls.rejectAll(error)
    this.#letGo(error)
    void this.close()
  }

  #letGo(error: Error): void {
    const reason = error instanceof ClosedError ? error : new ClosedError(error.message, { cause: error })
    for (const iterator of this.#iterators) {
      iterator.closeBecause(reason)
    }
    for (const snapshot of this.#snapshots) {
      snapshot.close()
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined || this.#parts.isOwnerClosed) {
      throw new ClosedError(`the store in ${this.directory} is closed, or this thread's handle of it`)
    }
  }

  #holdSequence(snapshot: Snapshot | undefined): number {
    const { sequences } = this.#parts
    const sequence = this.#sequenceOf(snapshot)
    if (sequence === undefined) {
      return sequences.holdNewest()
    }
    sequences.hold(sequence)
    return sequence
  }

  #sequenceOf(snapshot: Snapshot | undefined): number | undefined {
    if (snapshot === undefined) {
      return undefined
    }
    if (!(snapshot instanceof Snapshot)) {
      throw new InvalidArgumentError(`snapshot must come from snapshot(), not ${describe(snapshot)}`)
    }
    if (snapshot.isClosed) {
      throw new ClosedError('the snapshot is closed')
    }
    if (!this.#snapshots.has(snapshot)) {
      throw new InvalidArgumentError('the snapshot belongs to another store, or to another handle of this one')
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

function ownBytesOf({ bytes, count, userSizeBytes }: PackedOperations): {
  readonly bytes: Uint8Array
  readonly count: number
  readonly userSizeBytes: number
} {
  return { bytes: new Uint8Array(bytes), count, userSizeBytes }
}
