/**
 * Merges any tables into one run, with the jobs that compact: by key and sequence number, so that of each key the newest
 * version wins, wherever it stood. Of two versions that had no sequence number any more, both with 0, the one in the
 * table that was written later wins: a compaction wrote it from what had taken the other one's place.
 * Bounded in memory and open files: so many runs at a time, as often as it takes.
 */
import { LEVEL_COUNT, compareKeys, type TableMetadata } from '@varve/storage'
import type { CompactionInput } from '@varve/workers'
import { mergedSizeBytesMax, type JobRunner } from '../jobs/job-runner.ts'

const RUN_COUNT_MAX = 64

/** Tables of one run, in key order: what they hold replaces the tables that are given. */
export async function mergeTables(
  runner: JobRunner,
  tables: readonly TableMetadata[],
): Promise<readonly TableMetadata[]> {
  let runs: readonly (readonly TableMetadata[])[] = runsOf(tables)
  while (runs.length > RUN_COUNT_MAX) {
    const merged = await merge(runner, runs.slice(0, RUN_COUNT_MAX), false)
    runs = [merged, ...runs.slice(RUN_COUNT_MAX)]
  }
  return runs.length > 1 ? await merge(runner, runs, true) : (runs[0] ?? [])
}

async function merge(
  runner: JobRunner,
  runs: readonly (readonly TableMetadata[])[],
  isBottom: boolean,
): Promise<readonly TableMetadata[]> {
  const tables = runs.flat()
  const output = await runner.run(
    {
      type: 'compaction',
      runs: runs.map((run) => run.map(inputOf)),
      isBottom,
      grandparents: [],
      outputLevel: LEVEL_COUNT - 1,
    },
    mergedSizeBytesMax(tables),
    tables.reduce((sum, table) => sum + table.entryCount, 0),
  )
  return output.tables
}

/**
 * Few runs, in each of which tables are in key order and do not overlap. Of two tables that overlap the one written later
 * is in an earlier run.
 */
export function runsOf(tables: readonly TableMetadata[]): TableMetadata[][] {
  const runs: TableMetadata[][] = []
  for (const table of tables.toSorted((a, b) => b.number - a.number)) {
    const last = runs.findLastIndex((run) => run.some((other) => overlap(table, other)))
    const run = runs[last + 1]
    if (run === undefined) {
      runs.push([table])
    } else {
      run.push(table)
    }
  }
  return runs.map((run) => run.toSorted((a, b) => compareKeys(a.smallestKey, b.smallestKey)))
}

function overlap(a: TableMetadata, b: TableMetadata): boolean {
  return compareKeys(a.smallestKey, b.largestKey) <= 0 && compareKeys(b.smallestKey, a.largestKey) <= 0
}

function inputOf({ number, sizeBytes, entryCount, smallestKey, largestKey }: TableMetadata): CompactionInput {
  return { number, sizeBytes, entryCount, smallestKey, largestKey }
}
