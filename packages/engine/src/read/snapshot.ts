import { InvalidArgumentError, type Clock } from '@varve/storage'
import type { Bytes } from '../bytes.ts'
import { checkNames, describe } from '../options.ts'
import type { RangeIterator } from './range-iterator.ts'
import { BOUND_NAMES, type Range } from './range.ts'

export interface RangeOptions extends Range {
  /** From the last key to the first. Default: false. */
  readonly reverse?: boolean | undefined
  /** Return at most so many entries. Default: all. */
  readonly limit?: number | undefined
  /** Whether data blocks that are read stay in the block cache. Default: true. Without it a large scan evicts nothing. */
  readonly fillCache?: boolean | undefined
  /** Read at this snapshot instead of the newest state. */
  readonly snapshot?: Snapshot | undefined
  /** Abort the iteration: what waits, and every later step, rejects with VARVE_ABORTED. */
  readonly signal?: AbortSignal | undefined
}

export const RANGE_OPTION_NAMES: ReadonlySet<string> = new Set<string>([
  ...BOUND_NAMES,
  'reverse',
  'limit',
  'fillCache',
  'snapshot',
  'signal',
])

export interface SnapshotOptions {
  /** Where it was taken, or for what: `stats` names it so, should nobody close it. */
  readonly name?: string | undefined
}

/** What `stats` says of an open snapshot. */
export interface SnapshotStats {
  /** The newest write that it sees. */
  readonly sequence: number
  readonly name: string | undefined
  readonly ageMs: number
}

const SNAPSHOT_OPTION_NAMES: ReadonlySet<string> = new Set<keyof SnapshotOptions>(['name'])

interface SnapshotOrigin {
  readonly name: string | undefined
  /** On the clock of the Env. */
  readonly openedAtMs: number
}

/** @throws InvalidArgumentError */
export function originOf(options: SnapshotOptions = {}, clock: Clock): SnapshotOrigin {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`the options of a snapshot must be an object, not ${describe(options)}`)
  }
  checkNames(options, SNAPSHOT_OPTION_NAMES, 'a snapshot')
  const { name } = options
  if (name !== undefined && typeof name !== 'string') {
    throw new InvalidArgumentError(`the name of a snapshot must be a string, not ${describe(name)}`)
  }
  return { name, openedAtMs: clock.nowMs() }
}

/** So many of the open snapshots are named in `stats`. */
const OLDEST_SNAPSHOT_COUNT_MAX = 10

/** Of snapshots in the order in which they were made. */
export function oldestSnapshots(snapshots: Iterable<Snapshot>, nowMs: number): SnapshotStats[] {
  return [...snapshots].slice(0, OLDEST_SNAPSHOT_COUNT_MAX).map((snapshot) => snapshot.statsAt(nowMs))
}

/** The reads that a snapshot hands on to its store. */
export interface SnapshotReader {
  get(key: Bytes, options: { snapshot: Snapshot; signal?: AbortSignal }): Promise<Buffer | undefined>
  getSync(key: Bytes, options: { snapshot: Snapshot }): Buffer | undefined
  getMany(
    keys: readonly Bytes[],
    options: { snapshot: Snapshot; signal?: AbortSignal },
  ): Promise<(Buffer | undefined)[]>
  has(key: Bytes, options: { snapshot: Snapshot; signal?: AbortSignal }): Promise<boolean>
  iterator(range: RangeOptions): RangeIterator
  entries(range: RangeOptions): AsyncIterableIterator<[Buffer, Buffer]>
  keys(range: RangeOptions): AsyncIterableIterator<Buffer>
  values(range: RangeOptions): AsyncIterableIterator<Buffer>
}

/**
 * The store as it was when the snapshot was made, whatever is written since. While it is open, the versions that it sees
 * are kept on disk: close it. Its reads are the store's, with the same errors.
 */
export class Snapshot {
  /** The newest write that it sees. */
  readonly sequence: number
  /** What `stats` calls it. */
  readonly name: string | undefined
  /** On the clock of the Env. */
  readonly #openedAtMs: number
  readonly #reader: SnapshotReader
  readonly #onClose: (snapshot: Snapshot) => void
  #isClosed = false

  /** @internal Made by `store.snapshot`. */
  constructor(
    sequence: number,
    reader: SnapshotReader,
    onClose: (snapshot: Snapshot) => void,
    origin: SnapshotOrigin = { name: undefined, openedAtMs: 0 },
  ) {
    this.sequence = sequence
    this.name = origin.name
    this.#openedAtMs = origin.openedAtMs
    this.#reader = reader
    this.#onClose = onClose
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get(key: Bytes, options?: { signal?: AbortSignal }): Promise<Buffer | undefined> {
    return this.#reader.get(key, { ...options, snapshot: this })
  }

  getSync(key: Bytes): Buffer | undefined {
    return this.#reader.getSync(key, { snapshot: this })
  }

  getMany(keys: readonly Bytes[], options?: { signal?: AbortSignal }): Promise<(Buffer | undefined)[]> {
    return this.#reader.getMany(keys, { ...options, snapshot: this })
  }

  has(key: Bytes, options?: { signal?: AbortSignal }): Promise<boolean> {
    return this.#reader.has(key, { ...options, snapshot: this })
  }

  iterator(range?: RangeOptions): RangeIterator {
    return this.#reader.iterator({ ...range, snapshot: this })
  }

  entries(range?: RangeOptions): AsyncIterableIterator<[Buffer, Buffer]> {
    return this.#reader.entries({ ...range, snapshot: this })
  }

  keys(range?: RangeOptions): AsyncIterableIterator<Buffer> {
    return this.#reader.keys({ ...range, snapshot: this })
  }

  values(range?: RangeOptions): AsyncIterableIterator<Buffer> {
    return this.#reader.values({ ...range, snapshot: this })
  }

  /** @internal */
  statsAt(nowMs: number): SnapshotStats {
    return { sequence: this.sequence, name: this.name, ageMs: nowMs - this.#openedAtMs }
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#onClose(this)
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
