import { expect, test } from 'vitest'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { versionOf, type ClaimedTable } from '../test-support/tables.ts'
import type { Version } from '../version/version.ts'
import { BackPressure, type BackPressureOptions, type PressureSource } from './back-pressure.ts'

const MIB = 1024 * 1024
const ARENA_SIZE_BYTES = 16 * MIB

const OPTIONS: BackPressureOptions = {
  frozenMemtableCountMax: 2,
  levelZeroTableCountTrigger: 4,
  levelZeroTableCountSlowdown: 12,
  levelZeroTableCountMax: 24,
  pendingCompactionSizeBytesSlowdown: 1024 * MIB,
  pendingCompactionSizeBytesMax: 4096 * MIB,
  levelOneSizeBytes: 64 * MIB,
  levelSizeRatio: 10,
  compression: ['none'] as const,
  tableSizeBytes: 32 * MIB,
  compactionStrategy: 'leveled',
}

interface Load {
  /** What writers would write if nobody held them, what flushes and compactions of level 0 take, in bytes a ms. */
  offered: number
  flushed: number
  compacted: number
}

/** A store without data: memtables that fill, flushes, and compactions that take all of level 0 at once. */
class Model implements PressureSource {
  readonly env = new MemoryEnv()
  readonly pressure: BackPressure
  readonly active = { usedOffset: 0, count: 0, arena: { sizeBytes: ARENA_SIZE_BYTES, entryCountMax: 1e9 } as never }
  readonly #frozen: { committedOffset: number }[] = []
  readonly memtables = { active: this.active, frozen: this.#frozen }
  readonly versions: { current: Version } = { current: versionOf({}) }
  writtenSizeBytes = 0
  stoppedMs = 0
  longestDelayMs = 0
  #levelZeroCount = 0
  #flushedSizeBytes = 0
  #compaction = { tableCount: 0, leftSizeBytes: 0 }

  constructor(options: Partial<BackPressureOptions> = {}) {
    this.pressure = new BackPressure(this.env.clock, { ...OPTIONS, ...options }, this)
  }

  isCompacting(): boolean {
    return this.#compaction.tableCount > 0
  }

  get levelZeroCount(): number {
    return this.#levelZeroCount
  }

  /** Runs for so long in steps of a millisecond; returns the bytes that were written. */
  run(durationMs: number, load: Load): number {
    const before = this.writtenSizeBytes
    for (let ms = 0; ms < durationMs; ms++) {
      this.#write(load.offered)
      this.#flush(load.flushed)
      this.#compact(load.compacted)
      this.env.timeMs++
    }
    return this.writtenSizeBytes - before
  }

  #write(offeredSizeBytes: number): void {
    const writeSizeBytes = 4096
    for (let sizeBytes = 0; sizeBytes < offeredSizeBytes; sizeBytes += writeSizeBytes) {
      const delayMs = this.pressure.delayMs()
      this.longestDelayMs = Math.max(this.longestDelayMs, delayMs)
      if (delayMs > 0) {
        return
      }
      if (this.active.usedOffset + writeSizeBytes > ARENA_SIZE_BYTES) {
        if (this.pressure.stopCause() !== undefined) {
          this.stoppedMs++
          return
        }
        this.#frozen.push({ committedOffset: this.active.usedOffset })
        this.active.usedOffset = 0
        this.pressure.refresh()
      }
      this.active.usedOffset += writeSizeBytes
      this.writtenSizeBytes += writeSizeBytes
      this.pressure.spend(writeSizeBytes)
    }
  }

  #flush(sizeBytes: number): void {
    const [oldest] = this.#frozen
    if (oldest !== undefined) {
      this.#flushedSizeBytes += sizeBytes
      if (this.#flushedSizeBytes >= oldest.committedOffset) {
        this.#flushedSizeBytes = 0
        this.#frozen.shift()
        this.#levelZeroCount++
        this.#install()
      }
    }
  }

  #compact(sizeBytes: number): void {
    const compaction = this.#compaction
    if (compaction.tableCount === 0 && this.#levelZeroCount >= OPTIONS.levelZeroTableCountTrigger) {
      compaction.tableCount = this.#levelZeroCount
      compaction.leftSizeBytes = this.#levelZeroCount * ARENA_SIZE_BYTES
    }
    compaction.leftSizeBytes -= sizeBytes
    if (compaction.tableCount > 0 && compaction.leftSizeBytes <= 0) {
      this.#levelZeroCount -= compaction.tableCount
      compaction.tableCount = 0
      this.#install()
    }
  }

  #nextNumber = 1
  #tables: { number: number; sizeBytes: number; sequences: readonly [number, number] }[] = []

  #install(): void {
    while (this.#tables.length > this.#levelZeroCount) {
      this.#tables.shift()
    }
    while (this.#tables.length < this.#levelZeroCount) {
      const number = this.#nextNumber++
      this.#tables.push({ number, sizeBytes: ARENA_SIZE_BYTES, sequences: [number, number] })
    }
    const { levels } = this.versions.current
    const known = new Map((levels[0] ?? []).map((table) => [Number(table.metadata.number), table]))
    const next = versionOf({ 0: this.#tables })
    // Tables that stay keep their handles.
    const kept = next.tablesOf(0).map((table) => known.get(table.metadata.number) ?? table)
    this.versions.current = Object.assign(next, { levels: [kept, ...next.levels.slice(1)] })
    this.pressure.refresh()
  }
}

const mibPerSecond = (mib: number): number => (mib * MIB) / 1000

test('without debt nothing is slowed down, nor is a burst that fits into the memtables', () => {
  const model = new Model()
  const offered = mibPerSecond(400)
  const written = model.run(100, { offered, flushed: mibPerSecond(50), compacted: mibPerSecond(50) })
  expect(model.longestDelayMs).toBe(0)
  expect(written / 100).toBeGreaterThanOrEqual(offered)
})

test.each([
  { what: 'compactions', compacted: 60, flushed: 200, seconds: 60 },
  { what: 'slow compactions', compacted: 8, flushed: 200, seconds: 300 },
  { what: 'flushes', compacted: 400, flushed: 40, seconds: 60 },
  { what: 'both', compacted: 30, flushed: 30, seconds: 60 },
])(
  'what $what work off is what goes, without a stop, with the debt in its bound',
  ({ compacted, flushed, seconds }) => {
    const model = new Model()
    const load = { offered: mibPerSecond(300), flushed: mibPerSecond(flushed), compacted: mibPerSecond(compacted) }
    model.run(30_000, load)
    const before = model.stoppedMs
    let levelZeroCountMax = 0
    let written = 0
    for (let second = 0; second < seconds; second++) {
      written += model.run(1000, load)
      levelZeroCountMax = Math.max(levelZeroCountMax, model.levelZeroCount)
    }
    const sustainable = Math.min(compacted, flushed)
    expect(written / MIB / seconds / sustainable).toBeGreaterThan(0.9)
    expect(written / MIB / seconds / sustainable).toBeLessThan(1.15)
    expect(levelZeroCountMax).toBeLessThan(OPTIONS.levelZeroTableCountMax + 1)
    expect((model.stoppedMs - before) / (1000 * seconds), 'part of the time in which writes stop').toBeLessThan(0.02)
    expect(model.longestDelayMs).toBeLessThan(1000)
  },
)

test('a thousand small stalls do not lower the rate of the next one', () => {
  const model = new Model()
  const busy = { offered: mibPerSecond(300), flushed: mibPerSecond(200), compacted: mibPerSecond(60) }
  const quiet = { ...busy, offered: 0 }
  const rates: number[] = []
  for (let day = 0; day < 60; day++) {
    model.run(3000, busy)
    rates.push(model.run(2000, busy) / 2000)
    model.run(10_000, quiet)
  }
  const early = rates.slice(0, 20).reduce((sum, rate) => sum + rate, 0)
  const late = rates.slice(-20).reduce((sum, rate) => sum + rate, 0)
  expect(late / early).toBeGreaterThan(0.9)
})

test('when the debt is gone the next write goes at once, whatever was owed', () => {
  const model = new Model()
  const load = { offered: mibPerSecond(300), flushed: mibPerSecond(200), compacted: 0 }
  model.run(20_000, load)
  expect(model.pressure.isOn).toBe(true)
  model.pressure.spend(1024 * MIB)
  expect(model.pressure.delayMs()).toBeGreaterThan(0)
  model.run(3, { ...load, offered: 0, compacted: 1e12 })
  expect([model.pressure.isOn, model.pressure.delayMs()]).toEqual([false, 0])
})

test('the causes, and where each begins and stops', () => {
  const model = new Model()
  const { pressure } = model
  const levelZero = (count: number, sizeBytes = 1): Version => {
    const tableOf = (number: number): object => ({ number, sizeBytes, sequences: [number, number] })
    return versionOf({ 0: Array.from({ length: count }, (_, i) => tableOf(1 + i) as ClaimedTable) })
  }
  const look = (version: Version): [boolean, string | undefined] => {
    model.versions.current = version
    pressure.refresh()
    pressure.delayMs()
    return [pressure.isOn, pressure.isOn ? pressure.cause : pressure.stopCause()]
  }
  expect(look(levelZero(12))).toEqual([false, undefined])
  expect(look(levelZero(13))).toEqual([true, 'level-zero-tables'])
  expect(pressure.stopCause()).toBeUndefined()
  look(levelZero(24))
  expect(pressure.stopCause()).toBe('level-zero-tables')
  const owing = (sizeBytes: number): Version => levelZero(4, sizeBytes / 4)
  expect(look(owing(1024 * MIB))).toEqual([false, undefined])
  expect(look(owing(1025 * MIB))).toEqual([true, 'pending-compaction'])
  look(owing(4096 * MIB))
  expect(pressure.stopCause(), 'nothing works on it: an estimate alone stops nothing').toBeUndefined()
  model.isCompacting = () => true
  expect(pressure.stopCause()).toBe('pending-compaction')
  expect(pressure.pendingSizeBytes).toBe(4096 * MIB)
})

test('with all memtables frozen writes slow down as the active one fills', () => {
  const model = new Model()
  const { pressure, memtables, active } = model
  memtables.frozen.push({ committedOffset: 1 }, { committedOffset: 1 })
  pressure.refresh()
  expect([pressure.isOn, pressure.stopCause()]).toEqual([true, 'frozen-memtables'])
  const delayAt = (fill: number): number => {
    active.usedOffset = fill * ARENA_SIZE_BYTES
    pressure.refresh()
    pressure.delayMs()
    pressure.spend(10 * MIB)
    return pressure.delayMs()
  }
  const delays = [0.3, 0.5, 0.6, 0.75, 0.9, 1].map(delayAt)
  expect(delays.slice(0, 2)).toEqual([0, 0])
  expect(delays.slice(2)).toEqual(delays.slice(2).toSorted((a, b) => a - b))
  expect(delays[3], 'half-way: what is flushed').toBeGreaterThan(250)
})
