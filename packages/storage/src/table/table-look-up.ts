/**
 * Point reads in one table: top index, filter, index, data block, one block of each (see table-format.ts for why one).
 * Nothing is allocated where the source has the blocks.
 */
import { isKnownKind } from '../entry.ts'
import { UnsupportedError } from '../errors.ts'
import type { Block } from './block.ts'
import { ROLE_DATA, ROLE_FILTER, ROLE_INDEX } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import {
  type BlockNaming,
  type BlockSource,
  FOUND,
  NEEDS_BLOCK,
  NOT_FOUND,
  type ReadStatus,
  blockAt,
  getBlock,
  placedBlock,
  readHandle,
} from './block-source.ts'
import { filterMayContain } from './bloom-filter.ts'
import { LISTED, NOT_LISTED, UNSURE_LIST, considerList, readListed, type ListedEntry } from './entry-list.ts'
import { UNSURE } from './index-prefixes.ts'
import type { BlockHandle } from './table-format.ts'
import type { TableReader } from './table-reader.ts'

/** The version that a look-up found. Made once and used again: it owns the cursor that look-ups work with. */
export class LookUpResult implements ListedEntry {
  readonly cursor: BlockCursor = new BlockCursor()
  readonly handle: BlockHandle = { offset: 0, sizeBytes: 0 }
  readonly naming: BlockNaming
  /** Why there is nothing. */
  status: ReadStatus = NOT_FOUND
  bytes: Uint8Array = this.cursor.block.bytes
  kind = 0
  sequence = 0
  /** In `bytes`. */
  valueOffset = 0
  valueSize = 0

  constructor() {
    this.naming = { index: this.cursor.block, position: 0, place: 0 }
  }
}

/**
 * Finds the newest version of `key` (its first `keySize` bytes) that is not newer than `sequence`: FOUND, NOT_FOUND, or
 * NEEDS_BLOCK. `keyHash` is its hash with FILTER_HASH_SEED. A tombstone is found like any other version.
 */
export function lookUp(
  table: TableReader,
  source: BlockSource,
  key: Uint8Array,
  keySize: number,
  keyHash: number,
  sequence: number,
  result: LookUpResult,
): ReadStatus {
  const index = findIndex(table, source, key, keySize, keyHash, sequence, result)
  if (index === undefined) {
    return result.status
  }
  const position = index.prefixes === undefined ? UNSURE : index.prefixes.find(key, keySize)
  const list = position < 0 ? undefined : index.lists?.[position]
  if (list !== undefined) {
    const answer = readListed(list, key, keySize, result)
    if (answer !== UNSURE_LIST && (answer === NOT_LISTED || isKnownKind(result.kind))) {
      ;(index.marks as Uint8Array)[position] = 1
      source.countListed()
      return answer === LISTED && result.sequence <= sequence ? FOUND : NOT_FOUND
    }
  }
  const data = findData(table, source, index, position, key, keySize, sequence, result)
  return data === undefined ? result.status : search(data, key, keySize, sequence, result)
}

/** The index of the partition that may hold the key; `undefined` with `status` in the result: not found, or not loaded. */
function findIndex(
  table: TableReader,
  source: BlockSource,
  key: Uint8Array,
  keySize: number,
  keyHash: number,
  sequence: number,
  result: LookUpResult,
): Block | undefined {
  const top = table.topIndex
  const position = top.prefixes === undefined ? UNSURE : top.prefixes.find(key, keySize)
  if (position >= 0) {
    // What is in memory is nearly always in its place: no entry of an index is read.
    const filter = blockAt(source, top, position * 2, ROLE_FILTER)
    if (filter !== undefined) {
      if (!filterMayContain(filter, keyHash)) {
        result.status = NOT_FOUND
        return undefined
      }
      const index = blockAt(source, top, position * 2 + 1, ROLE_INDEX)
      if (index !== undefined) {
        return index
      }
    }
  }
  return loadedIndex(table, source, key, keySize, keyHash, sequence, result)
}

/** As `findIndex`, by what the entries of the top index say. */
function loadedIndex(
  table: TableReader,
  source: BlockSource,
  key: Uint8Array,
  keySize: number,
  keyHash: number,
  sequence: number,
  result: LookUpResult,
): Block | undefined {
  const { cursor, handle, naming } = result
  result.status = NOT_FOUND
  cursor.reset(table.topIndex)
  if (!cursor.seek(key, 0, keySize, sequence)) {
    return undefined
  }
  naming.index = table.topIndex
  naming.position = cursor.position * 2
  naming.place = cursor.valueOffset
  let filter = placedBlock(source, naming, ROLE_FILTER)
  if (filter === undefined) {
    readHandle(cursor, table, cursor.valueOffset, handle)
    if (handle.sizeBytes > 0) {
      filter = getBlock(source, table, handle, ROLE_FILTER, naming)
      if (filter === undefined) {
        result.status = NEEDS_BLOCK
        return undefined
      }
    }
  }
  if (filter !== undefined && !filterMayContain(filter, keyHash)) {
    return undefined
  }
  naming.position++
  let index = placedBlock(source, naming, ROLE_INDEX)
  if (index === undefined) {
    readHandle(cursor, table, readHandle(cursor, table, cursor.valueOffset, handle), handle)
    index = getBlock(source, table, handle, ROLE_INDEX, naming)
    result.status = NEEDS_BLOCK
  }
  return index
}

/** The data block that may hold the key; `undefined` with `status` in the result: not found, or not loaded. */
function findData(
  table: TableReader,
  source: BlockSource,
  index: Block,
  position: number,
  key: Uint8Array,
  keySize: number,
  sequence: number,
  result: LookUpResult,
): Block | undefined {
  const data = position < 0 ? undefined : blockAt(source, index, position, ROLE_DATA)
  if (data !== undefined) {
    return data
  }
  const { cursor, handle, naming } = result
  cursor.reset(index)
  if (!cursor.seek(key, 0, keySize, sequence)) {
    result.status = NOT_FOUND
    return undefined
  }
  result.status = NEEDS_BLOCK
  naming.index = index
  naming.position = cursor.position
  naming.place = cursor.valueOffset
  const placed = placedBlock(source, naming, ROLE_DATA)
  if (placed !== undefined) {
    return placed
  }
  readHandle(cursor, table, cursor.valueOffset, handle)
  return getBlock(source, table, handle, ROLE_DATA, naming)
}

/** Looks the key up in the data block itself. */
function search(data: Block, key: Uint8Array, keySize: number, sequence: number, result: LookUpResult): ReadStatus {
  considerList(data)
  const { cursor } = result
  cursor.reset(data)
  if (!cursor.seek(key, 0, keySize, sequence) || !isKey(cursor, key, keySize)) {
    return NOT_FOUND
  }
  checkKind(cursor)
  result.bytes = data.bytes
  result.kind = cursor.kind
  result.sequence = cursor.sequence
  result.valueOffset = cursor.valueOffset
  result.valueSize = cursor.valueSize
  return FOUND
}

/**
 * Where in the file the data block begins that would hold `key`: the file's size behind the last key; -1 if a block has
 * to be loaded first.
 */
export function approximateOffsetOf(table: TableReader, source: BlockSource, key: Uint8Array, keySize: number): number {
  const handle = { offset: 0, sizeBytes: 0 }
  const cursor = new BlockCursor()
  cursor.reset(table.topIndex)
  if (!cursor.seek(key, 0, keySize)) {
    return table.sizeBytes
  }
  readHandle(cursor, table, readHandle(cursor, table, cursor.valueOffset, handle), handle)
  const index = getBlock(source, table, handle, ROLE_INDEX)
  if (index === undefined) {
    return -1
  }
  cursor.reset(index)
  if (!cursor.seek(key, 0, keySize)) {
    return handle.offset
  }
  readHandle(cursor, table, cursor.valueOffset, handle)
  return handle.offset
}

/** @throws UnsupportedError if this version of Varve cannot read the entry that `cursor` stands at */
export function checkKind(cursor: BlockCursor): void {
  if (!isKnownKind(cursor.kind)) {
    const { path, offset } = cursor.block
    throw new UnsupportedError(
      `${path} holds an entry of kind ${cursor.kind} in the block at offset ${offset}, which this version of Varve cannot read`,
    )
  }
}

function isKey(cursor: BlockCursor, key: Uint8Array, keySize: number): boolean {
  if (cursor.keySize !== keySize) {
    return false
  }
  const found = cursor.key
  for (let i = 0; i < keySize; i++) {
    if (found[i] !== key[i]) {
      return false
    }
  }
  return true
}
