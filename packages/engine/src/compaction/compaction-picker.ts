/**
 * Decides what to compact next: pure, from a Version, the options and what runs already. What a strategy chooses by is in
 * a file of its own; what a user asks for is here.
 */
import type { TableHandle } from '../version/table-handle.ts'
import type { KeyRange, Version } from '../version/version.ts'
import { choose, outputLevelOf, type CompactionChoice } from './compaction-choice.ts'
import { levelShapeOf } from './level-shape.ts'
import { pickLeveled, type LeveledOptions } from './leveled-picker.ts'
import { pickTiered, type TieredOptions } from './tiered-picker.ts'

export interface PickerOptions extends LeveledOptions, TieredOptions {
  readonly compactionStrategy: 'leveled' | 'tiered'
}

/** The most urgent compaction of at least `scoreMin` that can start now, or `undefined`. At 1 a level is due. */
export function pickCompaction(
  version: Version,
  running: readonly CompactionChoice[],
  options: PickerOptions,
  scoreMin = 1,
): CompactionChoice | undefined {
  switch (options.compactionStrategy) {
    case 'leveled':
      return pickLeveled(version, running, options, scoreMin)
    case 'tiered':
      return pickTiered(version, running, options, scoreMin)
  }
}

/** The level that a range ends up in: the deepest that holds any of it, or where level 0 goes. */
export function bottomOf(
  version: Version,
  running: readonly CompactionChoice[],
  options: PickerOptions,
  range: KeyRange,
): number {
  const deepest = version.levels.findLastIndex((_, level) => version.overlapping(level, range).length > 0)
  return deepest > 0 ? deepest : outputLevelOf(version, 0, levelShapeOf(version, options).baseLevel, running)
}

/**
 * What to compact to bring a range one level down, from `level`; `undefined` if nothing of it is there.
 * The caller waits while it is not free.
 */
export function pickRange(
  version: Version,
  running: readonly CompactionChoice[],
  options: PickerOptions,
  level: number,
  range: KeyRange,
): CompactionChoice | undefined {
  const overlapping = version.overlapping(level, range)
  if (overlapping.length === 0) {
    return undefined
  }
  const outputLevel = outputLevelOf(version, level, levelShapeOf(version, options).baseLevel, running)
  return choose(version, level, level === 0 ? version.tablesOf(0) : overlapping, outputLevel, Infinity)
}

/** What to compact to write a table of a deeper level anew in its place; `undefined` if it is not there any more. */
export function pickTable(version: Version, level: number, table: TableHandle): CompactionChoice | undefined {
  return version.tablesOf(level).includes(table) ? choose(version, level, [table], level, Infinity) : undefined
}
