/**
 * Tables that scans found full of tombstones. Sizes alone would leave such a table where it is for long, and every scan
 * of its range would pass over what is in it: it goes down a level, or is written anew where nothing lies below. What
 * its tombstones are kept for by some reader stays, so that a table that would come out as it went in is left alone.
 */
import { compareBytes } from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import { rangeOf, type Version } from '../version/version.ts'
import { isDeepest, isFree, type CompactionChoice } from './compaction-choice.ts'
import { pickRange, pickTable, type PickerOptions } from './compaction-picker.ts'

/** A scan is slow in a table of which at least this part is tombstones. */
const TOMBSTONE_SHARE_MIN = 0.5

export class SlowTables {
  readonly #tables = new Set<TableHandle>()

  /** A scan passed over many tombstones up to `key`. Whether there is a table to do something about. */
  add(version: Version, key: Uint8Array, oldestLiveSequence: number): boolean {
    const before = this.#tables.size
    for (const [level, tables] of version.levels.entries()) {
      for (const table of tables) {
        if (isSlowAt(table, key) && isOfUse(version, level, table, oldestLiveSequence)) {
          this.#tables.add(table)
        }
      }
    }
    return this.#tables.size > before
  }

  /** What to compact, if nothing else is due. */
  pick(
    version: Version,
    running: readonly CompactionChoice[],
    options: PickerOptions,
    oldestLiveSequence: number,
  ): CompactionChoice | undefined {
    for (const table of this.#tables) {
      const level = version.levels.findIndex((tables) => tables.includes(table))
      const choice =
        level < 0 || !isOfUse(version, level, table, oldestLiveSequence)
          ? undefined
          : isDeepestAt(version, level, table)
            ? pickTable(version, level, table)
            : pickRange(version, running, options, level, rangeOf([table]))
      if (choice === undefined) {
        this.#tables.delete(table)
      } else if (isFree(choice, running)) {
        this.#tables.delete(table)
        return choice
      }
    }
    return undefined
  }
}

function isSlowAt({ metadata }: TableHandle, key: Uint8Array): boolean {
  const { smallestKey, largestKey, tombstoneCount, entryCount } = metadata
  return (
    tombstoneCount >= entryCount * TOMBSTONE_SHARE_MIN &&
    compareBytes(key, 0, key.length, smallestKey, 0, smallestKey.length) >= 0 &&
    compareBytes(key, 0, key.length, largestKey, 0, largestKey.length) <= 0
  )
}

/** Tombstones that some reader may need do not go, wherever they are. */
function isOfUse(version: Version, level: number, table: TableHandle, oldestLiveSequence: number): boolean {
  return !isDeepestAt(version, level, table) || table.metadata.largestSequence <= oldestLiveSequence
}

/** Level 0 is compacted with what overlaps there: its tables are not written anew by themselves. */
function isDeepestAt(version: Version, level: number, table: TableHandle): boolean {
  return level > 0 && isDeepest(version, level, rangeOf([table]))
}
