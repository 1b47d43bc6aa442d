/**
 * Where reads get their blocks from: usually a cache. One code serves synchronous and asynchronous callers: where the
 * source has no block, the read returns NEEDS_BLOCK, the caller loads the block that the source was last asked for, in
 * its own way, and calls the same operation again.
 *
 * A source must keep what was loaded for an operation until that ends: one that forgets the index while the data block
 * is loaded would never get anywhere. A look-up needs three blocks at a time, an operation of a
 * cursor at most four (two indexes and two data blocks, where `seekBefore` crosses from one partition to the next).
 */
import { CorruptionError } from '../errors.ts'
import type { Block, BlockRole } from './block.ts'
import type { BlockCursor } from './block-cursor.ts'
import { getVarint, varintSizeBytes } from '../coding.ts'
import { endOf, type BlockHandle } from './table-format.ts'
import type { TableReader } from './table-reader.ts'

export interface BlockSource {
  /** The block of `sizeBytes` at `offset` of `table`, or `undefined` if it has to be loaded first. */
  get(table: TableReader, offset: number, sizeBytes: number, role: BlockRole, naming?: BlockNaming): Block | undefined
  /** A block that is in its place was used. */
  touch(block: Block): void
  /** A data block was used by its list. */
  countListed(): void
}

/** The entry of an index that names a block: where a cache may note it. See `Block.places`. */
export interface BlockNaming {
  index: Block
  position: number
  place: number
}

/** The block in a place of an index whose positions are known to be right, as prefixes are. */
export function blockAt(source: BlockSource, index: Block, position: number, role: BlockRole): Block | undefined {
  const block = index.places?.[position]
  if (block === undefined || block.role !== role) {
    return undefined
  }
  source.touch(block)
  return block
}

/** The block in the place that `naming` says, if it has been noted there. */
export function placedBlock(source: BlockSource, naming: BlockNaming, role: BlockRole): Block | undefined {
  const block = naming.index.places?.[naming.position]
  if (block === undefined || block.place !== naming.place || block.role !== role) {
    return undefined
  }
  source.touch(block)
  return block
}

/** What a read, or a step of a cursor, comes to. */
export type ReadStatus = 0 | 1 | 2
export const NOT_FOUND = 0
export const AT_END = 0
export const FOUND = 1
export const AT_ENTRY = 1
export const NEEDS_BLOCK = 2

/** Asks `source` for the block, and checks that it is what it is needed as. */
export function getBlock(
  source: BlockSource,
  table: TableReader,
  handle: BlockHandle,
  role: BlockRole,
  naming?: BlockNaming,
): Block | undefined {
  const block = source.get(table, handle.offset, handle.sizeBytes, role, naming)
  if (block !== undefined && block.role !== role) {
    throw new CorruptionError(table.path, handle.offset, 'a block has two uses')
  }
  return block
}

/** Reads a handle from the value of the entry that `cursor` stands at; returns the offset behind it. */
export function readHandle(cursor: BlockCursor, table: TableReader, offset: number, handle: BlockHandle): number {
  const bytes = cursor.block.bytes
  const end = cursor.valueOffset + cursor.valueSize
  const blockOffset = getVarint(bytes, offset, end)
  const sizeOffset = offset + varintSizeBytes(Math.max(blockOffset, 0))
  const sizeBytes = getVarint(bytes, sizeOffset, end)
  handle.offset = blockOffset
  handle.sizeBytes = sizeBytes
  if (blockOffset < 0 || sizeBytes < 0 || endOf(handle) > table.bodySizeBytes) {
    throw new CorruptionError(table.path, cursor.block.offset, 'an index points out of its table')
  }
  return sizeOffset + varintSizeBytes(sizeBytes)
}
