/** How many bytes of tables a range takes, from the indexes alone: exact to a block at each end of a table. */
import { approximateOffsetOf } from '@varve/storage'
import type { TableCache } from '../cache/table-cache.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { overlaps, type KeyRange, type Version } from '../version/version.ts'
import { ReadContext } from './read-context.ts'

export async function approximateSizeBytes(tables: TableCache, version: Version, range: KeyRange): Promise<number> {
  const context = new ReadContext(tables)
  let sizeBytes = 0
  for (const table of version.levels.flat()) {
    if (overlaps(table, range)) {
      const start = range.lower === undefined ? 0 : await offsetOf(context, table, range.lower)
      const end = range.upper === undefined ? table.metadata.sizeBytes : await offsetOf(context, table, range.upper)
      sizeBytes += Math.max(0, end - start)
    }
  }
  return sizeBytes
}

async function offsetOf(context: ReadContext, table: TableHandle, key: Uint8Array): Promise<number> {
  for (;;) {
    const reader = context.table(table)
    const offset = reader === undefined ? -1 : approximateOffsetOf(reader, context, key, key.length)
    if (offset >= 0) {
      return offset
    }
    await context.load()
  }
}
