/**
 * Merges any tables into one run, with the jobs that compact: by key and sequence number, so that of each key the newest
 * version wins, wherever it stood. Bounded in memory and open files: so many runs at a time, as often as it takes.
 */
import { compareKeys, type TableMetadata } from '@varve/storage'
import type { CompactionInput } from '@varve/workers'
import type { JobRunner } from '../jobs/job-runner.ts'

const RUN_COUNT_MAX = 64

/** Tables of one run, in key order: what they hold replaces the tables that are given. */
export async function mergeTables(
  runner: JobRunner,
  tables: readonly TableMetadata[],
): Promise<readonly TableMetadata[]> {
  let runs = runsOf(tables)
  while (runs.length > RUN_COUNT_MAX) {
    const merged = await merge(runner, runs.slice(0, RUN_COUNT_MAX), false)
    runs = [...runs.slice(RUN_COUNT_MAX), merged]
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
    { type: 'compaction', runs: runs.map((run) => run.map(inputOf)), isBottom, grandparents: [] },
    tables.reduce((sum, table) => sum + table.sizeBytes, 0),
    tables.reduce((sum, table) => sum + table.entryCount, 0),
  )
  return output.tables
}

/** As few runs as possible: in each, tables in key order that do not overlap. */
function runsOf(tables: readonly TableMetadata[]): (readonly TableMetadata[])[] {
  const runs: TableMetadata[][] = []
  for (const table of tables.toSorted((a, b) => compareKeys(a.smallestKey, b.smallestKey))) {
    const run = runs.find((each) => compareKeys((each.at(-1) as TableMetadata).largestKey, table.smallestKey) < 0)
    if (run === undefined) {
      runs.push([table])
    } else {
      run.push(table)
    }
  }
  return runs
}

function inputOf({ number, sizeBytes, entryCount, smallestKey, largestKey }: TableMetadata): CompactionInput {
  return { number, sizeBytes, entryCount, smallestKey, largestKey }
}
