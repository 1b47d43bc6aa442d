/**
 * Leveled compaction, after LevelDB, RocksDB and Pebble. Pure.
 *
 * - Level 0 is due at a number of runs. Those of its tables go that overlap each other, however indirectly, with what
 *   they overlap in the base level: what was written to different ranges is compacted apart, and at once.
 * - A deeper level is due at a size (level-shape.ts). The table goes that overlaps the least of the level below for what
 *   it weighs, and with it those that add no other table of the level below.
 * - What overlaps nothing in its output level is moved by an edit alone, unless that would cost the next step much or
 *   leave tables there with the codec of another level.
 */
import { compareKeys, type Codec } from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import type { Version } from '../version/version.ts'
import { BOTTOM_LEVEL, choose, isFree, keepsCodec, outputLevelOf, type CompactionChoice } from './compaction-choice.ts'
import { levelScores, levelShapeOf, weightOf, type LevelShape, type ShapeOptions } from './level-shape.ts'

export interface LeveledOptions extends ShapeOptions {
  readonly levelZeroTableCountTrigger: number
  readonly tableSizeBytes: number
  /** By level, the last for all deeper ones. */
  readonly compression: readonly Codec[]
}

/** A table that overlaps more than this many times the size of a table two levels below is not moved but cut. */
const MOVE_OVERLAP_TABLE_COUNT_MAX = 25
/** Inputs are not widened beyond this many times the size of a table. */
const WIDENED_TABLE_COUNT_MAX = 25

/** The most urgent compaction of at least `scoreMin` that can start now, or `undefined`. At 1 a level is due. */
export function pickLeveled(
  version: Version,
  running: readonly CompactionChoice[],
  options: LeveledOptions,
  scoreMin: number,
): CompactionChoice | undefined {
  const shape = levelShapeOf(version, options)
  const due = levelScores(version, shape, options.levelZeroTableCountTrigger)
    .map((score, level) => ({ level, score }))
    .filter(({ score }) => score >= scoreMin && score > 0)
    .toSorted((a, b) => b.score - a.score)
  const picker = new LeveledPicker(version, running, options, shape)
  for (const { level, score } of due) {
    const choice = level === 0 ? picker.levelZero(score) : picker.deeper(level, score)
    if (choice !== undefined) {
      return choice
    }
  }
  return undefined
}

class LeveledPicker {
  readonly #version: Version
  readonly #running: readonly CompactionChoice[]
  readonly #options: LeveledOptions
  readonly #shape: LevelShape

  constructor(version: Version, running: readonly CompactionChoice[], options: LeveledOptions, shape: LevelShape) {
    this.#version = version
    this.#running = running
    this.#options = options
    this.#shape = shape
  }

  /** Of the groups that can go, the one of the most runs: it is what holds up reads, and writes next. */
  levelZero(score: number): CompactionChoice | undefined {
    const outputLevel = outputLevelOf(this.#version, 0, this.#shape.baseLevel, this.#running)
    let best: CompactionChoice | undefined
    for (const tables of levelZeroGroups(this.#version.tablesOf(0))) {
      const choice = this.#choose(0, tables, outputLevel, score)
      if (isFree(choice, this.#running) && (best === undefined || choice.runs.length > best.runs.length)) {
        best = choice
      }
    }
    return best
  }

  deeper(level: number, score: number): CompactionChoice | undefined {
    const outputLevel = outputLevelOf(this.#version, level, this.#shape.baseLevel, this.#running)
    const tables = this.#version.tablesOf(level)
    const costs = costsOf(tables, this.#version.tablesOf(outputLevel), this.#shape)
    for (;;) {
      const index = indexOfLeast(costs)
      const table = tables[index]
      if (table === undefined) {
        return undefined
      }
      const choice = this.#choose(level, [table], outputLevel, score)
      if (isFree(choice, this.#running)) {
        return choice.isMove ? choice : this.#widened(choice, index)
      }
      costs[index] = Infinity
    }
  }

  #choose(level: number, tables: readonly TableHandle[], outputLevel: number, score: number): CompactionChoice {
    const choice = choose(this.#version, level, tables, outputLevel, score)
    if (!choice.isMove) {
      return choice
    }
    if (!keepsCodec(this.#options.compression, choice.runs, outputLevel)) {
      return { ...choice, isMove: false }
    }
    if (outputLevel === BOTTOM_LEVEL) {
      return choice
    }
    const overlapped = choice.grandparents.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0)
    return { ...choice, isMove: overlapped <= this.#options.tableSizeBytes * MOVE_OVERLAP_TABLE_COUNT_MAX }
  }

  /** With the tables beside the one at `index` that overlap no other tables of the output level than it does. */
  #widened(choice: CompactionChoice, index: number): CompactionChoice {
    const tables = this.#version.tablesOf(choice.level)
    const overlappedCount = choice.runs.at(-1)?.tables.length
    const sizeBytesMax = this.#options.tableSizeBytes * WIDENED_TABLE_COUNT_MAX
    let [first, end] = [index, index + 1]
    let widened = choice
    for (const step of [-1, 1]) {
      for (;;) {
        const [nextFirst, nextEnd] = step < 0 ? [first - 1, end] : [first, end + 1]
        const wider = tables.slice(Math.max(0, nextFirst), nextEnd)
        if (wider.length !== nextEnd - nextFirst) {
          break
        }
        const next = this.#choose(choice.level, wider, choice.outputLevel, choice.score)
        if (
          next.runs.at(-1)?.tables.length !== overlappedCount ||
          sizeBytesOf(wider) > sizeBytesMax ||
          !isFree(next, this.#running)
        ) {
          break
        }
        ;[first, end] = [nextFirst, nextEnd]
        widened = next
      }
    }
    return widened
  }
}

/** Tables of level 0 in groups: no table overlaps one of another group. In level 0's order each. */
function levelZeroGroups(tables: readonly TableHandle[]): TableHandle[][] {
  const groups: TableHandle[][] = []
  let largest: Uint8Array | undefined
  for (const table of tables.toSorted((a, b) => compareKeys(a.metadata.smallestKey, b.metadata.smallestKey))) {
    const { smallestKey, largestKey } = table.metadata
    if (largest === undefined || compareKeys(smallestKey, largest) > 0) {
      groups.push([])
    }
    groups.at(-1)?.push(table)
    largest = largest === undefined || compareKeys(largestKey, largest) > 0 ? largestKey : largest
  }
  const places = new Map(tables.map((table, place) => [table, place]))
  return groups.map((group) => group.toSorted((a, b) => Number(places.get(a)) - Number(places.get(b))))
}

/**
 * By table: the bytes that it overlaps in the output level for each that it weighs; Infinity if it or one of those is in
 * a compaction. One walk through both levels: a choice made for each of thousands of tables held up the main thread.
 */
function costsOf(tables: readonly TableHandle[], below: readonly TableHandle[], shape: LevelShape): Float64Array {
  let first = 0
  return Float64Array.from(tables, (table) => {
    const { metadata, isCompacting } = table
    while (isBefore(below[first], metadata.smallestKey)) {
      first++
    }
    let overlappedSizeBytes = 0
    for (let i = first; i < below.length; i++) {
      const other = below[i] as TableHandle
      if (compareKeys(other.metadata.smallestKey, metadata.largestKey) > 0) {
        break
      }
      overlappedSizeBytes += other.isCompacting ? Infinity : other.metadata.sizeBytes
    }
    return isCompacting ? Infinity : overlappedSizeBytes / weightOf(table, shape)
  })
}

function isBefore(table: TableHandle | undefined, key: Uint8Array): boolean {
  return table !== undefined && compareKeys(table.metadata.largestKey, key) < 0
}

/** The first of the least costs; -1 if all are Infinity. */
function indexOfLeast(costs: Float64Array): number {
  let least = -1
  for (let i = 0; i < costs.length; i++) {
    const cost = costs[i] as number
    if (cost < (least < 0 ? Infinity : (costs[least] as number))) {
      least = i
    }
  }
  return least
}

function sizeBytesOf(tables: readonly TableHandle[]): number {
  return tables.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0)
}
