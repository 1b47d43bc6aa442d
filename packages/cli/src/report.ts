/** Tables: what is on each level, what the writes cost, what the store holds. */
import Table from 'cli-table3'
import type { JobStats, StoreStats } from 'varve'
import { countOf, formatCount, formatDuration, formatSize } from './quantity.ts'

/** Write amplification is told from so many bytes of keys and values on. */
const AMPLIFICATION_SIZE_BYTES_MIN = 1024 * 1024

type Align = 'left' | 'right'
type Cell = string

/** The first column left, all others right, unless said otherwise. */
export function renderTable(
  head: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  aligns?: readonly Align[],
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => aligns?.[index] ?? (index === 0 ? 'left' : 'right')),
    // No colours: the text must read the same in a file.
    style: { head: [], border: [], compact: true },
  })
  table.push(...rows.map((row) => [...row]))
  return table.toString()
}

export function renderLevels(stats: StoreStats): string {
  const used = stats.levels.filter(({ tableCount }) => tableCount > 0)
  if (used.length === 0) {
    return 'Levels: no tables yet; everything is in the log and in memory.'
  }
  const rows = used.map(({ level, tableCount, sizeBytes, entryCount, tombstoneCount }) => [
    `L${level}`,
    formatCount(tableCount),
    formatSize(sizeBytes),
    formatCount(entryCount),
    formatCount(tombstoneCount),
  ])
  const sum = (read: (level: StoreStats['levels'][number]) => number): number =>
    used.reduce((total, level) => total + read(level), 0)
  rows.push([
    'all',
    formatCount(sum((level) => level.tableCount)),
    formatSize(sum((level) => level.sizeBytes)),
    formatCount(sum((level) => level.entryCount)),
    formatCount(sum((level) => level.tombstoneCount)),
  ])
  return renderTable(['level', 'tables', 'size', 'entries', 'tombstones'], rows)
}

/** What the tables cost in room, in reads, and in work to be done; undefined if there are none. */
export function renderShape(stats: StoreStats): string | undefined {
  if (tableSizeBytes(stats) === 0) {
    return undefined
  }
  const rows = [
    ['space amplification', stats.spaceAmplification.toFixed(2)],
    ['runs that a read may look into', formatCount(stats.readAmplification)],
    ['to be written by compactions', formatSize(stats.pendingCompactionSizeBytes)],
  ]
  return renderTable(['tables', ''], rows)
}

export function tableSizeBytes({ levels }: StoreStats): number {
  return levels.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
}

/** What was written since the store was opened; undefined if nothing was. */
export function renderWrites(stats: StoreStats): string | undefined {
  const { writes, jobs, stalls } = stats
  if (writes.operationCount === 0) {
    return undefined
  }
  const rows = [
    ['operations', formatCount(writes.operationCount)],
    ['commit groups', `${formatCount(writes.groupCount)} (${perGroup(writes)} operations each)`],
    ['keys and values', formatSize(writes.userSizeBytes)],
    ['log', `${formatSize(writes.walSizeBytes)}, ${countOf(writes.syncCount, 'sync')}`],
    ['flushes', describeJobs(jobs.flush)],
    ['compactions', describeJobs(jobs.compaction)],
    ['tables moved as they were', formatCount(jobs.moveCount)],
    ['write amplification', describeWriteAmplification(stats)],
    ['read by jobs and reads', formatSize(stats.io.bytesRead)],
    ['stalls', `${formatCount(stalls.count)}, ${formatDuration(stalls.totalMs)}`],
    ...stallRows(stalls),
  ]
  return renderTable(['since the store was opened', ''], rows)
}

/** To follow a line of progress that would stand still without a reason; empty while writes go on. */
export function describeStall({ stalls }: StoreStats): string {
  const what = stalls.currentKind === 'delay' ? 'slower, so that it is not ahead of' : 'waiting for'
  switch (stalls.current) {
    case undefined:
      return ''
    case 'frozen-memtables':
      return `, ${what} a flush`
    case 'level-zero-tables':
    case 'pending-compaction':
      return `, ${what} a compaction`
  }
}

function describeJobs({ count, failedCount, totalMs, bytesWritten }: JobStats): string {
  const failed = failedCount === 0 ? '' : `, ${formatCount(failedCount)} failed`
  return `${formatCount(count)} in ${formatDuration(totalMs)}, ${formatSize(bytesWritten)} written${failed}`
}

/** By cause and kind, those that there were. */
function stallRows({ causes }: StoreStats['stalls']): Cell[][] {
  return Object.entries(causes).flatMap(([cause, kinds]) =>
    Object.entries(kinds)
      .filter(([, { count }]) => count > 0)
      .map(([kind, { count, totalMs }]) => [
        `- ${cause}, ${kind === 'delay' ? 'slower' : 'stopped'}`,
        `${formatCount(count)}, ${formatDuration(totalMs)}`,
      ]),
  )
}

/** Tables of earlier runs may have been compacted: beside a few puts that is no measure of what those cost. */
function describeWriteAmplification({ writes, writeAmplification }: StoreStats): string {
  return writes.userSizeBytes < AMPLIFICATION_SIZE_BYTES_MIN
    ? 'too few writes to tell'
    : `${writeAmplification.toFixed(2)} (the log apart)`
}

function perGroup({ operationCount, groupCount }: StoreStats['writes']): string {
  return groupCount === 0 ? '0' : (operationCount / groupCount).toFixed(1)
}
