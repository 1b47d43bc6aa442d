/**
 * Decides what to compact next: pure, from a Version, the options and what runs already. Leveled compaction, after
 * LevelDB and RocksDB:
 *
 * - Level 0 is due at a number of tables. All of them go, with what they overlap in level 1.
 * - A deeper level is due at a size, each `levelSizeRatio` times the one above it. One table goes, the one that overlaps
 *   the least of the level below for its size.
 * - A table that overlaps nothing below is moved by an edit alone.
 *
 * What runs is respected: a table is in one compaction at a time, and key ranges of outputs into one level are disjoint.
 */
import { LEVEL_COUNT, compareKeys } from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import { rangeOf, type KeyRange, type Version } from '../version/version.ts'

export interface PickerOptions {
  readonly levelZeroTableCountTrigger: number
  readonly levelOneSizeBytes: number
  readonly levelSizeRatio: number
}

export interface CompactionChoice {
  readonly level: number
  readonly outputLevel: number
  readonly inputs: readonly TableHandle[]
  /** Tables of the output level that the inputs overlap. */
  readonly overlapped: readonly TableHandle[]
  /** No deeper level holds anything of this range: tombstones that nobody sees may go. */
  readonly isBottom: boolean
  /** What the outputs may cover: no other compaction writes there into the output level. */
  readonly range: KeyRange
  readonly score: number
}

/** The most urgent compaction of at least `scoreMin` that can start now, or `undefined`. At 1 a level is due. */
export function pickCompaction(
  version: Version,
  running: readonly CompactionChoice[],
  options: PickerOptions,
  scoreMin = 1,
): CompactionChoice | undefined {
  const due = levelScores(version, options)
    .map((score, level) => ({ level, score }))
    .filter(({ score }) => score >= scoreMin)
    .toSorted((a, b) => b.score - a.score)
  for (const { level, score } of due) {
    const choice = level === 0 ? pickLevelZero(version, score) : pickFromLevel(version, level, score, running)
    if (choice !== undefined && isFree(choice, running)) {
      return choice
    }
  }
  return undefined
}

/**
 * What to compact to bring a range one level down, from `level`; `undefined` if nothing of it is there.
 * The caller waits while it is not free.
 */
export function pickRange(version: Version, level: number, range: KeyRange): CompactionChoice | undefined {
  const inputs =
    level === 0 && version.overlapping(0, range).length > 0
      ? [...version.tablesOf(0)]
      : version.overlapping(level, range)
  return inputs.length === 0 ? undefined : choose(version, level, inputs, Infinity)
}

/** What to compact to write a table of a deeper level anew in its place; `undefined` if it is not there any more. */
export function pickTable(version: Version, level: number, table: TableHandle): CompactionChoice | undefined {
  if (!version.tablesOf(level).includes(table)) {
    return undefined
  }
  const range = rangeOf([table])
  const isBottom = isDeepest(version, level, range)
  return { level, outputLevel: level, inputs: [table], overlapped: [], isBottom, range, score: Infinity }
}

/** Whether a choice touches nothing that a running compaction reads or writes. */
export function isFree(choice: CompactionChoice, running: readonly CompactionChoice[]): boolean {
  if ([...choice.inputs, ...choice.overlapped].some((table) => table.isCompacting)) {
    return false
  }
  return !running.some((other) => other.outputLevel === choice.outputLevel && rangesOverlap(other.range, choice.range))
}

/** How due each level is: at 1 it should be compacted. The last one never is. */
export function levelScores(version: Version, options: PickerOptions): number[] {
  const scores: number[] = []
  for (let level = 0; level < LEVEL_COUNT - 1; level++) {
    scores.push(
      level === 0
        ? version.tablesOf(0).length / options.levelZeroTableCountTrigger
        : version.sizeBytesOf(level) / levelSizeBytesMax(level, options),
    )
  }
  return scores
}

export function levelSizeBytesMax(level: number, options: PickerOptions): number {
  return options.levelOneSizeBytes * options.levelSizeRatio ** (level - 1)
}

function pickLevelZero(version: Version, score: number): CompactionChoice {
  return choose(version, 0, version.tablesOf(0), score)
}

function pickFromLevel(
  version: Version,
  level: number,
  score: number,
  running: readonly CompactionChoice[],
): CompactionChoice | undefined {
  const tables = version.tablesOf(level)
  const costs = costsOf(tables, version.tablesOf(level + 1))
  for (;;) {
    const index = indexOfLeast(costs)
    const table = tables[index]
    if (table === undefined) {
      return undefined
    }
    const choice = choose(version, level, [table], score)
    if (isFree(choice, running)) {
      return choice
    }
    costs[index] = Infinity
  }
}

/**
 * By table: the bytes that it overlaps in the level below for each of its own; Infinity if it or one of those is in a
 * compaction. One walk through both levels: a choice made for each of thousands of tables held up the main thread.
 */
function costsOf(tables: readonly TableHandle[], below: readonly TableHandle[]): Float64Array {
  let first = 0
  return Float64Array.from(tables, ({ metadata, isCompacting }) => {
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
    return isCompacting ? Infinity : overlappedSizeBytes / metadata.sizeBytes
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

function choose(version: Version, level: number, inputs: readonly TableHandle[], score: number): CompactionChoice {
  const outputLevel = level + 1
  const overlapped = version.overlapping(outputLevel, rangeOf(inputs))
  const range = rangeOf([...inputs, ...overlapped])
  return { level, outputLevel, inputs, overlapped, isBottom: isDeepest(version, outputLevel, range), range, score }
}

/** Whether nothing of the range is deeper than `level`. */
function isDeepest(version: Version, level: number, range: KeyRange): boolean {
  return version.levels.slice(level + 1).every((_, index) => version.overlapping(level + 1 + index, range).length === 0)
}

function rangesOverlap(a: KeyRange, b: KeyRange): boolean {
  return startsBefore(a.lower, b.upper) && startsBefore(b.lower, a.upper)
}

function startsBefore(lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
  return lower === undefined || upper === undefined || Buffer.compare(lower, upper) < 0
}
