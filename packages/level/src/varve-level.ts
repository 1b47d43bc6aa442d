/**
 * A database of abstract-level that is a store of Varve: what `ClassicLevel` is to LevelDB. abstract-level encodes,
 * keeps the status, runs hooks and events; this class hands what comes out of that to the store, once, as it is.
 *
 * abstract-level awaits whatever the private methods return: a plain value costs no promise.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AbstractSnapshot, Transcoder } from 'abstract-level'
import {
  WriteBatch,
  destroy,
  open,
  repair,
  type Bytes,
  type CheckpointOptions,
  type CheckpointReport,
  type RangeOptions,
  type RepairReport,
  type Store,
  type StatsOptions,
  type StoreStats,
} from 'varve'
import { clearRange } from './clear-range.ts'
import { FORMATS, bytesOf, isThere, valueTakerOf, type Encoded, type Format } from './format.ts'
import { ChainedBatch } from './level-chained-batch.ts'
import { LevelError, throwLevelError, toLevelError } from './level-error.ts'
import { LevelIterator, LevelKeyIterator, LevelValueIterator, type EncodedIteratorOptions } from './level-iterator.ts'
import { storeRangeOf } from './level-range.ts'
import { LevelSnapshot, storeSnapshotOf, type SnapshotOptions } from './level-snapshot.ts'
import type { StartEndOptions, WriteOptions } from './options.ts'
import { propertyOf } from './property.ts'
import { storeOptionsOf, type DatabaseOptions, type OpenOptions } from './store-options.ts'
import { TypedLevel } from './typed-level.ts'

/** Made once: most writes have one of these. */
const PLAIN = { sync: false } as const
const SYNC = { sync: true } as const

interface EncodedReadOptions {
  readonly valueEncoding: string
  readonly snapshot?: AbstractSnapshot | null
}

interface EncodedOperation {
  readonly type: 'put' | 'del'
  readonly key: Encoded
  readonly value: Encoded
}

export class VarveLevel<KDefault = string, VDefault = string> extends TypedLevel<KDefault, VDefault> {
  readonly #location: string
  #store: Store | undefined
  /** For the operations of `batch`, one batch after the other. */
  readonly #batch = new WriteBatch()
  /** Writes of one commit group have one promise: its errors are translated once. */
  #lastWrite: Promise<void> | undefined
  #lastTranslated: Promise<void> = Promise.resolve()

  /**
   * @param location the directory of the store
   * @param formats @internal the formats that encodings may have, for tests
   */
  constructor(location: string, options?: DatabaseOptions<KDefault, VDefault>, formats: readonly Format[] = FORMATS) {
    checkLocation(location)
    super(manifestOf(formats), options)
    this.#location = location
  }

  /** As it was given. */
  get location(): string {
    return this.#location
  }

  /** About how many bytes of tables a range takes, `end` not included; what was written lately does not count. */
  approximateSize(start: KDefault, end: KDefault): Promise<number>
  approximateSize<K = KDefault>(start: K, end: K, options: StartEndOptions<K>): Promise<number>
  async approximateSize(...args: [unknown?, unknown?, unknown?]): Promise<number> {
    const { start, end } = this.#boundsOf(args)
    return await this.#whenOpen(async (store) => await store.approximateSize({ gte: start(), lt: end() }))
  }

  /** Merges a range, `end` included, down to the deepest level: what is deleted or overwritten there goes. */
  compactRange(start: KDefault, end: KDefault): Promise<void>
  compactRange<K = KDefault>(start: K, end: K, options: StartEndOptions<K>): Promise<void>
  async compactRange(...args: [unknown?, unknown?, unknown?]): Promise<void> {
    const { start, end } = this.#boundsOf(args)
    await this.#whenOpen(async (store) => await store.compactRange({ gte: start(), lte: end() }))
  }

  /** `leveldb.num-files-at-levelN`, `leveldb.stats`, `leveldb.sstables`; an unknown property is an empty string. */
  getProperty(property: string): string {
    if (typeof property !== 'string') {
      throw new TypeError("The first argument 'property' must be a string")
    }
    return propertyOf(this.stats(), property)
  }

  /** The figures of the store: levels, write and space amplification, stalls, memory, cache, jobs. */
  stats(options?: StatsOptions): StoreStats {
    this.#checkOpen()
    return this.#openStore.stats(options)
  }

  /** Makes a copy of the database, as it is now, in a new directory; see `checkpoint` of the store. */
  async checkpoint(directory: string, options?: CheckpointOptions): Promise<CheckpointReport> {
    return await this.#whenOpen(async (store) => await store.checkpoint(directory, options))
  }

  /** Deletes a database that is not open: its own files, and the directory if nothing else is in it. */
  static async destroy(location: string): Promise<void> {
    checkLocation(location)
    try {
      await destroy(location)
    } catch (error) {
      const isOfAnotherKind = existsSync(join(location, 'CURRENT'))
      // A directory that holds no database at all is left alone, which is no error for classic-level.
      if (!isInvalidArgument(error) || isOfAnotherKind) {
        throw toLevelError(error)
      }
    }
  }

  /**
   * Makes of what can be read of a damaged database, which is not open, one that opens; see `repair` of the store.
   * Returns what was lost.
   */
  static async repair(location: string): Promise<RepairReport> {
    checkLocation(location)
    return await repair(location).catch(throwLevelError)
  }

  /** @internal */
  async _open(options: OpenOptions): Promise<void> {
    try {
      const store = await open(this.#location, storeOptionsOf(options))
      // Told to whoever asks; without a listener it is seen in what it makes fail.
      store.on('error', (error) => {
        if (this.listenerCount('error') > 0) {
          this.emit('error', toLevelError(error))
        }
      })
      this.#store = store
    } catch (error) {
      throw toLevelError(error)
    }
  }

  /** @internal */
  async _close(): Promise<void> {
    await this.#store?.close()
    this.#store = undefined
  }

  /** @internal */
  _get(key: Encoded, options: EncodedReadOptions): unknown {
    return this.#read(() =>
      this.#openStore.read(bytesOf(key), valueTakerOf(options.valueEncoding), storeSnapshotOf(options.snapshot)),
    )
  }

  /** @internal */
  _getSync(key: Encoded, options: EncodedReadOptions): unknown {
    try {
      const take = valueTakerOf(options.valueEncoding)
      return this.#openStore.readSync(bytesOf(key), take, storeSnapshotOf(options.snapshot))
    } catch (error) {
      throw toLevelError(error)
    }
  }

  /** @internal */
  _getMany(keys: Encoded[], options: EncodedReadOptions): unknown {
    return this.#read(() =>
      this.#openStore.readMany(keys.map(bytesOf), valueTakerOf(options.valueEncoding), {
        snapshot: storeSnapshotOf(options.snapshot),
      }),
    )
  }

  /** @internal */
  _has(key: Encoded, options: EncodedReadOptions): unknown {
    const found = this.#read(() => this.#openStore.read(bytesOf(key), isThere, storeSnapshotOf(options.snapshot)))
    return found instanceof Promise ? found.then((later) => later === true) : found === true
  }

  /** @internal */
  async _hasMany(keys: Encoded[], options: EncodedReadOptions): Promise<boolean[]> {
    const snapshot = storeSnapshotOf(options.snapshot)
    const found = await this.#openStore.readMany(keys.map(bytesOf), isThere, { snapshot }).catch(throwLevelError)
    return found.map((each) => each === true)
  }

  /** @internal */
  _put(key: Encoded, value: Encoded, options: WriteOptions): Promise<void> {
    return this.#translated(this.#openStore.put(bytesOf(key), bytesOf(value), syncOf(options)))
  }

  /** @internal */
  _del(key: Encoded, options: WriteOptions): Promise<void> {
    return this.#translated(this.#openStore.delete(bytesOf(key), syncOf(options)))
  }

  /** @internal */
  _batch(operations: EncodedOperation[], options: WriteOptions): Promise<void> {
    const batch = this.#batch.clear()
    try {
      for (const { type, key, value } of operations) {
        if (type === 'put') {
          batch.put(bytesOf(key), bytesOf(value))
        } else {
          batch.delete(bytesOf(key))
        }
      }
    } catch (error) {
      throw toLevelError(error)
    }
    return this.#translated(this.#openStore.write(batch, syncOf(options)))
  }

  /** @internal */
  _chainedBatch(): ChainedBatch<this, KDefault, VDefault> {
    return new ChainedBatch(this, (batch, options) => this.#translated(this.#openStore.write(batch, syncOf(options))))
  }

  /** @internal */
  async _clear(options: EncodedIteratorOptions): Promise<void> {
    const range: RangeOptions = {
      ...storeRangeOf(options),
      reverse: options.reverse,
      limit: options.limit < 0 ? undefined : options.limit,
      snapshot: storeSnapshotOf(options.snapshot),
    }
    await clearRange(this.#openStore, range).catch(throwLevelError)
  }

  /** @internal */
  _iterator(options: EncodedIteratorOptions): LevelIterator<this, KDefault, VDefault> {
    return new LevelIterator(this, this.#openStore, options)
  }

  /** @internal */
  _keys(options: EncodedIteratorOptions): LevelKeyIterator<this, KDefault> {
    return new LevelKeyIterator(this, this.#openStore, options)
  }

  /** @internal */
  _values(options: EncodedIteratorOptions): LevelValueIterator<this, KDefault, VDefault> {
    return new LevelValueIterator(this, this.#openStore, options)
  }

  /** @internal */
  _snapshot(options: SnapshotOptions): LevelSnapshot {
    return new LevelSnapshot(this.#openStore.snapshot(), options)
  }

  get #openStore(): Store {
    if (this.#store === undefined) {
      throw notOpen()
    }
    return this.#store
  }

  #checkOpen(): void {
    if (this.status !== 'open') {
      throw notOpen()
    }
  }

  /** A read whose errors, thrown or later, are abstract-level's. */
  #read<T>(read: () => T | Promise<T>): T | Promise<T> {
    try {
      const answer = read()
      return answer instanceof Promise ? answer.catch(throwLevelError) : answer
    } catch (error) {
      throw toLevelError(error)
    }
  }

  #translated(write: Promise<void>): Promise<void> {
    if (write !== this.#lastWrite) {
      this.#lastWrite = write
      this.#lastTranslated = write.catch(throwLevelError)
    }
    return this.#lastTranslated
  }

  /** The bounds of a call with a start and an end, encoded when they are asked for. */
  #boundsOf(args: readonly unknown[]): { start: () => Bytes; end: () => Bytes } {
    if (args.length < 2) {
      throw new TypeError("The arguments 'start' and 'end' are required")
    }
    const [start, end, options] = args
    const keyEncoding = (options as StartEndOptions<KDefault> | null | undefined)?.keyEncoding
    const encode = (key: unknown) => (): Bytes => {
      const encoding =
        keyEncoding === undefined
          ? this.keyEncoding()
          : this.keyEncoding(keyEncoding as Transcoder.MixedEncoding<KDefault, Bytes, KDefault>)
      return bytesOf(encoding.encode(key as KDefault) as Encoded)
    }
    return { start: encode(start), end: encode(end) }
  }

  async #whenOpen<T>(use: (store: Store) => Promise<T>): Promise<T> {
    if (this.status === 'opening') {
      return await this.deferAsync(() => this.#whenOpen(use))
    }
    this.#checkOpen()
    return await use(this.#openStore).catch(throwLevelError)
  }
}

/** What it can do, as classic-level says it. */
function manifestOf(formats: readonly Format[]): object {
  return {
    encodings: Object.fromEntries(formats.map((format) => [format, true])),
    has: true,
    createIfMissing: true,
    errorIfExists: true,
    explicitSnapshots: true,
    getSync: true,
    additionalMethods: { approximateSize: true, compactRange: true },
    signals: { iterators: true },
  }
}

function syncOf(options: WriteOptions): WriteOptions & { readonly sync: boolean } {
  return options.sync === true ? SYNC : PLAIN
}

function notOpen(): LevelError {
  return new LevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open')
}

function isInvalidArgument(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'VARVE_INVALID_ARGUMENT'
}

function checkLocation(location: unknown): void {
  if (typeof location !== 'string' || location === '') {
    throw new TypeError("The first argument 'location' must be a non-empty string")
  }
}
