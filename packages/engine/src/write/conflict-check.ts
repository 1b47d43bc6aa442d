/**
 * Whether something that a conditional write depends on was changed since its snapshot: the keys that it writes, others
 * that it names, and ranges. A change is any version above the snapshot's sequence, tombstones and what is not visible yet
 * included; what failed is none.
 *
 * `holds` answers in the synchronous step in which it is called, for the newest issued write. It works in rounds:
 *
 * 1. Walk the entries that memtables got since the last round, for ranges. Entry i of a memtable has the sequence number
 *    `firstSequence + i`, so that only what is new is looked at, in slices, and no ordered index is needed. (Catching up
 *    the tree costs more for each new entry than comparing its key with the ranges.)
 * 2. Note the newest issued sequence number S, look the keys up in the memtables, and take the Version: what was issued
 *    up to S is in one or the other.
 * 3. Look keys and ranges up in those of its tables that reach beyond the floor, which is the snapshot's sequence first.
 * 4. Everything up to S is clear: S is the floor of the next round.
 *
 * A round that had to wait, for a block or a turn of the loop, is followed by another, which looks at newer tables alone.
 * The one that did not wait is the answer. Compactions keep what is needed as long as the snapshot's sequence is held.
 */
import {
  AT_END,
  FOUND,
  NEEDS_BLOCK,
  SEQUENCE_MAX,
  ConflictError,
  TableCursor,
  WalEntryReader,
  compareBytes,
  hashKey,
  type Clock,
  type ReadStatus,
} from '@varve/storage'
import type { TableCache } from '../cache/table-cache.ts'
import type { LoopGuard } from '../loop-guard.ts'
import type { Memtable } from '../memtable/memtable.ts'
import { ReadContext } from '../read/read-context.ts'
import type { OwnView } from '../read/store-view.ts'
import { VersionLookUp } from '../read/version-look-up.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { overlaps, type KeyRange, type Version } from '../version/version.ts'
import { KeyRangeSet } from './key-range-set.ts'
import type { PackedOperations } from './packed-operations.ts'
import type { Dependencies } from './write-options.ts'

/** A check holds the thread no longer than this at a time, but for the keys in the memtables. */
const SLICE_TIME_MS_MAX = 2
const STEPS_PER_CLOCK_READING = 64

type Need = 'block' | 'turn'
type Tables = Pick<Version, 'levels'>

export interface ConflictCheckSetup {
  readonly view: OwnView
  readonly tables: TableCache
  readonly guard: LoopGuard
  readonly clock: Clock
}

export class ConflictCheck {
  readonly #setup: ConflictCheckSetup
  readonly #context: ReadContext
  readonly #packed: readonly PackedOperations[]
  readonly #ranges: KeyRangeSet
  readonly #entries = new WalEntryReader()
  readonly #sinceSequence: number
  /** Memory that the check takes, with the operations that it is for. */
  readonly sizeBytes: number
  /** Nothing that matters was changed from the snapshot up to this sequence number. */
  #floor: number
  /** Up to here memtables have been walked for ranges. */
  #walkedThrough: number
  /** The round under way, what it waits for, and that wait. */
  #round: Generator<Need, void> | undefined
  #need: Need = 'turn'
  #loading: Promise<void> | undefined
  #deadlineMs = 0
  #stepCount = 0

  /** @param operations what is to be written, which must not change */
  constructor(setup: ConflictCheckSetup, sequence: number, operations: PackedOperations, dependencies: Dependencies) {
    const { keys, ranges } = dependencies
    this.#setup = setup
    this.#context = new ReadContext(setup.tables)
    this.#packed = [operations, keys].filter(({ count }) => count > 0)
    this.#ranges = new KeyRangeSet(ranges)
    this.#sinceSequence = sequence
    this.#floor = sequence
    this.#walkedThrough = sequence
    this.sizeBytes = ranges.reduce(
      (size, { lower, upper }) => size + (lower?.length ?? 0) + (upper?.length ?? 0),
      operations.sizeBytes + keys.sizeBytes,
    )
  }

  /**
   * Whether nothing has changed, up to the newest write that was issued. False: it is not known yet; `load`, then ask
   * again.
   * @throws ConflictError, or what reading tables throws
   */
  holds(): boolean {
    if (this.#loading !== undefined) {
      return false
    }
    for (;;) {
      const hasWaited = this.#round !== undefined
      this.#round ??= this.#check()
      this.#deadlineMs = this.#setup.clock.nowMs() + SLICE_TIME_MS_MAX
      const step = this.#round.next()
      if (step.done !== true) {
        this.#need = step.value
        return false
      }
      this.#round = undefined
      if (!hasWaited) {
        return true
      }
    }
  }

  /** Waits for what `holds` lacked. */
  load(): Promise<void> {
    this.#loading ??= this.#load()
    return this.#loading
  }

  /** Lets go of the Version that it reads, when it does not read any more. */
  async close(): Promise<void> {
    // A failure has been told to who waited for it.
    await this.#loading?.catch(() => undefined)
    this.#round?.return()
    this.#round = undefined
  }

  async #load(): Promise<void> {
    try {
      await (this.#need === 'block' ? this.#context.load() : this.#setup.guard.turn())
    } finally {
      this.#loading = undefined
    }
  }

  *#check(): Generator<Need, void> {
    const { view } = this.#setup
    yield* this.#walkMemtables()
    const { active } = view.memtables
    const issuedThrough = active.firstSequence + active.count - 1
    this.#checkKeysInMemtables()
    const version = view.retainVersion()
    try {
      const tables = this.#newerTables(version)
      if (tables !== undefined) {
        yield* this.#checkKeysInTables(tables)
        yield* this.#checkRangesInTables(tables)
      }
    } finally {
      this.#context.clear()
      view.releaseVersion(version)
    }
    this.#floor = issuedThrough
  }

  *#walkMemtables(): Generator<Need, void> {
    if (this.#ranges.isEmpty) {
      return
    }
    for (;;) {
      // Anew after each wait: memtables that have left are in tables, which are looked at afterwards.
      const memtable = this.#firstUnwalked()
      if (memtable === undefined) {
        return
      }
      const { firstSequence, issuedCount, arena } = memtable
      const first = Math.max(0, this.#walkedThrough + 1 - firstSequence)
      const end = Math.min(issuedCount, first + STEPS_PER_CLOCK_READING)
      for (let entry = first; entry < end; entry++) {
        const keyOffset = memtable.keyOffsetOf(entry)
        const keySize = memtable.keySizeOf(entry)
        if (this.#ranges.includes(arena.bytes, keyOffset, keySize)) {
          throw this.#conflict(arena.bytes, keyOffset, keySize)
        }
      }
      this.#walkedThrough = firstSequence + end - 1
      if (this.#setup.clock.nowMs() >= this.#deadlineMs) {
        yield 'turn'
      }
    }
  }

  #firstUnwalked(): Memtable | undefined {
    const { frozen, active } = this.#setup.view.memtables
    const isUnwalked = (memtable: Memtable): boolean => memtable.issuedThrough > this.#walkedThrough
    return frozen.find(isUnwalked) ?? (isUnwalked(active) ? active : undefined)
  }

  /** In one step: a batch's keys are looked up as fast as they are encoded. */
  #checkKeysInMemtables(): void {
    const { frozen, active, hashSeed } = this.#setup.view.memtables
    const newer = [active, ...frozen.toReversed()].filter((memtable) => memtable.issuedThrough > this.#floor)
    if (newer.length === 0) {
      return
    }
    const entries = this.#entries
    for (const { bytes } of this.#packed) {
      entries.reset(bytes, 0, bytes.length, 'a batch')
      while (entries.next()) {
        const { keyOffset, keySize } = entries
        const hash = hashKey(bytes, keyOffset, keySize, hashSeed)
        if (newer.some((memtable) => memtable.newestIssued(bytes, keyOffset, keySize, hash) > this.#floor)) {
          throw this.#conflict(bytes, keyOffset, keySize)
        }
      }
    }
  }

  /** Those that hold something above the floor; `undefined` if there is none. */
  #newerTables({ levels }: Version): Tables | undefined {
    const newer = levels.map((tables) => tables.filter(({ metadata }) => metadata.largestSequence > this.#floor))
    return newer.some((tables) => tables.length > 0) ? { levels: newer } : undefined
  }

  *#checkKeysInTables(tables: Tables): Generator<Need, void> {
    const lookUp = new VersionLookUp(this.#context)
    const entries = this.#entries
    for (const { bytes } of this.#packed) {
      entries.reset(bytes, 0, bytes.length, 'a batch')
      while (entries.next()) {
        const { keyOffset, keySize } = entries
        lookUp.start(tables, bytes.subarray(keyOffset, keyOffset + keySize), keySize, SEQUENCE_MAX)
        let status = lookUp.run()
        while (status === NEEDS_BLOCK) {
          yield 'block'
          status = lookUp.run()
        }
        // The first one found is the newest: what lies below is older.
        if (status === FOUND && lookUp.result.sequence > this.#floor) {
          throw this.#conflict(bytes, keyOffset, keySize)
        }
        if (this.#isOverdue()) {
          yield 'turn'
        }
      }
    }
  }

  *#checkRangesInTables({ levels }: Tables): Generator<Need, void> {
    for (const range of this.#ranges.ranges) {
      for (const table of levels.flat()) {
        if (overlaps(table, range)) {
          yield* this.#checkRangeInTable(range, table)
        }
        if (this.#isOverdue()) {
          yield 'turn'
        }
      }
    }
  }

  *#checkRangeInTable({ lower, upper }: KeyRange, table: TableHandle): Generator<Need, void> {
    let reader = this.#context.table(table)
    while (reader === undefined) {
      yield 'block'
      reader = this.#context.table(table)
    }
    const cursor = new TableCursor(reader, this.#context)
    let step = (): ReadStatus => (lower === undefined ? cursor.seekToFirst() : cursor.seek(lower, lower.length))
    for (;;) {
      this.#context.enter(table)
      const status = step()
      if (status === NEEDS_BLOCK) {
        yield 'block'
        continue
      }
      const { key, keySize } = cursor
      if (status === AT_END || (upper !== undefined && compareBytes(key, 0, keySize, upper, 0, upper.length) >= 0)) {
        return
      }
      if (cursor.sequence > this.#floor) {
        throw this.#conflict(key, 0, keySize)
      }
      step = (): ReadStatus => cursor.next()
      if (this.#isOverdue()) {
        yield 'turn'
      }
    }
  }

  #isOverdue(): boolean {
    this.#stepCount++
    return this.#stepCount % STEPS_PER_CLOCK_READING === 0 && this.#setup.clock.nowMs() >= this.#deadlineMs
  }

  #conflict(bytes: Uint8Array, keyOffset: number, keySize: number): ConflictError {
    return new ConflictError(
      `nothing was written: a key that the write depends on was changed since the snapshot at sequence ${this.#sinceSequence}; ` +
        'the error has it as key; read again at a new snapshot and try again',
      new Uint8Array(bytes.subarray(keyOffset, keyOffset + keySize)),
    )
  }
}
