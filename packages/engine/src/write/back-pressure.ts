/**
 * How fast writes may go while flushes or compactions are behind: slower before not at all. Owned by the main thread. It
 * only says how long to wait; the write path keeps the order and the promises.
 *
 * 1. There are three debts: frozen memtables, tables of level 0, bytes that compactions have to write. Each has a bound
 *    where writes slow down, and one where they stop. Between the two a debt has a strength from 0 to 1.
 * 2. The rate is what flushes, or compactions of level 0, have lately worked off, times (1 - strength) / strength: no
 *    limit at 0, exactly what is worked off in the middle, next to nothing at 1. The debt so finds the place between its
 *    bounds where as much comes as goes, even if the measured rate is wrong by ten times either way.
 * 3. Nothing is remembered but that measure. A rate that each stall lowers and each quiet moment raises a little, as
 *    engines have had it, ends up far too low after a day of small stalls.
 * 4. Waits are short, and judged anew whenever tables come or go: no write sleeps on when the debt is gone.
 * 5. Frozen memtables are few, so that their number is a coarse measure. With all of them frozen it is the active one
 *    that counts: writes slow down from the time on when it is half full.
 */
import type { Clock } from '@varve/storage'
import { pendingCompactionSizeBytes } from '../compaction/compaction-debt.ts'
import type { PickerOptions } from '../compaction/compaction-picker.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { TableHandle } from '../version/table-handle.ts'
import type { Version } from '../version/version.ts'
import { DrainRate } from './drain-rate.ts'
import type { StallCause } from './stall-log.ts'
import { WriteThrottle } from './write-throttle.ts'

/** Part of the active memtable that may fill at full speed while all others are frozen. */
const ACTIVE_FILL_SLOWDOWN = 0.5
/** Writes that are let go at all go at no less. */
const BYTES_PER_SECOND_MIN: number = 64 * 1024

export interface BackPressureOptions extends PickerOptions {
  readonly frozenMemtableCountMax: number
  readonly levelZeroTableCountSlowdown: number
  readonly levelZeroTableCountMax: number
  readonly pendingCompactionSizeBytesSlowdown: number
  readonly pendingCompactionSizeBytesMax: number
}

type ActiveMemtable = Pick<Memtable, 'usedOffset' | 'count' | 'arena'>
type FrozenMemtable = Pick<Memtable, 'committedOffset'>

/** What it looks at. */
export interface PressureSource {
  readonly memtables: { readonly active: ActiveMemtable; readonly frozen: readonly FrozenMemtable[] }
  readonly versions: { readonly current: Version }
  /** Whether a compaction runs, or waits to be tried again: only then does a debt of bytes get smaller. */
  isCompacting(): boolean
}

interface Pressure {
  readonly cause: StallCause
  readonly bytesPerSecond: number
}

export class BackPressure {
  readonly #clock: Clock
  readonly #options: BackPressureOptions
  readonly #source: PressureSource
  readonly #throttle: WriteThrottle
  readonly #flushes = new DrainRate()
  readonly #compactions = new DrainRate()
  // As of the last refresh.
  #frozen: readonly FrozenMemtable[] = []
  #version: Version | undefined
  #levelZero: readonly TableHandle[] = []
  #pendingSizeBytes = 0
  /** What the tables ask for, if anything. */
  #ofTables: Pressure | undefined
  #isOn = false
  #cause: StallCause = 'frozen-memtables'

  constructor(clock: Clock, options: BackPressureOptions, source: PressureSource) {
    this.#clock = clock
    this.#options = options
    this.#source = source
    this.#throttle = new WriteThrottle(clock)
  }

  /** Whether writes may have to wait, as of the last refresh. */
  get isOn(): boolean {
    return this.#isOn
  }

  /** Why the last write was delayed. */
  get cause(): StallCause {
    return this.#cause
  }

  /** An estimate of what compactions have to write until no level is due. */
  get pendingSizeBytes(): number {
    return this.#pendingSizeBytes
  }

  /** Memtables were frozen or flushed, or tables have come or gone. */
  refresh(): void {
    const nowMs = this.#clock.nowMs()
    this.#observeFlushes(nowMs)
    if (this.#source.versions.current !== this.#version) {
      this.#observeTables(nowMs, this.#source.versions.current)
    }
    this.#ofTables = this.#pressureOfTables()
    this.#isOn = this.#ofTables !== undefined || this.#isFull
    if (!this.#isOn) {
      this.#throttle.reset()
    }
  }

  /** How long the next write has to wait, in milliseconds; 0: it may go. */
  delayMs(): number {
    if (!this.#isOn) {
      return 0
    }
    const pressure = slower(this.#ofTables, this.#pressureOfMemtables())
    if (pressure === undefined) {
      this.#throttle.reset()
      return 0
    }
    this.#cause = pressure.cause
    return this.#throttle.delayMs(pressure.bytesPerSecond)
  }

  /** A write of this size goes. */
  spend(sizeBytes: number): void {
    if (this.#isOn) {
      this.#throttle.spend(sizeBytes)
    }
  }

  /** Why no memtable may be frozen now, or `undefined`. */
  stopCause(): StallCause | undefined {
    if (this.#isFull) {
      return 'frozen-memtables'
    }
    if (this.#source.versions.current.levelZeroRunCount >= this.#options.levelZeroTableCountMax) {
      return 'level-zero-tables'
    }
    // An estimate must never stop writes for good.
    const isOver = this.#pendingSizeBytes >= this.#options.pendingCompactionSizeBytesMax
    return isOver && this.#source.isCompacting() ? 'pending-compaction' : undefined
  }

  get #isFull(): boolean {
    return this.#source.memtables.frozen.length >= this.#options.frozenMemtableCountMax
  }

  #observeFlushes(nowMs: number): void {
    const { frozen } = this.#source.memtables
    const gone = this.#frozen.filter((memtable) => !frozen.includes(memtable))
    const sizeBytes = gone.reduce((sum, { committedOffset }) => sum + committedOffset, 0)
    this.#flushes.observe(nowMs, sizeBytes, frozen.length > 0)
    this.#frozen = [...frozen]
  }

  #observeTables(nowMs: number, version: Version): void {
    const levelZero = version.tablesOf(0)
    const staying = new Set(levelZero)
    const gone = this.#levelZero.filter((table) => !staying.has(table))
    const sizeBytes = gone.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0)
    this.#compactions.observe(nowMs, sizeBytes, version.levelZeroRunCount >= this.#options.levelZeroTableCountTrigger)
    this.#version = version
    this.#levelZero = levelZero
    this.#pendingSizeBytes = pendingCompactionSizeBytes(version, this.#options)
  }

  #pressureOfTables(): Pressure | undefined {
    const { bytesPerSecond } = this.#compactions
    const { levelZeroTableCountSlowdown, levelZeroTableCountMax } = this.#options
    const { pendingCompactionSizeBytesSlowdown, pendingCompactionSizeBytesMax } = this.#options
    const count = this.#version?.levelZeroRunCount ?? 0
    return slower(
      pressureOf('level-zero-tables', count, levelZeroTableCountSlowdown, levelZeroTableCountMax, bytesPerSecond),
      pressureOf(
        'pending-compaction',
        this.#pendingSizeBytes,
        pendingCompactionSizeBytesSlowdown,
        pendingCompactionSizeBytesMax,
        bytesPerSecond,
      ),
    )
  }

  #pressureOfMemtables(): Pressure | undefined {
    if (!this.#isFull) {
      return undefined
    }
    const { usedOffset, count, arena } = this.#source.memtables.active
    const fill = Math.max(usedOffset / arena.sizeBytes, count / arena.entryCountMax)
    return pressureOf('frozen-memtables', fill, ACTIVE_FILL_SLOWDOWN, 1, this.#flushes.bytesPerSecond)
  }
}

function pressureOf(
  cause: StallCause,
  debt: number,
  slowdown: number,
  max: number,
  drainBytesPerSecond: number,
): Pressure | undefined {
  if (debt <= slowdown) {
    return undefined
  }
  const strength = Math.min((debt - slowdown) / (max - slowdown), 1)
  return { cause, bytesPerSecond: Math.max((drainBytesPerSecond * (1 - strength)) / strength, BYTES_PER_SECOND_MIN) }
}

function slower(a: Pressure | undefined, b: Pressure | undefined): Pressure | undefined {
  if (a === undefined || b === undefined) {
    return a ?? b
  }
  return a.bytesPerSecond <= b.bytesPerSecond ? a : b
}
