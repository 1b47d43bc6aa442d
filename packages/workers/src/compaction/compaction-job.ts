/** The compaction job: runs of tables become one run of new tables, without what no reader can ask for any more. */
import { ADVANCE_ENTRY_COUNT } from '../jobs/job-context.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { CompactionRequest, JobWork } from '../jobs/job-protocol.ts'
import { Merge } from './merge.ts'
import { RunReader } from './run-reader.ts'
import { OutputTables } from '../jobs/output-tables.ts'
import { VersionFilter } from '../jobs/version-filter.ts'

/** @throws CorruptionError if an input is not what the manifest knows of it, IoError, JobCancelledError */
export function runCompaction(context: JobContext, request: CompactionRequest): JobWork {
  const runs = request.runs.map((tables) => new RunReader(context, tables, request.span))
  const merge = new Merge(runs)
  const filter = new VersionFilter(request.liveSequences, request.isBottom)
  const output = new OutputTables(context, request, request.grandparents)
  let entriesDropped = 0
  let untilAdvance = 0
  let isNewOutputKey = true
  for (let scan = merge.next(); scan !== undefined; scan = merge.next()) {
    if (untilAdvance-- === 0) {
      context.advance()
      untilAdvance = ADVANCE_ENTRY_COUNT
    }
    if (merge.isNewKey) {
      filter.startKey()
      isNewOutputKey = true
    }
    const { keyBytes, keyOffset, keySize, sequence, kind, valueBytes, valueOffset, valueSize } = scan
    if (filter.keeps(sequence, kind)) {
      const written = filter.writtenSequence(sequence)
      output.add(isNewOutputKey, keyBytes, keyOffset, keySize, written, kind, valueBytes, valueOffset, valueSize)
      isNewOutputKey = false
    } else {
      entriesDropped++
    }
  }
  const tables = output.finish()
  return {
    tables,
    entriesIn: runs.reduce((sum, run) => sum + run.entryCount, 0),
    entriesOut: tables.reduce((sum, table) => sum + table.entryCount, 0),
    entriesDropped,
    bytesRead: runs.reduce((sum, run) => sum + run.bytesRead, 0),
    bytesWritten: tables.reduce((sum, table) => sum + table.sizeBytes, 0),
  }
}
