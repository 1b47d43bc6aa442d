/** The properties of LevelDB, read from the figures of the store. An unknown one is an empty string, as there. */
import type { LevelStats, StoreStats } from 'varve'

const MIB = 1024 * 1024
const FILE_COUNT = /^leveldb\.num-files-at-level(\d+)$/

export function propertyOf(stats: StoreStats, name: string): string {
  const level = FILE_COUNT.exec(name)?.[1]
  if (level !== undefined) {
    return String(stats.levels[Number(level)]?.tableCount ?? '')
  }
  switch (name) {
    case 'leveldb.stats':
      return statsText(stats)
    case 'leveldb.sstables':
      return stats.levels.map(tablesText).join('')
    case 'leveldb.approximate-memory-usage':
      return String(stats.memory.totalSizeBytes)
    default:
      return ''
  }
}

function tablesText({ level, tableCount, sizeBytes }: LevelStats): string {
  return `--- level ${level} ---\n${tableCount === 0 ? '' : ` ${tableCount} tables: ${sizeBytes} bytes\n`}`
}

function statsText({ levels, jobs }: StoreStats): string {
  const head = [
    '                 Levels',
    'Level  Files  Size(MB)  Entries  Tombstones',
    '-------------------------------------------',
  ]
  const rows = levels.map(({ level, tableCount, sizeBytes, entryCount, tombstoneCount }) =>
    [
      String(level).padStart(5),
      String(tableCount).padStart(7),
      (sizeBytes / MIB).toFixed(1).padStart(10),
      String(entryCount).padStart(9),
      String(tombstoneCount).padStart(12),
    ].join(''),
  )
  const written = jobs.flush.bytesWritten + jobs.compaction.bytesWritten
  return [...head, ...rows, `Written to tables: ${(written / MIB).toFixed(1)} MB`, ''].join('\n')
}
