/**
 * Point reads: memtables newest first, then the tables. All of it on one view, taken synchronously in the call. What is
 * in memory is answered at once; only a read that needs the disk waits, and holds its Version meanwhile.
 */
import { FOUND, KEY_SIZE_BYTES_MAX, KIND_PUT, NEEDS_BLOCK, allDone, hashKey, type ReadStatus } from '@varve/storage'
import { keySizeOf, putBytes, type Bytes } from '../bytes.ts'
import type { TableCache } from '../cache/table-cache.ts'
import { NO_ENTRY } from '../memtable/hash-index.ts'
import type { ReadableMemtable } from '../memtable/readable-memtable.ts'
import { throwIfAborted } from './abort.ts'
import type { LoopGuard } from '../loop-guard.ts'
import { ReadContext } from './read-context.ts'
import type { StoreView } from './store-view.ts'
import type { ValueTaker } from './taker.ts'
import { VersionLookUp } from './version-look-up.ts'

/** Look-ups of one `getMany` that wait for the disk at once. */
const CONCURRENT_LOADS_MAX = 32
const KEYS_PER_CLOCK_READING = 64
/** Of what waiting reads need, so many are kept for the next ones, with room for keys of this size. */
const SPARE_COUNT_MAX = 128
const POOLED_KEY_SIZE_BYTES_MAX = 128

/** What a read that waits for the disk has for itself. */
interface WaitingRead {
  readonly context: ReadContext
  readonly lookUp: VersionLookUp
  readonly key: Uint8Array
}

export class PointReader {
  readonly #view: StoreView
  readonly #tables: TableCache
  readonly #guard: LoopGuard
  readonly #context: ReadContext
  readonly #lookUp: VersionLookUp
  /** The key being looked up. */
  readonly #key: Buffer = Buffer.allocUnsafeSlow(KEY_SIZE_BYTES_MAX)
  #keySize = 0
  /** Reads that wait for the disk; closing waits for them. */
  #waitingCount = 0
  #whenIdle: (() => void)[] = []
  /** Used again: making one takes longer than a look-up. */
  readonly #spare: WaitingRead[] = []

  constructor(view: StoreView, tables: TableCache, guard: LoopGuard) {
    this.#view = view
    this.#tables = tables
    this.#guard = guard
    this.#context = new ReadContext(tables)
    this.#lookUp = new VersionLookUp(this.#context)
  }

  /** @param sequence read at this sequence; `undefined` is the newest visible one */
  getSync<T>(key: Bytes, sequence: number | undefined, take: ValueTaker<T>): T | undefined {
    return this.#getNow(key, sequence, take, true) as T | undefined
  }

  /** What is in memory without a promise, as long as the loop has turned lately. */
  get<T>(
    key: Bytes,
    sequence: number | undefined,
    take: ValueTaker<T>,
    signal: AbortSignal | undefined,
  ): T | undefined | Promise<T | undefined> {
    const now = this.#getNow(key, sequence, take, false)
    if (now === NOT_IN_MEMORY) {
      return this.#getWaiting(sequence, take, signal)
    }
    return this.#guard.isStarving() ? this.#guard.turn().then(() => now) : now
  }

  /** @param sequence held by the caller: the loop may turn in between */
  async getMany<T>(
    keys: readonly Bytes[],
    sequence: number,
    take: ValueTaker<T>,
    signal: AbortSignal | undefined,
  ): Promise<(T | undefined)[]> {
    const values: (T | undefined)[] = Array.from({ length: keys.length })
    const waiting: Promise<void>[] = []
    for (let index = 0; index < keys.length; index++) {
      const now = this.#getNow(keys[index] as Bytes, sequence, take, false)
      if (now === NOT_IN_MEMORY) {
        const read = this.#getWaiting(sequence, take, signal).then((value) => {
          values[index] = value
        })
        // It may fail while others are waited for; `allDone` tells.
        read.catch(() => undefined)
        waiting.push(read)
      } else {
        values[index] = now
      }
      if (waiting.length === CONCURRENT_LOADS_MAX) {
        await allDone(waiting.splice(0))
      } else if (index % KEYS_PER_CLOCK_READING === KEYS_PER_CLOCK_READING - 1 && this.#guard.isStarvingNow()) {
        await this.#guard.turn()
      }
    }
    await allDone(waiting)
    return this.#guard.isStarvingNow() ? await this.#guard.turn().then(() => values) : values
  }

  /** Resolves when no read waits for the disk. */
  async whenIdle(): Promise<void> {
    if (this.#waitingCount > 0) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    }
  }

  /** What is known without waiting; with `mayBlock`, all of it. */
  #getNow<T>(
    key: Bytes,
    sequence: number | undefined,
    take: ValueTaker<T>,
    mayBlock: boolean,
  ): T | undefined | typeof NOT_IN_MEMORY {
    this.#copyKey(key)
    const at = sequence ?? this.#view.visibleSequence
    const inMemory = this.#findInMemtables(at, take)
    if (inMemory !== NOT_IN_MEMTABLES) {
      return inMemory
    }
    this.#lookUp.start(this.#view.version, this.#key, this.#keySize, at)
    let status = this.#lookUp.run()
    if (status === NEEDS_BLOCK) {
      if (!mayBlock) {
        return NOT_IN_MEMORY
      }
      status = this.#loadSync()
    }
    return valueOf(status, this.#lookUp, take)
  }

  /** Goes on with the look-up under way, which lacks a block. */
  #loadSync(): ReadStatus {
    try {
      let status: ReadStatus = NEEDS_BLOCK
      while (status === NEEDS_BLOCK) {
        this.#context.loadSync()
        status = this.#lookUp.run()
      }
      return status
    } finally {
      this.#context.clear()
    }
  }

  /** Looks the key just taken up on the view as it is now, which it holds while it waits for the disk. */
  async #getWaiting<T>(
    sequence: number | undefined,
    take: ValueTaker<T>,
    signal: AbortSignal | undefined,
  ): Promise<T | undefined> {
    const waiting = this.#takeWaiting()
    const { context, lookUp } = waiting
    const version = this.#view.retainVersion()
    this.#waitingCount++
    try {
      lookUp.start(version, waiting.key, this.#keySize, sequence ?? this.#view.visibleSequence)
      for (let status = lookUp.run(); ; status = lookUp.run()) {
        if (status !== NEEDS_BLOCK) {
          return valueOf(status, lookUp, take)
        }
        await context.load()
        throwIfAborted(signal)
      }
    } finally {
      this.#waitingCount--
      this.#view.releaseVersion(version)
      this.#giveBack(waiting)
      if (this.#waitingCount === 0) {
        for (const resolve of this.#whenIdle.splice(0)) {
          resolve()
        }
      }
    }
  }

  /** What a read needs while it waits, with the key just taken. */
  #takeWaiting(): WaitingRead {
    const size = this.#keySize
    const waiting = size > POOLED_KEY_SIZE_BYTES_MAX ? undefined : this.#spare.pop()
    if (waiting === undefined) {
      const context = new ReadContext(this.#tables)
      const key = new Uint8Array(Math.max(size, POOLED_KEY_SIZE_BYTES_MAX))
      key.set(this.#key.subarray(0, size))
      return { context, lookUp: new VersionLookUp(context), key }
    }
    for (let i = 0; i < size; i++) {
      waiting.key[i] = this.#key[i] as number
    }
    return waiting
  }

  #giveBack(waiting: WaitingRead): void {
    waiting.context.clear()
    if (waiting.key.length === POOLED_KEY_SIZE_BYTES_MAX && this.#spare.length < SPARE_COUNT_MAX) {
      this.#spare.push(waiting)
    }
  }

  #copyKey(key: Bytes): void {
    this.#keySize = keySizeOf(key)
    putBytes(this.#key, 0, key, this.#keySize)
  }

  #findInMemtables<T>(sequence: number, take: ValueTaker<T>): T | undefined | typeof NOT_IN_MEMTABLES {
    const { active, frozen, hashSeed } = this.#view.memtables
    // Of a settled store no memtable has an entry: the hash is spared too.
    let hash = -1
    let memtable: ReadableMemtable = active
    for (let i = frozen.length - 1; ; i--) {
      let entry = NO_ENTRY
      if (memtable.visibleCount(sequence) > 0) {
        hash = hash < 0 ? hashKey(this.#key, 0, this.#keySize, hashSeed) : hash
        entry = memtable.find(this.#key, this.#keySize, hash, sequence)
      }
      if (entry !== NO_ENTRY) {
        return memtable.kindOf(entry) === KIND_PUT
          ? take(memtable.bytes, memtable.keyOffsetOf(entry) + this.#keySize, memtable.valueSizeOf(entry))
          : undefined
      }
      if (i < 0) {
        return NOT_IN_MEMTABLES
      }
      memtable = frozen[i] as ReadableMemtable
    }
  }
}

const NOT_IN_MEMTABLES: unique symbol = Symbol('not in memtables')
const NOT_IN_MEMORY: unique symbol = Symbol('not in memory')

function valueOf<T>(status: ReadStatus, { result }: VersionLookUp, take: ValueTaker<T>): T | undefined {
  return status === FOUND && result.kind === KIND_PUT
    ? take(result.bytes, result.valueOffset, result.valueSize)
    : undefined
}
