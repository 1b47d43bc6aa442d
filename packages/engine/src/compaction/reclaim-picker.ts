/**
 * What to compact to get space back while nothing else is due and no memtable waits: after deletions and overwrites the
 * levels above the bottom cover what lies below them, however small they are themselves. Pure; a choice by itself makes
 * progress, so that what it chooses ends.
 *
 * - By levels, level 0 goes when the levels above the deepest one weigh more than a share of it, tombstones as what they may cover.
 *   So that costs at most the reverse of that share for each byte flushed.
 * - A table with nothing below it is written anew in its place if that lets go of many tombstones, or of versions that
 *   were kept for a snapshot: it holds entries that every reader saw, which have no sequence number any more, beside
 *   others that had one.
 */
import type { TableHandle } from '../version/table-handle.ts'
import { rangeOf, type Version } from '../version/version.ts'
import { choose, isDeepest, isFree, outputLevelOf, type CompactionChoice } from './compaction-choice.ts'
import { levelShapeOf, weightOf, type LevelShape } from './level-shape.ts'
import { tieredAboveScore } from './tiered-picker.ts'
import type { PickerOptions } from './compaction-picker.ts'

/** What may lie above the deepest level, of its size: the levels between, and a part of level 0. */
const ABOVE_SHARE_MAX = 0.15
const TOMBSTONE_SHARE_MIN = 0.1
/** A flush and the compaction behind it take some ten syncs: a memtable that weighs less than this share is not worth it. */
const MEMTABLE_SHARE_MIN = 1 / 16

/** @param oldestLiveSequence entries up to here are seen by all readers or by none */
export function pickReclaim(
  version: Version,
  running: readonly CompactionChoice[],
  options: PickerOptions,
  oldestLiveSequence: number,
): CompactionChoice | undefined {
  // Tiers have a bound of their own for what lies above the oldest run.
  const heavy = options.compactionStrategy === 'leveled' ? pickHeavyLevelZero(version, running, options) : undefined
  return heavy ?? pickTableToRewrite(version, running, oldestLiveSequence)
}

/**
 * Whether the active memtable of a store that is idle is worth a flush: what it weighs, tombstones as what they may cover,
 * would make level 0 go, or all runs of tiers.
 */
export function isWorthFlushing(
  version: Version,
  options: PickerOptions,
  { usedOffset, tombstoneCount }: { readonly usedOffset: number; readonly tombstoneCount: number },
  memtableSizeBytes: number,
): boolean {
  const shape = levelShapeOf(version, options)
  const weight = usedOffset + tombstoneCount * shape.tombstoneWeightBytes
  const { deepestLevel } = version
  if (weight < memtableSizeBytes * MEMTABLE_SHARE_MIN || deepestLevel < 0) {
    return false
  }
  if (options.compactionStrategy === 'tiered') {
    return tieredAboveScore(version, options, weight) > 1
  }
  return weightAbove(version, shape) + weight > version.sizeBytesOf(deepestLevel) * ABOVE_SHARE_MAX
}

function pickHeavyLevelZero(
  version: Version,
  running: readonly CompactionChoice[],
  options: PickerOptions,
): CompactionChoice | undefined {
  const levelZero = version.tablesOf(0)
  const { deepestLevel } = version
  if (levelZero.length === 0 || (deepestLevel === 0 && version.levelZeroRunCount === 1)) {
    return undefined
  }
  const shape = levelShapeOf(version, options)
  if (deepestLevel > 0 && weightAbove(version, shape) <= version.sizeBytesOf(deepestLevel) * ABOVE_SHARE_MAX) {
    return undefined
  }
  const choice = choose(version, 0, levelZero, outputLevelOf(version, 0, shape.baseLevel, running), 1)
  return isFree(choice, running) ? choice : undefined
}

/** What lies above the deepest level weighs. */
function weightAbove(version: Version, shape: LevelShape): number {
  const above = version.levels.slice(0, Math.max(0, version.deepestLevel)).flat()
  return above.reduce((sum, table) => sum + weightOf(table, shape), 0)
}

function pickTableToRewrite(
  version: Version,
  running: readonly CompactionChoice[],
  oldestLiveSequence: number,
): CompactionChoice | undefined {
  for (const [level, tables] of version.levels.entries()) {
    for (const table of level === 0 ? [] : tables) {
      if (isWorthRewriting(table, oldestLiveSequence) && isDeepest(version, level, rangeOf([table]))) {
        const choice = choose(version, level, [table], level, 1)
        if (isFree(choice, running)) {
          return choice
        }
      }
    }
  }
  return undefined
}

/** All entries are at or below the oldest live sequence: what is written is put alone, one version a key, at sequence 0. */
function isWorthRewriting({ metadata }: TableHandle, oldestLiveSequence: number): boolean {
  const { entryCount, tombstoneCount, smallestSequence, largestSequence } = metadata
  return (
    largestSequence <= oldestLiveSequence &&
    (tombstoneCount >= entryCount * TOMBSTONE_SHARE_MIN || (smallestSequence === 0 && largestSequence > 0))
  )
}
