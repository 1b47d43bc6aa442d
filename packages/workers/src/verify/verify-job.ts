/**
 * The verify job: one table, read to its end, and compared with what it must be and with the older runs below it.
 *
 * Newer above older: of each key, every version in this table is newer than every version in an older run. The table is
 * merged with one older run at a time, from the newest version of a key to its oldest; once a version of the older run
 * has come, no version of this table may follow. So a job holds two read buffers, however many runs there are.
 */
import { CorruptionError, checkTable } from '@varve/storage'
import { Merge } from '../compaction/merge.ts'
import { RunReader } from '../compaction/run-reader.ts'
import { ADVANCE_ENTRY_COUNT } from '../jobs/job-context.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { CompactionInput, JobWork, VerifyRequest } from '../jobs/job-protocol.ts'

/** The table among the runs that are merged. */
const OWN_RUN = 0

/** @throws CorruptionError, UnsupportedError, IoError for what is wrong; JobCancelledError */
export function runVerify(context: JobContext, { metadata, olderRuns }: VerifyRequest): JobWork {
  const file = context.openTable(metadata.number, 'read')
  checkTable(file, metadata.number, metadata, context.memory.workspace, () => context.advance())
  context.close(file)
  for (const run of olderRuns) {
    checkNewerThan(context, metadata, run)
  }
  const { entryCount, sizeBytes } = metadata
  const olderSizeBytes = olderRuns.flat().reduce((sum, table) => sum + table.sizeBytes, 0)
  return {
    tables: [],
    entriesIn: entryCount,
    entriesOut: entryCount,
    entriesDropped: 0,
    bytesRead: sizeBytes + olderSizeBytes,
    bytesWritten: 0,
  }
}

function checkNewerThan(context: JobContext, table: CompactionInput, olderRun: readonly CompactionInput[]): void {
  const own = new RunReader(context, [table])
  const older = new RunReader(context, olderRun)
  const merge = new Merge([own, older])
  let untilCheck = 0
  let olderHasKey = false
  let lastSequence = Infinity
  for (let scan = merge.next(); scan !== undefined; scan = merge.next()) {
    if (untilCheck-- === 0) {
      context.advance()
      untilCheck = ADVANCE_ENTRY_COUNT
    }
    if (merge.isNewKey) {
      olderHasKey = false
      lastSequence = Infinity
      if (merge.run !== OWN_RUN && own.scan === undefined) {
        // Behind the table's last key.
        break
      }
    }
    const { sequence } = scan
    if (merge.run !== OWN_RUN) {
      olderHasKey = true
    } else if (olderHasKey) {
      throw wrongOrder(context, table, lastSequence, sequence)
    }
    if (sequence === lastSequence) {
      throw wrongOrder(context, table, lastSequence, sequence)
    }
    lastSequence = sequence
  }
  own.close()
  older.close()
}

function wrongOrder(context: JobContext, table: CompactionInput, above: number, sequence: number): CorruptionError {
  return new CorruptionError(
    context.tablePath(table.number),
    0,
    `it holds version ${sequence} of a key, of which an older run holds version ${above}`,
  )
}
