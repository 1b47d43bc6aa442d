/**
 * An open table, as the main thread and scans read it: the top index and the properties in memory, other blocks read on
 * demand and checked. It caches nothing and never closes the file, which is its owner's.
 */
import type { File } from '../env/env.ts'
import { readFully, readFullySync } from '../env/file-io.ts'
import { CorruptionError } from '../errors.ts'
import type { FileNumber } from '../file-names.ts'
import { type Block, type BlockRole, ROLE_DATA, ROLE_FILTER, ROLE_INDEX, decodeBlock } from './block.ts'
import { listRoomSizeBytes } from './entry-list.ts'
import { BLOCK_TRAILER_SIZE_BYTES, TABLE_FOOTER_SIZE_BYTES, readTableFooter, type TableFooter } from './table-format.ts'
import { type TableProperties, decodeTableProperties } from './table-properties.ts'

/** The first read when a table is opened; it nearly always has all that is needed. */
const TAIL_SIZE_BYTES = 64 * 1024
const OVERHEAD_SIZE_BYTES = 2048

export class TableReader {
  readonly file: File
  readonly number: FileNumber
  readonly sizeBytes: number
  readonly properties: TableProperties
  readonly topIndex: Block
  readonly #bodySizeBytes: number
  /** Behind each data block that it reads, for the block's entry list. */
  readonly listRoomSizeBytes: number

  private constructor(file: File, number: FileNumber, sizeBytes: number, tail: Tail) {
    const { footer, bytes, offset } = tail
    const topStart = footer.topIndex.offset - offset
    // Copies: the read may be much larger than what is kept.
    const top = bytes.slice(topStart, topStart + footer.topIndex.sizeBytes + BLOCK_TRAILER_SIZE_BYTES)
    const start = footer.properties.offset - offset
    const size = footer.properties.sizeBytes
    const { offset: at } = footer.properties
    const properties = decodeBlock(bytes, start, size, ROLE_FILTER, file.path, number, at)
    this.file = file
    this.number = number
    this.sizeBytes = sizeBytes
    this.properties = decodeTableProperties(properties.bytes.subarray(properties.start, properties.end), file.path, at)
    this.topIndex = decodeBlock(
      top,
      0,
      footer.topIndex.sizeBytes,
      ROLE_INDEX,
      file.path,
      number,
      footer.topIndex.offset,
    )
    this.#bodySizeBytes = footer.topIndex.offset
    const { entryCount, dataBlockCount, rawKeySizeBytes, rawValueSizeBytes } = this.properties
    this.listRoomSizeBytes = listRoomSizeBytes(entryCount, dataBlockCount, rawKeySizeBytes + rawValueSizeBytes)
    if (this.properties.number !== number) {
      throw new CorruptionError(file.path, footer.properties.offset, 'the properties are of another table')
    }
  }

  /**
   * Opens table `number`, which has `sizeBytes` bytes according to whoever names it.
   * @throws CorruptionError, UnsupportedError, IoError
   */
  static openSync(file: File, number: FileNumber, sizeBytes: number): TableReader {
    const tail = firstTail(file, sizeBytes)
    readFullySync(file, tail, 0, tail.length, sizeBytes - tail.length)
    const footer = footerOf(tail, file, number, sizeBytes)
    const offset = footer.topIndex.offset
    if (offset >= sizeBytes - tail.length) {
      return new TableReader(file, number, sizeBytes, { footer, bytes: tail, offset: sizeBytes - tail.length })
    }
    const bytes = new Uint8Array(sizeBytes - offset)
    readFullySync(file, bytes, 0, bytes.length, offset)
    return new TableReader(file, number, sizeBytes, { footer, bytes, offset })
  }

  /** As `openSync`, without blocking. */
  static async open(file: File, number: FileNumber, sizeBytes: number): Promise<TableReader> {
    const tail = firstTail(file, sizeBytes)
    await readFully(file, tail, 0, tail.length, sizeBytes - tail.length)
    const footer = footerOf(tail, file, number, sizeBytes)
    const offset = footer.topIndex.offset
    if (offset >= sizeBytes - tail.length) {
      return new TableReader(file, number, sizeBytes, { footer, bytes: tail, offset: sizeBytes - tail.length })
    }
    const bytes = new Uint8Array(sizeBytes - offset)
    await readFully(file, bytes, 0, bytes.length, offset)
    return new TableReader(file, number, sizeBytes, { footer, bytes, offset })
  }

  get path(): string {
    return this.file.path
  }

  /** Where partitions end and the top index begins. */
  get bodySizeBytes(): number {
    return this.#bodySizeBytes
  }

  /** Memory that the open table takes. */
  get memorySizeBytes(): number {
    const { smallestKey, largestKey } = this.properties
    return this.topIndex.sizeBytes + smallestKey.length + largestKey.length + OVERHEAD_SIZE_BYTES
  }

  /** The block at `offset`. @throws CorruptionError, UnsupportedError, IoError */
  readBlockSync(offset: number, sizeBytes: number, role: BlockRole): Block {
    const listRoom = role === ROLE_DATA ? this.listRoomSizeBytes : 0
    const raw = this.#roomFor(offset, sizeBytes, listRoom)
    readFullySync(this.file, raw, 0, sizeBytes + BLOCK_TRAILER_SIZE_BYTES, offset)
    return decodeBlock(raw, 0, sizeBytes, role, this.file.path, this.number, offset, undefined, listRoom)
  }

  /** As `readBlockSync`, without blocking. */
  async readBlock(offset: number, sizeBytes: number, role: BlockRole): Promise<Block> {
    const listRoom = role === ROLE_DATA ? this.listRoomSizeBytes : 0
    const raw = this.#roomFor(offset, sizeBytes, listRoom)
    await readFully(this.file, raw, 0, sizeBytes + BLOCK_TRAILER_SIZE_BYTES, offset)
    return decodeBlock(raw, 0, sizeBytes, role, this.file.path, this.number, offset, undefined, listRoom)
  }

  /** Bytes as they stand in the file, unchecked; for those who decode several blocks at once. */
  async readBytes(offset: number, sizeBytes: number): Promise<Uint8Array> {
    const bytes = this.#roomFor(offset, sizeBytes - BLOCK_TRAILER_SIZE_BYTES, 0)
    await readFully(this.file, bytes, 0, bytes.length, offset)
    return bytes
  }

  /** Checked before memory is allocated: a size comes from the file. */
  #roomFor(offset: number, sizeBytes: number, listRoom: number): Uint8Array {
    if (offset + sizeBytes + BLOCK_TRAILER_SIZE_BYTES > this.#bodySizeBytes) {
      throw new CorruptionError(this.file.path, offset, 'a block reaches beyond its part of the file')
    }
    return new Uint8Array(sizeBytes + BLOCK_TRAILER_SIZE_BYTES + listRoom)
  }
}

/** The end of a file, from `offset` on. */
interface Tail {
  readonly footer: TableFooter
  readonly bytes: Uint8Array
  readonly offset: number
}

function firstTail(file: File, sizeBytes: number): Uint8Array {
  const actual = file.sizeSync()
  if (actual !== sizeBytes) {
    throw new CorruptionError(
      file.path,
      Math.min(actual, sizeBytes),
      `it has ${actual} bytes where ${sizeBytes} were written`,
    )
  }
  if (sizeBytes < TABLE_FOOTER_SIZE_BYTES) {
    throw new CorruptionError(file.path, 0, 'it is too small to be a table')
  }
  return new Uint8Array(Math.min(sizeBytes, TAIL_SIZE_BYTES))
}

function footerOf(tail: Uint8Array, file: File, number: FileNumber, sizeBytes: number): TableFooter {
  return readTableFooter(tail, tail.length - TABLE_FOOTER_SIZE_BYTES, file.path, number, sizeBytes)
}
