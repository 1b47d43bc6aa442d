/**
 * A compaction that was chosen: what it reads, where it writes, and what it must not meet. Pure. Whatever strategy chose
 * it, the rules that keep newer above older are here:
 *
 * - a table is in one compaction at a time, and key ranges of outputs into one level are disjoint;
 * - what goes into a level passes over empty levels alone, and over none that a running compaction writes into;
 * - of level 0 no older table stays behind that overlaps what goes.
 */
import { LEVEL_COUNT, assert, codecOfLevel, type Codec } from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import { levelZeroRunsOf, rangeOf, rangesOverlap, type KeyRange, type Version } from '../version/version.ts'

export const BOTTOM_LEVEL: number = LEVEL_COUNT - 1

/** Tables of one run of a level, in key order. */
export interface InputRun {
  readonly level: number
  readonly tables: readonly TableHandle[]
}

export interface CompactionChoice {
  /** Newest first. */
  readonly runs: readonly InputRun[]
  /** Of the newest run. */
  readonly level: number
  readonly outputLevel: number
  /** What run the outputs are; it counts in level 0 alone. */
  readonly outputRun: number
  /** The tables change their level by an edit alone. */
  readonly isMove: boolean
  /** Nothing older holds anything of this range: tombstones that nobody sees may go. */
  readonly isBottom: boolean
  /** What the outputs may cover: no other compaction writes there into the output level. */
  readonly range: KeyRange
  /** Tables below the output level that overlap the range, in key order: outputs are cut so that each meets few. */
  readonly grandparents: readonly TableHandle[]
  readonly score: number
}

/** The tables of level `level` go into `outputLevel`, with what they overlap there. */
export function choose(
  version: Version,
  level: number,
  tables: readonly TableHandle[],
  outputLevel: number,
  score: number,
): CompactionChoice {
  const own = runsIn(level, tables)
  const overlapped = outputLevel === level ? [] : version.overlapping(outputLevel, rangeOf(tables))
  const runs = overlapped.length === 0 ? own : [...own, { level: outputLevel, tables: overlapped }]
  const range = rangeOf([...tables, ...overlapped])
  return {
    runs,
    level,
    outputLevel,
    outputRun: 0,
    isMove: runs.length === 1 && outputLevel !== level,
    isBottom: isDeepest(version, outputLevel, range),
    range,
    grandparents: grandparentsOf(version, outputLevel, range),
    score,
  }
}

/** Whether tables of these levels have the codec of the output level as they are: a move would leave another one there. */
export function keepsCodec(compression: readonly Codec[], runs: readonly InputRun[], outputLevel: number): boolean {
  return runs.every(({ level }) => codecOfLevel(compression, level) === codecOfLevel(compression, outputLevel))
}

export function tablesOf(choice: CompactionChoice): TableHandle[] {
  return choice.runs.flatMap(({ tables }) => [...tables])
}

/** Tables of a level by run, newest first. */
function runsIn(level: number, tables: readonly TableHandle[]): InputRun[] {
  if (level > 0) {
    return [{ level, tables }]
  }
  return levelZeroRunsOf(tables).map((run) => ({ level, tables: run }))
}

/** Whether a choice touches nothing that a running compaction reads or writes. */
export function isFree(choice: CompactionChoice, running: readonly CompactionChoice[]): boolean {
  if (choice.runs.some(({ tables }) => tables.some((table) => table.isCompacting))) {
    return false
  }
  // Runs of level 0 may overlap.
  const isFreeThere = (other: CompactionChoice): boolean =>
    choice.outputLevel === 0 || other.outputLevel !== choice.outputLevel || !rangesOverlap(other.range, choice.range)
  return running.every(isFreeThere)
}

/**
 * Where tables of a level go: the next level from `baseLevel` on, or one before it that holds anything, or will when what
 * runs has ended.
 */
export function outputLevelOf(
  version: Version,
  level: number,
  baseLevel: number,
  running: readonly CompactionChoice[],
): number {
  assert(level < BOTTOM_LEVEL, 'the bottom level has none below it')
  let output = level + 1
  while (
    output < baseLevel &&
    version.tablesOf(output).length === 0 &&
    !running.some(({ outputLevel }) => outputLevel === output)
  ) {
    output++
  }
  return output
}

/** Whether nothing of the range is deeper than `level`. */
export function isDeepest(version: Version, level: number, range: KeyRange): boolean {
  return grandparentsOf(version, level, range).length === 0
}

/** Tables of the first level below `level` that holds anything of the range. */
function grandparentsOf(version: Version, level: number, range: KeyRange): TableHandle[] {
  for (let below = level + 1; below < LEVEL_COUNT; below++) {
    const tables = version.overlapping(below, range)
    if (tables.length > 0) {
      return tables
    }
  }
  return []
}
