/**
 * Size-tiered compaction, for the least to be written: entries are written once for each tier of sizes that the store
 * has, and reads look into more runs. After the universal compaction of RocksDB. Pure.
 *
 * A run is a flush or more of level 0, or all of a deeper level. In order of age:
 *
 *     level 0: newest run ... oldest run of level 0, level 1, ... level 6: the oldest run
 *
 * - Runs next to each other of about one size are merged when there are enough of them; the newest such runs first.
 * - All are merged when those above the oldest one weigh more than twice what it does, tombstones as what they may
 *   cover. So a store holds at most three times what lives, or five times while memtables wait, besides running outputs.
 * - Level 0 is emptied, whatever the sizes, before it has so many runs that writes wait for it.
 * - What comes out takes the place of its inputs in the order, as deep as it can: one level above the next older run.
 *
 * Any store can be compacted in this way, and by levels again: what the strategies leave differs in size alone.
 */
import { compareKeys, type Codec } from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import { levelZeroRunsOf, overlaps, rangeOf, type Version } from '../version/version.ts'
import { BOTTOM_LEVEL, isFree, keepsCodec, type CompactionChoice, type InputRun } from './compaction-choice.ts'
import { levelShapeOf, weightOf, type ShapeOptions } from './level-shape.ts'

export interface TieredOptions extends ShapeOptions {
  readonly levelZeroTableCountTrigger: number
  readonly levelZeroTableCountMax: number
  /** By level, the last for all deeper ones. */
  readonly compression: readonly Codec[]
}

/** A tier has this many runs for each that would make level 0 due. */
const TIER_RUN_COUNT_FACTOR = 1.5
/** Runs of one tier differ in size by less than this. */
const TIER_SIZE_RATIO_MAX = 4
/** What the runs above the oldest one may weigh, of its size. */
const ABOVE_SHARE_MAX = 2

/** Level 0 is emptied at this share of the runs at which writes stall. */
const CROWDED_SHARE = 0.75

/** Runs from `first` up to `end`. */
interface Window {
  readonly first: number
  readonly end: number
  readonly score: number
}

interface Run extends InputRun {
  readonly sizeBytes: number
  readonly isCompacting: boolean
}

/** The most urgent merge of at least `scoreMin` that can start now, or `undefined`. At 1 it is due. */
export function pickTiered(
  version: Version,
  running: readonly CompactionChoice[],
  options: TieredOptions,
  scoreMin: number,
): CompactionChoice | undefined {
  const runs = runsOf(version)
  const tierRunCount = Math.max(2, Math.floor(options.levelZeroTableCountTrigger * TIER_RUN_COUNT_FACTOR))
  const tiers = tiersOf(runs).map(({ first, end }) => ({ first, end, score: (end - first) / tierRunCount }))
  const everything = { first: 0, end: runs.length, score: aboveScore(version, runs, options) }
  const windows: Window[] = [everything, ...tiers.filter(({ first, end }) => end - first > 1), crowdOf(runs, options)]
  for (const { first, end, score } of windows) {
    if (score >= scoreMin && score > 0) {
      const choice = chooseRuns(runs, first, end, score, options)
      if (isFree(choice, running)) {
        return choice
      }
    }
  }
  return undefined
}

/** All of level 0, and what else must be merged for something to come out below it. Urgent, or not due at all. */
function crowdOf(runs: readonly Run[], { levelZeroTableCountMax }: TieredOptions): Window {
  const levelZeroCount = runs.filter(({ level }) => level === 0).length
  const isCrowded = levelZeroCount > 0 && levelZeroCount >= Math.floor(levelZeroTableCountMax * CROWDED_SHARE)
  const end = levelZeroCount + (runs[levelZeroCount]?.level === 1 ? 1 : 0)
  return { first: 0, end, score: isCrowded ? Infinity : 0 }
}

/** All runs, newest first. */
function runsOf(version: Version): Run[] {
  return version.levels.flatMap((tables, level) => {
    const inLevel = level === 0 ? levelZeroRunsOf(tables) : tables.length > 0 ? [tables] : []
    return inLevel.map((run) => ({
      level,
      tables: run,
      sizeBytes: run.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0),
      isCompacting: run.some((table) => table.isCompacting),
    }))
  })
}

/** As if the store had so much more in a new run: above 1 all is merged. */
export function tieredAboveScore(version: Version, options: TieredOptions, newRunWeightBytes: number): number {
  return aboveScore(version, runsOf(version), options, newRunWeightBytes)
}

/** How much all runs but the oldest weigh beside it. */
function aboveScore(
  version: Version,
  runs: readonly Run[],
  options: TieredOptions,
  newRunWeightBytes: number = 0,
): number {
  const shape = levelShapeOf(version, options)
  const oldest = runs.at(-1)
  const weight = runs.slice(0, -1).flatMap(({ tables }) => tables)
  const above = weight.reduce((sum, table) => sum + weightOf(table, shape), newRunWeightBytes)
  return oldest === undefined ? 0 : above / (oldest.sizeBytes * ABOVE_SHARE_MAX)
}

/** Stretches of runs that are in no compaction and differ little in size, the newest first. */
function tiersOf(runs: readonly Run[]): { readonly first: number; readonly end: number }[] {
  const tiers: { readonly first: number; readonly end: number }[] = []
  for (let first = 0; first < runs.length;) {
    let [smallest, largest] = [Infinity, 0]
    let end = first
    for (; end < runs.length; end++) {
      const { sizeBytes, isCompacting } = runs[end] as Run
      smallest = Math.min(smallest, sizeBytes)
      largest = Math.max(largest, sizeBytes)
      if (isCompacting || largest >= smallest * TIER_SIZE_RATIO_MAX) {
        break
      }
    }
    tiers.push({ first, end })
    first = Math.max(end, first + 1)
  }
  return tiers
}

/** Merges the runs from `first` up to `end`. */
function chooseRuns(
  all: readonly Run[],
  first: number,
  end: number,
  score: number,
  { compression }: TieredOptions,
): CompactionChoice {
  const runs = all.slice(first, end).map(({ level, tables }) => ({ level, tables }))
  const tables = runs.flatMap((run) => run.tables)
  const older = all.slice(end)
  const range = rangeOf(tables)
  const outputLevel = Math.max(0, (older[0]?.level ?? BOTTOM_LEVEL + 1) - 1)
  return {
    runs,
    level: runs[0]?.level ?? 0,
    outputLevel,
    outputRun: tables[0]?.run ?? 0,
    // In level 0 a table keeps its run with its place.
    isMove: outputLevel > 0 && areApart(tables) && keepsCodec(compression, runs, outputLevel),
    isBottom: !older.some((run) => run.tables.some((table) => overlaps(table, range))),
    range,
    grandparents: [],
    score,
  }
}

function areApart(tables: readonly TableHandle[]): boolean {
  const sorted = tables.toSorted((a, b) => compareKeys(a.metadata.smallestKey, b.metadata.smallestKey))
  return sorted.every(
    ({ metadata }, i) =>
      i === 0 || compareKeys((sorted[i - 1] as TableHandle).metadata.largestKey, metadata.smallestKey) < 0,
  )
}
