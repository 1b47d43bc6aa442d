/**
 * The synchronous core of a range iterator: steps to the next live entry of a range, on the view as it is at the time.
 *
 * Between steps that are made together it holds nothing but the place where to go on, so that it pins neither memtables
 * nor tables. When tables have come or gone, it makes new cursors and seeks to that place: same sequence, same entries.
 */
import {
  AT_END,
  AT_ENTRY,
  KIND_PUT,
  LEVEL_COUNT,
  NEEDS_BLOCK,
  compareBytes,
  type Env,
  type ReadStatus,
} from '@varve/storage'
import type { TableCache } from '../cache/table-cache.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { keyAfter, type KeyRange, type Version } from '../version/version.ts'
import type { EntryCursor } from './entry-cursor.ts'
import { MemtableCursor } from './memtable-cursor.ts'
import { MergingCursor } from './merging-cursor.ts'
import { ReadContext, type ScanReading } from './read-context.ts'
import { RunCursor } from './run-cursor.ts'
import type { StoreView } from './store-view.ts'

export type { ScanReading }

/** What a step comes to, besides the statuses of a read: the loop should turn before it goes on. */
export const NEEDS_TURN = 3
export type ScanStatus = ReadStatus | typeof NEEDS_TURN

/** A scan holds the thread no longer than this at a time. */
const STEP_TIME_MS_MAX = 2
const ENTRIES_PER_CLOCK_READING = 32
/** So many tombstones passed over, and at most a quarter as many puts, make a place where scans are slow. */
const TOMBSTONES_PER_REPORT = 4096
const TOMBSTONES_PER_PUT_MIN = 4

export class RangeScan {
  readonly #env: Env
  readonly #view: StoreView
  readonly #context: ReadContext
  readonly #range: KeyRange
  readonly #sequence: number
  readonly #isReverse: boolean
  #cursor: EntryCursor | undefined
  /** The cursor, where there are several sources. */
  #merging: MergingCursor | undefined
  #needsResume = false
  #version: Version | undefined
  #epoch = -1
  /** Where to go on: forward at this key, in reverse before it. Without one, at the beginning. */
  #from: Uint8Array | undefined
  #fromSize = 0
  #hasEnded = false
  #deadlineMs = 0
  #entryCount = 0
  /** Passed over since the view was told; and, as the puts, since it was told of a place. */
  #untoldCount = 0
  #tombstoneCount = 0
  #putCount = 0

  constructor(env: Env, view: StoreView, tables: TableCache, range: KeyRange, sequence: number, reading: ScanReading) {
    this.#env = env
    this.#view = view
    this.#context = new ReadContext(tables, reading)
    this.#range = range
    this.#sequence = sequence
    this.#isReverse = reading.isReverse
    this.#setFrom(reading.isReverse ? range.upper : range.lower)
  }

  /** The entry stepped to. */
  get entry(): EntryCursor {
    return this.#merging === undefined ? (this.#cursor as EntryCursor) : this.#merging.current
  }

  /** To the first entry at or after `key` in the direction of the scan; a key outside of the range ends it. */
  seek(key: Uint8Array): void {
    this.#cursor = undefined
    this.#hasEnded = this.#isOutside(key, 0, key.length)
    this.#setFrom(this.#isReverse ? keyAfter(key) : key)
  }

  /** Gives the steps that follow, up to the next wait, their time. */
  begin(): void {
    this.#deadlineMs = this.#env.clock.nowMs() + STEP_TIME_MS_MAX
  }

  /** To the next live entry; `load` or a turn of the loop first where the status says so, then again. */
  step(): ScanStatus {
    if (this.#hasEnded) {
      return AT_END
    }
    if (this.#isOverdue()) {
      return NEEDS_TURN
    }
    let status = this.#isCurrent() ? this.#moveOn() : this.#enter()
    while (status === AT_ENTRY) {
      const entry = this.entry
      if (this.#isBeyond(entry)) {
        status = AT_END
        break
      }
      this.#remember(entry)
      if (entry.kind === KIND_PUT) {
        this.#putCount++
        return AT_ENTRY
      }
      this.#passTombstone(entry)
      if (this.#isOverdue()) {
        return NEEDS_TURN
      }
      status = (this.#cursor as EntryCursor).advance()
    }
    this.#needsResume = status === NEEDS_BLOCK
    this.#hasEnded = status === AT_END
    return status
  }

  /** Loads what the last step lacked. */
  async load(): Promise<void> {
    await this.#context.load()
  }

  /** Lets go of cursors on a view that is no more. */
  forgetView(): void {
    this.#cursor = undefined
    this.#context.forgetReadAhead()
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Lets go of the Version until the next step. */
  release(): void {
    if (this.#version !== undefined) {
      this.#view.releaseVersion(this.#version)
      this.#version = undefined
    }
    this.#tellTombstones(undefined)
    this.#context.clear()
    if (!this.#context.rest()) {
      this.#cursor = undefined
    }
  }

  #isCurrent(): boolean {
    return this.#cursor !== undefined && this.#epoch === this.#view.epoch
  }

  #moveOn(): ReadStatus {
    // Within steps made together the Version is held; between them it is only still the same.
    this.#version ??= this.#view.retainVersion()
    const needsResume = this.#needsResume
    this.#needsResume = false
    const cursor = this.#cursor as EntryCursor
    return needsResume ? cursor.resume() : cursor.advance()
  }

  /** New cursors on the view as it is now, at the place where to go on. */
  #enter(): ScanStatus {
    this.release()
    this.#cursor = undefined
    this.#needsResume = false
    this.#epoch = this.#view.epoch
    const version = this.#view.retainVersion()
    this.#version = version
    const { active, frozen } = this.#view.memtables
    const cursors: EntryCursor[] = []
    let memtable = active
    for (let i = frozen.length - 1; ; i--) {
      const count = memtable.visibleCount(this.#sequence)
      if (count > 0) {
        if (!memtable.ordered.catchUp(count, () => this.#env.clock.nowMs(), this.#deadlineMs)) {
          return NEEDS_TURN
        }
        cursors.push(new MemtableCursor(memtable, this.#sequence, this.#isReverse))
      }
      if (i < 0) {
        break
      }
      memtable = frozen[i] as Memtable
    }
    this.#addRuns(cursors, version)
    const [only] = cursors
    this.#merging = only !== undefined && cursors.length === 1 ? undefined : new MergingCursor(cursors, this.#isReverse)
    const cursor = this.#merging ?? (only as EntryCursor)
    this.#cursor = cursor
    return this.#from === undefined ? cursor.start() : cursor.seek(this.#from, this.#fromSize)
  }

  /** Cursors on the runs that may hold keys of the range, newest first. */
  #addRuns(cursors: EntryCursor[], version: Version): void {
    for (let level = 0; level < LEVEL_COUNT; level++) {
      const tables = version.overlapping(level, this.#range)
      for (let first = 0; first < tables.length;) {
        const end = level === 0 ? runEnd(tables, first) : tables.length
        const run = first === 0 && end === tables.length ? tables : tables.slice(first, end)
        cursors.push(new RunCursor(run, this.#context, this.#sequence, this.#isReverse))
        first = end
      }
    }
  }

  #passTombstone({ keyBytes, keyOffset, keySize }: EntryCursor): void {
    this.#untoldCount++
    if (++this.#tombstoneCount < TOMBSTONES_PER_REPORT) {
      return
    }
    const isSlow = this.#putCount * TOMBSTONES_PER_PUT_MIN <= this.#tombstoneCount
    this.#tombstoneCount = 0
    this.#putCount = 0
    if (isSlow) {
      this.#tellTombstones(new Uint8Array(keyBytes.subarray(keyOffset, keyOffset + keySize)))
    }
  }

  #tellTombstones(key: Uint8Array | undefined): void {
    if (this.#untoldCount > 0) {
      this.#view.tombstones.passed(this.#untoldCount, key)
      this.#untoldCount = 0
    }
  }

  /** The scan goes on behind this entry, whatever happens before its next step. */
  #remember(entry: EntryCursor): void {
    const { keyBytes, keyOffset, keySize } = entry
    // Forward, the place behind a key is that key with a zero byte.
    const size = this.#isReverse ? keySize : keySize + 1
    if (this.#from === undefined || this.#from.length < size) {
      this.#from = new Uint8Array(size * 2)
    }
    const from = this.#from
    for (let i = 0; i < keySize; i++) {
      from[i] = keyBytes[keyOffset + i] as number
    }
    if (!this.#isReverse) {
      from[keySize] = 0
    }
    this.#fromSize = size
  }

  #setFrom(key: Uint8Array | undefined): void {
    // A copy: the scan writes into it as it goes on. (`slice` of a Buffer would be a view.)
    this.#from = key === undefined ? undefined : new Uint8Array(key)
    this.#fromSize = key?.length ?? 0
  }

  #isOutside(key: Uint8Array, offset: number, size: number): boolean {
    const { lower, upper } = this.#range
    return (
      (lower !== undefined && compareBytes(key, offset, size, lower, 0, lower.length) < 0) ||
      (upper !== undefined && compareBytes(key, offset, size, upper, 0, upper.length) >= 0)
    )
  }

  /** Whether an entry lies beyond the bound that the scan moves to; it never lies before the one that it comes from. */
  #isBeyond(entry: EntryCursor): boolean {
    const bound = this.#isReverse ? this.#range.lower : this.#range.upper
    if (bound === undefined) {
      return false
    }
    const difference = compareBytes(entry.keyBytes, entry.keyOffset, entry.keySize, bound, 0, bound.length)
    return this.#isReverse ? difference < 0 : difference >= 0
  }

  #isOverdue(): boolean {
    this.#entryCount++
    return this.#entryCount % ENTRIES_PER_CLOCK_READING === 0 && this.#env.clock.nowMs() >= this.#deadlineMs
  }
}

/** Behind the last table of the run of level 0 that begins at `first`. */
function runEnd(tables: readonly TableHandle[], first: number): number {
  const run = tables[first]?.run
  let end = first + 1
  while (end < tables.length && tables[end]?.run === run) {
    end++
  }
  return end
}
