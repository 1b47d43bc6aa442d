/** What the tables of a Version say of each other: the tables of a run do not overlap, newer runs of level 0 come first. */
import { join } from 'node:path'
import { compareKeys, tableFileName } from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import { findTable, overlaps, rangeOf, type Version } from '../version/version.ts'
import type { Findings } from './findings.ts'

export function checkRuns(directory: string, version: Version, findings: Findings): void {
  const pathOf = (table: TableHandle): string => join(directory, tableFileName(table.metadata.number))
  for (const run of version.runs()) {
    for (const [i, table] of run.entries()) {
      const next = run[i + 1]
      if (next !== undefined && compareKeys(table.metadata.largestKey, next.metadata.smallestKey) >= 0) {
        findings.add(pathOf(next), 0, `it overlaps ${tableFileName(table.metadata.number)}, a table of the same run`)
      }
    }
  }
  for (const [i, table] of version.tablesOf(0).entries()) {
    const older = version.tablesOf(0)[i + 1]
    if (
      older !== undefined &&
      older.run !== table.run &&
      older.metadata.largestSequence >= table.metadata.smallestSequence
    ) {
      findings.add(pathOf(table), 0, `its sequences are not above those of ${tableFileName(older.metadata.number)}`)
    }
  }
}

/**
 * Of an older run, the tables that may hold a newer version of a key than `table` does: their keys overlap, and so do
 * their sequences the wrong way round. Where tables are what the manifest says, no other pair can be out of order.
 */
export function suspectsOf(table: TableHandle, olderRun: readonly TableHandle[]): TableHandle[] {
  const { smallestKey, smallestSequence } = table.metadata
  const range = rangeOf([table])
  const found: TableHandle[] = []
  for (let i = findTable(olderRun, smallestKey, smallestKey.length); i < olderRun.length; i++) {
    const older = olderRun[i] as TableHandle
    if (!overlaps(older, range)) {
      break
    }
    if (older.metadata.largestSequence >= smallestSequence) {
      found.push(older)
    }
  }
  return found
}
