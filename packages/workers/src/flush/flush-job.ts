/** The flush job: one memtable, given as the image of its WAL, becomes tables sorted by key. */
import type { TableMetadata } from '@varve/storage'
import { EntrySorter } from './entry-sorter.ts'
import { ADVANCE_ENTRY_COUNT } from '../jobs/job-context.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { FlushRequest, JobWork } from '../jobs/job-protocol.ts'
import { OutputTables } from '../jobs/output-tables.ts'
import { VersionFilter } from '../jobs/version-filter.ts'
import { readWalEntries } from './wal-entries.ts'
import type { WalEntries } from './wal-entries.ts'

/** @throws CorruptionError if the arena is not what a commit leaves, IoError, JobCancelledError */
export function runFlush(context: JobContext, request: FlushRequest): JobWork {
  const bytes = new Uint8Array(request.arena)
  const path = context.walPath(request.walNumber)
  const entries = readWalEntries(bytes, request.committedSizeBytes, request.walNumber, path, context.memory)
  context.advance()
  const order = new EntrySorter(bytes, entries.keyOffsets, entries.keySizes, context.memory).sort()
  const { tables, entriesDropped } = writeTables(context, request, bytes, entries, order)
  return {
    tables,
    entriesIn: entries.count,
    entriesOut: tables.reduce((sum, table) => sum + table.entryCount, 0),
    entriesDropped,
    bytesRead: request.committedSizeBytes,
    bytesWritten: tables.reduce((sum, table) => sum + table.sizeBytes, 0),
  }
}

function writeTables(
  context: JobContext,
  request: FlushRequest,
  bytes: Uint8Array,
  entries: WalEntries,
  order: Uint32Array,
): { tables: readonly TableMetadata[]; entriesDropped: number } {
  // Older versions of a key may stand in older tables: tombstones stay.
  const filter = new VersionFilter(request.liveSequences, false)
  const output = new OutputTables(context, request)
  const { kinds, keyOffsets, keySizes, valueSizes, firstSequence } = entries
  let entriesDropped = 0
  let isNewKey = true
  let lastOffset = 0
  let lastSize = -1
  for (let i = 0; i < order.length; i++) {
    if (i % ADVANCE_ENTRY_COUNT === 0) {
      context.advance()
    }
    const entry = order[i] as number
    const offset = keyOffsets[entry] as number
    const size = keySizes[entry] as number
    if (size !== lastSize || !isSame(bytes, offset, lastOffset, size)) {
      filter.startKey()
      isNewKey = true
    }
    lastOffset = offset
    lastSize = size
    const sequence = firstSequence + entry
    const kind = kinds[entry] as number
    if (filter.keeps(sequence, kind)) {
      output.add(isNewKey, bytes, offset, size, sequence, kind, bytes, offset + size, valueSizes[entry] as number)
      isNewKey = false
    } else {
      entriesDropped++
    }
  }
  return { tables: output.finish(), entriesDropped }
}

function isSame(bytes: Uint8Array, offset: number, otherOffset: number, size: number): boolean {
  for (let i = 0; i < size; i++) {
    if (bytes[offset + i] !== bytes[otherOffset + i]) {
      return false
    }
  }
  return true
}
