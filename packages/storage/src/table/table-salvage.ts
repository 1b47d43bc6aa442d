/**
 * Reads what can be read of a damaged table: its data blocks in order, and where something is missing. For repair alone.
 *
 * 1. Where the indexes can be read, they say where the data blocks lie; each is read by itself.
 * 2. Where they cannot, blocks are searched for: a data block is known by its form alone. Its entries follow each other,
 *    every 16th is a restart point, so that after k entries there are ceil(k / 16) restart points, and where no entry
 *    follows, they must stand, and behind them a trailer whose checksum is right for this place in this file. A compressed
 *    one says its size, and its first byte is none that another begins with.
 */
import { getUint32, getVarint, varintSizeBytes } from '../coding.ts'
import { isKnownKind } from '../entry.ts'
import { CODECS, CODEC_NONE } from '../compression/codec.ts'
import { storedSizeOf } from '../compression/compressed-block.ts'
import type { File } from '../env/env.ts'
import { CorruptionError, IoError } from '../errors.ts'
import type { FileNumber } from '../file-names.ts'
import { type Block, ROLE_DATA, ROLE_INDEX, decodeBlock } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import { readHandle } from './block-source.ts'
import { FileWindow } from './file-window.ts'
import { BLOCK_TRAILER_SIZE_BYTES, RESTART_INTERVAL, type BlockHandle, endOf } from './table-format.ts'
import { TableReader } from './table-reader.ts'

/** Part of a table: a data block, valid until the next one is asked for, or bytes of which nothing is left. */
export type SalvagedPart = { readonly block: Block } | { readonly gap: TableGap }

export interface TableGap {
  readonly offset: number
  readonly sizeBytes: number
  readonly error: CorruptionError | IoError
}

/** The shortest entry: three sizes and a tag. */
const ENTRY_SIZE_BYTES_MIN = 4
const BLOCK_SIZE_BYTES_MIN = ENTRY_SIZE_BYTES_MIN + 8
/** The search gives up when it has looked at so many entries for each byte: no honest file needs one. */
const STEPS_PER_BYTE_MAX = 2
/** So many bytes are checked in the time that a look at an entry takes. */
const CHECKSUM_BYTES_PER_STEP = 64
/** Sizes at the beginning of a compressed block. */
const HEAD_SIZE_BYTES_MAX = 10

/** @throws UnsupportedError if a newer version wrote the table; IoError if the file cannot be read at all */
export function* salvageTable(file: File, number: FileNumber): Generator<SalvagedPart> {
  const sizeBytes = file.sizeSync()
  const table = attempt(() => TableReader.openSync(file, number, sizeBytes))
  if (table instanceof Error) {
    yield* search(file, number, 0, sizeBytes, table)
    // The file may have been cut behind any block: nothing says how many there were.
    yield { gap: { offset: sizeBytes, sizeBytes: 0, error: table } }
    return
  }
  const top = new BlockCursor()
  top.reset(table.topIndex)
  let offset = 0
  for (;;) {
    const handle = attempt(() => (top.next() ? indexHandleOf(top, table) : undefined))
    if (handle instanceof Error) {
      yield* search(file, number, offset, table.bodySizeBytes, handle)
      return
    }
    if (handle === undefined) {
      return
    }
    if (handle.offset < offset) {
      const error = new CorruptionError(file.path, handle.offset, 'an index names blocks out of order')
      yield* search(file, number, offset, table.bodySizeBytes, error)
      return
    }
    yield* salvagePartition(table, offset, handle)
    offset = endOf(handle)
  }
}

function* salvagePartition(table: TableReader, from: number, handle: BlockHandle): Generator<SalvagedPart> {
  const { file, number } = table
  const block = attempt(() => table.readBlockSync(handle.offset, handle.sizeBytes, ROLE_INDEX))
  if (block instanceof Error) {
    yield* search(file, number, from, handle.offset, block)
    return
  }
  const index = new BlockCursor()
  index.reset(block)
  let offset = from
  for (;;) {
    const data = attempt(() => (index.next() ? dataHandleOf(index, table) : undefined))
    if (data === undefined) {
      return
    }
    if (data instanceof Error || data.offset !== offset) {
      const error = new CorruptionError(file.path, handle.offset, 'an index names no block here')
      yield* search(file, number, offset, handle.offset, data instanceof Error ? data : error)
      return
    }
    const read = attempt(() => table.readBlockSync(data.offset, data.sizeBytes, ROLE_DATA))
    offset = endOf(data)
    yield read instanceof Error
      ? { gap: { offset: data.offset, sizeBytes: data.sizeBytes, error: read } }
      : { block: read }
  }
}

/** Data blocks between two offsets, wherever they begin. */
function* search(
  file: File,
  number: FileNumber,
  from: number,
  to: number,
  error: CorruptionError | IoError,
): Generator<SalvagedPart> {
  const finder = new BlockFinder(file, number, from, to)
  let gapOffset = from
  for (let at = from; at + BLOCK_SIZE_BYTES_MIN + BLOCK_TRAILER_SIZE_BYTES <= to && !finder.isExhausted;) {
    const block = attempt(() => finder.blockAt(at))
    if (block instanceof IoError) {
      break
    }
    if (block === undefined || block instanceof Error) {
      at++
      continue
    }
    if (at > gapOffset) {
      yield { gap: { offset: gapOffset, sizeBytes: at - gapOffset, error } }
    }
    at = finder.end
    gapOffset = at
    yield { block }
  }
  if (gapOffset < to) {
    yield { gap: { offset: gapOffset, sizeBytes: to - gapOffset, error } }
  }
}

class BlockFinder {
  /** Behind the block found last. */
  end = 0
  readonly #number: FileNumber
  readonly #window: FileWindow
  readonly #to: number
  #stepsLeft: number

  constructor(file: File, number: FileNumber, from: number, to: number) {
    this.#number = number
    this.#window = new FileWindow(file, to)
    this.#to = to
    this.#stepsLeft = (to - from) * STEPS_PER_BYTE_MAX
  }

  get isExhausted(): boolean {
    return this.#stepsLeft <= 0
  }

  /** The data block that begins at `offset`, if one does. */
  blockAt(offset: number): Block | undefined {
    return this.#compressedBlockAt(offset) ?? this.#plainBlockAt(offset)
  }

  #compressedBlockAt(offset: number): Block | undefined {
    const window = this.#window
    if (!window.load(offset, Math.min(HEAD_SIZE_BYTES_MAX, this.#to - offset))) {
      return undefined
    }
    const start = offset - window.offset
    const sizeBytes = storedSizeOf(window.bytes, start, start + HEAD_SIZE_BYTES_MAX)
    const end = offset + sizeBytes + BLOCK_TRAILER_SIZE_BYTES
    if (sizeBytes === 0 || end > this.#to || !window.load(offset, end - offset)) {
      return undefined
    }
    const codec = window.bytes[offset - window.offset + sizeBytes] as number
    if (codec === CODEC_NONE || codec >= CODECS.length) {
      return undefined
    }
    this.#stepsLeft -= sizeBytes / CHECKSUM_BYTES_PER_STEP
    this.end = end
    return this.#decode(offset, sizeBytes)
  }

  #decode(offset: number, sizeBytes: number): Block {
    const { bytes, offset: windowOffset, path } = this.#window
    return decodeBlock(bytes, offset - windowOffset, sizeBytes, ROLE_DATA, path, this.#number, offset)
  }

  #plainBlockAt(offset: number): Block | undefined {
    let at = offset
    let count = 0
    for (let next = this.#entryEnd(at, true); next > 0; next = this.#entryEnd(at, false)) {
      at = next
      count++
    }
    const restartCount = Math.ceil(count / RESTART_INTERVAL)
    const sizeBytes = at + 4 * (restartCount + 1) - offset
    const end = offset + sizeBytes + BLOCK_TRAILER_SIZE_BYTES
    const window = this.#window
    if (count === 0 || end > this.#to || !window.load(offset, end - offset)) {
      return undefined
    }
    const start = offset - window.offset
    if (getUint32(window.bytes, start + sizeBytes - 4) !== restartCount) {
      return undefined
    }
    this.end = end
    return this.#decode(offset, sizeBytes)
  }

  /** Where the entry at `offset` ends; 0 if none stands there. */
  #entryEnd(offset: number, isFirst: boolean): number {
    this.#stepsLeft--
    const window = this.#window
    // Three sizes and a tag.
    const headSize = Math.min(16, this.#to - offset)
    if (headSize < ENTRY_SIZE_BYTES_MIN || !window.load(offset, headSize)) {
      return 0
    }
    const { bytes } = window
    const limit = offset - window.offset + headSize
    let at = offset - window.offset
    const shared = getVarint(bytes, at, limit)
    at += varintSizeBytes(Math.max(shared, 0))
    const unshared = getVarint(bytes, at, limit)
    at += varintSizeBytes(Math.max(unshared, 0))
    const valueSize = getVarint(bytes, at, limit)
    at += varintSizeBytes(Math.max(valueSize, 0))
    if (shared < 0 || unshared < 0 || valueSize < 0) {
      return 0
    }
    const tag = at < limit ? (bytes[at] as number) : 0
    const end = window.offset + at + 1 + (tag >>> 4) + unshared + valueSize
    return isKnownKind(tag & 15) && !(isFirst && shared > 0) && end < this.#to ? end : 0
  }
}

function indexHandleOf(top: BlockCursor, table: TableReader): BlockHandle {
  const handle = { offset: 0, sizeBytes: 0 }
  readHandle(top, table, readHandle(top, table, top.valueOffset, handle), handle)
  return handle
}

function dataHandleOf(index: BlockCursor, table: TableReader): BlockHandle {
  const handle = { offset: 0, sizeBytes: 0 }
  readHandle(index, table, index.valueOffset, handle)
  return handle
}

/** What a read gives, or what is wrong with the bytes, or with the medium. */
function attempt<T>(read: () => T): T | CorruptionError | IoError {
  try {
    return read()
  } catch (error) {
    if (error instanceof CorruptionError || (error instanceof IoError && error.systemCode === 'EIO')) {
      return error
    }
    throw error
  }
}
