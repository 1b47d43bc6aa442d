/**
 * Reads the data blocks of a table from first to last, synchronously and in large reads. The indexes say which blocks
 * there are; that they lie without gap or overlap and fill the file is checked, so that none is missed or seen twice.
 */
import type { File } from '../env/env.ts'
import { readFullySync } from '../env/file-io.ts'
import { CorruptionError } from '../errors.ts'
import type { FileNumber } from '../file-names.ts'
import { type Block, ROLE_DATA, ROLE_INDEX, decodeBlock } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import { readHandle } from './block-source.ts'
import { BLOCK_TRAILER_SIZE_BYTES, type BlockHandle, endOf } from './table-format.ts'
import { TableReader } from './table-reader.ts'
import { type Workspace, type WorkspaceRegion, ownRegion } from './workspace.ts'

const READ_AHEAD_SIZE_BYTES: number = 256 * 1024
/** Larger blocks, once decompressed, get memory of their own. */
const DECOMPRESSED_SIZE_BYTES: number = 32 * 1024

/** What a scan takes from a workspace. */
export const SCAN_BUFFER_SIZE_BYTES: number = READ_AHEAD_SIZE_BYTES + DECOMPRESSED_SIZE_BYTES

export class TableBlockScan {
  readonly table: TableReader
  /** Stands at the partition of the current block, and at the block. */
  readonly top: BlockCursor = new BlockCursor()
  readonly index: BlockCursor = new BlockCursor()
  /** Of the current partition; its size is 0 where there are no filters. */
  readonly filterHandle: BlockHandle = { offset: 0, sizeBytes: 0 }
  readonly #indexHandle: BlockHandle = { offset: 0, sizeBytes: 0 }
  readonly #dataHandle: BlockHandle = { offset: 0, sizeBytes: 0 }
  readonly #workspace: Workspace | undefined
  readonly #region: WorkspaceRegion
  /** The end of the region: where a compressed block is decompressed. The rest holds a part of the file. */
  readonly #scratch: WorkspaceRegion
  #isClosed = false
  /** The part of the file that stands in the region. */
  #windowOffset = 0
  #windowEnd = 0
  /** Where the next block has to begin. */
  #expectedOffset = 0
  #blockCount = 0
  #partitionCount = 0
  /** The scan began at a key, not at the beginning: the blocks before are not counted. */
  #isPartial = false
  /** The index stands at the block that comes next. */
  #isPositioned = false

  constructor(file: File, number: FileNumber, sizeBytes: number, workspace?: Workspace) {
    this.table = TableReader.openSync(file, number, sizeBytes)
    this.#workspace = workspace
    this.#region = workspace?.take(SCAN_BUFFER_SIZE_BYTES) ?? ownRegion(SCAN_BUFFER_SIZE_BYTES)
    const { bytes, offset } = this.#region
    this.#scratch = { bytes, offset: offset + READ_AHEAD_SIZE_BYTES, sizeBytes: DECOMPRESSED_SIZE_BYTES }
    this.top.reset(this.table.topIndex)
  }

  /** How many partitions were begun. */
  get partitionCount(): number {
    return this.#partitionCount
  }

  /** Begins with the first block that may hold a key at or behind this one. Before the first block is asked for. */
  seek(key: Uint8Array): void {
    this.#isPartial = true
    if (!this.top.seek(key, 0, key.length)) {
      return
    }
    this.#beginPartition()
    if (!this.index.seek(key, 0, key.length)) {
      throw new CorruptionError(this.table.path, this.index.block.offset, 'an index ends before its own separator')
    }
    this.#isPositioned = true
    readHandle(this.index, this.table, this.index.valueOffset, this.#dataHandle)
    this.#expectedOffset = this.#dataHandle.offset
  }

  /** The next data block, or `undefined` at the end. It is valid until the next call. */
  nextBlock(): Block | undefined {
    if (this.#isPositioned) {
      this.#isPositioned = false
    } else if (this.#partitionCount === 0 || !this.index.next()) {
      if (this.#partitionCount > 0) {
        this.#endPartition()
      }
      if (!this.top.next()) {
        this.#endTable()
        return undefined
      }
      this.#beginPartition()
    }
    const handle = this.#dataHandle
    readHandle(this.index, this.table, this.index.valueOffset, handle)
    this.#expect(handle)
    this.#blockCount++
    return this.#load(handle)
  }

  /** Gives back the buffer. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#workspace?.giveBack(this.#region)
    }
  }

  #beginPartition(): void {
    const { top, table } = this
    readHandle(top, table, readHandle(top, table, top.valueOffset, this.filterHandle), this.#indexHandle)
    this.index.reset(table.readBlockSync(this.#indexHandle.offset, this.#indexHandle.sizeBytes, ROLE_INDEX))
    this.index.next()
    this.#partitionCount++
  }

  #endPartition(): void {
    if (this.filterHandle.sizeBytes > 0) {
      this.#expect(this.filterHandle)
    }
    this.#expect(this.#indexHandle)
  }

  #endTable(): void {
    const { table } = this
    const { dataBlockCount, partitionCount } = table.properties
    if (this.#isPartial && this.#partitionCount === 0) {
      return
    }
    if (
      this.#expectedOffset !== table.bodySizeBytes ||
      (!this.#isPartial && (this.#blockCount !== dataBlockCount || this.#partitionCount !== partitionCount))
    ) {
      throw new CorruptionError(table.path, this.#expectedOffset, 'the indexes do not cover the table')
    }
  }

  #expect(handle: BlockHandle): void {
    if (handle.offset !== this.#expectedOffset) {
      throw new CorruptionError(this.table.path, this.#expectedOffset, 'the index names no block here')
    }
    this.#expectedOffset = endOf(handle)
  }

  #load(handle: BlockHandle): Block {
    const { table } = this
    const region = this.#region
    const end = endOf(handle)
    if (handle.sizeBytes + BLOCK_TRAILER_SIZE_BYTES > READ_AHEAD_SIZE_BYTES) {
      return table.readBlockSync(handle.offset, handle.sizeBytes, ROLE_DATA)
    }
    if (handle.offset < this.#windowOffset || end > this.#windowEnd) {
      const size = Math.min(READ_AHEAD_SIZE_BYTES, table.bodySizeBytes - handle.offset)
      readFullySync(table.file, region.bytes, region.offset, size, handle.offset)
      this.#windowOffset = handle.offset
      this.#windowEnd = handle.offset + size
    }
    const start = region.offset + handle.offset - this.#windowOffset
    const { path, number } = table
    return decodeBlock(region.bytes, start, handle.sizeBytes, ROLE_DATA, path, number, handle.offset, this.#scratch)
  }
}
