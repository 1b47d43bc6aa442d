/**
 * Where the entries of a memtable's arena lie, in the order in which they were written: entry i has the sequence
 * `firstSequence + i`. Columns of numbers: no object an entry.
 */
import {
  CorruptionError,
  KEY_SIZE_BYTES_MAX,
  WAL_HEADER_SIZE_BYTES,
  WalEntryReader,
  readWalGroup,
  readWalHeader,
} from '@varve/storage'
import type { WalGroup } from '@varve/storage'
import { SORT_SIZE_BYTES_PER_ENTRY } from './entry-sorter.ts'
import type { JobMemory } from '../jobs/job-memory.ts'

/** A delete of the empty key: one byte of kind, one of size. */
const ENTRY_SIZE_BYTES_MIN = 2

/** What an entry takes in the columns here and in those of the sort. */
const COLUMNS_SIZE_BYTES_PER_ENTRY: number = 13 + SORT_SIZE_BYTES_PER_ENTRY
/** Columns begin at whole words. */
const COLUMNS_PADDING_BYTES = 64

export interface WalEntries {
  readonly count: number
  readonly firstSequence: number
  readonly kinds: Uint8Array
  readonly keyOffsets: Uint32Array
  readonly keySizes: Uint32Array
  readonly valueSizes: Uint32Array
}

/**
 * The entries of the first `sizeBytes` bytes of a WAL's image, which have to be its header and whole groups, each
 * continuing the sequence of the one before.
 * @throws CorruptionError, UnsupportedError
 */
export function readWalEntries(
  bytes: Uint8Array,
  sizeBytes: number,
  walNumber: number,
  path: string,
  memory: JobMemory,
): WalEntries {
  const groups = readGroups(bytes, sizeBytes, walNumber, path)
  const count = groups.reduce((sum, group) => sum + group.count, 0)
  memory.startColumns(count * COLUMNS_SIZE_BYTES_PER_ENTRY + COLUMNS_PADDING_BYTES)
  const entries: WalEntries = {
    count,
    firstSequence: groups[0]?.baseSequence ?? 0,
    kinds: memory.bytes(count),
    keyOffsets: memory.words(count),
    keySizes: memory.words(count),
    valueSizes: memory.words(count),
  }
  const reader = new WalEntryReader()
  let at = 0
  for (const group of groups) {
    reader.reset(bytes, group.payloadOffset, group.endOffset, path)
    const end = at + group.count
    while (reader.next()) {
      if (at === end || reader.keySize > KEY_SIZE_BYTES_MAX) {
        throw new CorruptionError(path, reader.offset, 'a group holds an entry too many or one with too large a key')
      }
      entries.kinds[at] = reader.kind
      entries.keyOffsets[at] = reader.keyOffset
      entries.keySizes[at] = reader.keySize
      entries.valueSizes[at] = reader.valueSize
      at++
    }
    if (at !== end) {
      throw new CorruptionError(path, group.offset, 'a group holds fewer entries than it says')
    }
  }
  return entries
}

function readGroups(bytes: Uint8Array, sizeBytes: number, walNumber: number, path: string): WalGroup[] {
  if (sizeBytes > bytes.length) {
    throw new CorruptionError(path, bytes.length, `the log ends before the ${sizeBytes} bytes that were committed`)
  }
  const header = readWalHeader(bytes, sizeBytes, path)
  if (header?.number !== walNumber) {
    throw new CorruptionError(path, 0, `there is no header of log ${walNumber}`)
  }
  const groups: WalGroup[] = []
  let nextSequence = 0
  for (let offset = WAL_HEADER_SIZE_BYTES; offset < sizeBytes;) {
    const group = readWalGroup(bytes, sizeBytes, header, offset)
    if (group === undefined || group.count * ENTRY_SIZE_BYTES_MIN > group.endOffset - group.payloadOffset) {
      throw new CorruptionError(path, offset, 'no whole group stands where the log has been committed')
    }
    if (group.baseSequence === 0 || (groups.length > 0 && group.baseSequence !== nextSequence)) {
      throw new CorruptionError(
        path,
        offset,
        `a group begins at sequence ${group.baseSequence} where ${nextSequence} is next`,
      )
    }
    nextSequence = group.baseSequence + group.count
    offset = group.endOffset
    groups.push(group)
  }
  return groups
}
