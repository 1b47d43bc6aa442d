/**
 * A Version: which tables make up the store, level by level, at one moment. It never changes; an edit makes a new one.
 * Readers hold one while they wait for the disk, so that its tables stay.
 */
import { LEVEL_COUNT, assert, compareBytes, compareKeys, type AddedTable, type VersionEdit } from '@varve/storage'
import { TableHandle } from './table-handle.ts'

/** A range of keys, from `lower` up to but not including `upper`; undefined means without bound. */
export interface KeyRange {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
}

export class Version {
  /** Level 0 newest first, its tables may overlap; deeper levels in key order, not overlapping. */
  readonly levels: readonly (readonly TableHandle[])[]
  #referenceCount = 0

  constructor(levels: readonly (readonly TableHandle[])[]) {
    this.levels = levels
  }

  static empty(): Version {
    return new Version(Array.from({ length: LEVEL_COUNT }, () => []))
  }

  /** What this Version becomes by an edit. Handles of tables that stay are the same objects. */
  apply(edit: VersionEdit): Version {
    const levels = this.levels.map((tables) => [...tables])
    const moved = new Map<number, TableHandle>()
    for (const { level, number } of edit.deleted ?? []) {
      const tables = levelOf(levels, level)
      const index = tables.findIndex((table) => table.metadata.number === number)
      const [handle] = index < 0 ? [] : tables.splice(index, 1)
      assert(handle !== undefined, 'an edit deletes tables that are there')
      moved.set(number, handle)
    }
    for (const { level, run, table } of edit.added ?? []) {
      // A table that only moves keeps its handle: a second one for the same file would see it deleted with the first.
      levelOf(levels, level).push(moved.get(table.number) ?? new TableHandle(table, run))
    }
    levels.forEach((tables, level) => tables.sort(level === 0 ? byAge : byKey))
    return new Version(levels)
  }

  /** The tables as an edit that adds all of them to nothing. */
  toAdded(): AddedTable[] {
    return this.levels.flatMap((tables, level) => tables.map(({ run, metadata }) => ({ level, run, table: metadata })))
  }

  /** One more holder. */
  retain(): void {
    if (this.#referenceCount++ === 0) {
      for (const table of this.levels.flat()) {
        table.versionCount++
      }
    }
  }

  get isHeld(): boolean {
    return this.#referenceCount > 0
  }

  /** One holder less; returns the tables that no Version names any more. */
  release(): TableHandle[] {
    assert(this.#referenceCount > 0, 'a Version is released by its holders only')
    if (--this.#referenceCount > 0) {
      return []
    }
    return this.levels.flat().filter((table) => --table.versionCount === 0)
  }

  tablesOf(level: number): readonly TableHandle[] {
    return levelOf(this.levels, level)
  }

  /** Tables of a level that may hold keys of the range. */
  overlapping(level: number, range: KeyRange): TableHandle[] {
    const tables = this.tablesOf(level)
    if (level === 0) {
      return tables.filter((table) => overlaps(table, range))
    }
    const { lower, upper } = range
    const first = lower === undefined ? 0 : findTable(tables, lower, lower.length)
    let end = tables.length
    if (upper !== undefined) {
      end = findTable(tables, upper, upper.length)
      const last = tables[end]
      // The table that holds the bound, or is the first behind it.
      end += last !== undefined && compareKeys(last.metadata.smallestKey, upper) < 0 ? 1 : 0
    }
    return tables.slice(first, Math.max(first, end))
  }

  sizeBytesOf(level: number): number {
    return this.tablesOf(level).reduce((sum, table) => sum + table.metadata.sizeBytes, 0)
  }

  /** The deepest level that holds a table, or -1. */
  get deepestLevel(): number {
    return this.levels.findLastIndex((tables) => tables.length > 0)
  }

  /** The runs, newest first; the tables of each in key order. */
  runs(): TableHandle[][] {
    const [levelZero = [], ...deeper] = this.levels
    return [...levelZeroRunsOf(levelZero), ...deeper.filter((tables) => tables.length > 0).map((tables) => [...tables])]
  }

  get levelZeroRunCount(): number {
    return new Set(this.tablesOf(0).map(({ run }) => run)).size
  }

  /** Throws unless tables of a run are disjoint and in order, and newer is above older. */
  checkInvariants(): void {
    const numbers = new Set(this.levels.flatMap((tables) => tables.map((table) => table.metadata.number)))
    const count = this.levels.reduce((sum, tables) => sum + tables.length, 0)
    assert(numbers.size === count, 'a table is in one place')
    this.levels.forEach((tables, level) => {
      for (let i = 1; i < tables.length; i++) {
        const before = tables[i - 1] as TableHandle
        const after = tables[i] as TableHandle
        if (level === 0) {
          const isInOrder =
            before.run === after.run
              ? compareKeys(before.metadata.largestKey, after.metadata.smallestKey) < 0
              : before.metadata.smallestSequence > after.metadata.largestSequence
          assert(isInOrder, 'level 0 is ordered by sequence, its runs by key')
        } else {
          assert(
            compareKeys(before.metadata.largestKey, after.metadata.smallestKey) < 0,
            'tables of a level do not overlap',
          )
        }
      }
    })
  }
}

/** Tables of level 0, or some of them, in its order: by run, newest first. */
export function levelZeroRunsOf(tables: readonly TableHandle[]): TableHandle[][] {
  const runs: TableHandle[][] = []
  for (const table of tables) {
    if (runs.at(-1)?.[0]?.run === table.run) {
      runs.at(-1)?.push(table)
    } else {
      runs.push([table])
    }
  }
  return runs
}

export function overlaps(table: TableHandle, range: KeyRange): boolean {
  const { smallestKey, largestKey } = table.metadata
  const isBelow = range.lower !== undefined && compareKeys(largestKey, range.lower) < 0
  const isAbove = range.upper !== undefined && compareKeys(smallestKey, range.upper) >= 0
  return !isBelow && !isAbove
}

export function rangesOverlap(a: KeyRange, b: KeyRange): boolean {
  return startsBefore(a.lower, b.upper) && startsBefore(b.lower, a.upper)
}

function startsBefore(lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
  return lower === undefined || upper === undefined || compareKeys(lower, upper) < 0
}

/** The smallest range that covers the tables, which are at least one. */
export function rangeOf(tables: readonly TableHandle[]): KeyRange {
  const [first] = tables
  assert(first !== undefined, 'a range needs a table')
  let lower = first.metadata.smallestKey
  let largest = first.metadata.largestKey
  for (const { metadata } of tables) {
    lower = compareKeys(metadata.smallestKey, lower) < 0 ? metadata.smallestKey : lower
    largest = compareKeys(metadata.largestKey, largest) > 0 ? metadata.largestKey : largest
  }
  return { lower, upper: keyAfter(largest) }
}

/** The smallest key that is larger than `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1)
  after.set(key)
  return after
}

function levelOf<T>(levels: readonly T[], level: number): T {
  const tables = levels[level]
  assert(tables !== undefined, 'levels are numbered from 0 to 6')
  return tables
}

/** Never by file number: a flush that was tried again has a later one than its successor. */
function byAge(a: TableHandle, b: TableHandle): number {
  return b.run - a.run || compareKeys(a.metadata.smallestKey, b.metadata.smallestKey)
}

function byKey(a: TableHandle, b: TableHandle): number {
  return compareKeys(a.metadata.smallestKey, b.metadata.smallestKey)
}

/** The first table of a level whose largest key is at or behind the key; the number of tables if there is none. */
export function findTable(tables: readonly TableHandle[], key: Uint8Array, keySize: number): number {
  let low = 0
  let high = tables.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const { largestKey } = (tables[middle] as TableHandle).metadata
    if (compareBytes(largestKey, 0, largestKey.length, key, 0, keySize) < 0) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}
