/**
 * Adjacent data blocks that a scan reads at once. The first blocks that a scan lacks are read one by one; when they turn
 * out to follow each other, it reads 16 KiB, and each time twice as much up to 256 KiB. Blocks are checked when they are
 * first asked for. Owned by the context of one scan, forward or in reverse.
 */
import { BLOCK_TRAILER_SIZE_BYTES, ROLE_DATA, decodeBlock, type Block, type TableReader } from '@varve/storage'

const SIZE_BYTES_MIN = 16 * 1024
const SIZE_BYTES_MAX = 256 * 1024
/** Between data blocks that follow each other lie at most an index and a filter. */
const GAP_SIZE_BYTES_MAX = 32 * 1024
const NOTHING: Uint8Array = new Uint8Array(0)

export interface Span {
  readonly offset: number
  readonly sizeBytes: number
}

export class ReadAhead {
  readonly table: TableReader
  readonly #isReverse: boolean
  #bytes: Uint8Array = NOTHING
  /** Of `#bytes` in the file. */
  #offset = 0
  #sizeBytes = 0
  /** Where what was asked for last stands in the file. */
  #lastOffset = -1
  #lastEnd = -1

  constructor(table: TableReader, isReverse: boolean) {
    this.table = table
    this.#isReverse = isReverse
  }

  get heldSizeBytes(): number {
    return this.#bytes.length
  }

  /** What to read to get the block; its own bytes alone unless it follows what was asked for before. */
  spanOf(offset: number, sizeBytes: number): Span {
    const end = offset + sizeBytes + BLOCK_TRAILER_SIZE_BYTES
    const gap = this.#isReverse ? this.#lastOffset - end : offset - this.#lastEnd
    const follows = this.#lastEnd >= 0 && gap >= 0 && gap <= GAP_SIZE_BYTES_MAX
    this.#sizeBytes = follows ? Math.min(SIZE_BYTES_MAX, Math.max(SIZE_BYTES_MIN, this.#sizeBytes * 2)) : 0
    this.#note(offset, end)
    const wanted = Math.max(this.#sizeBytes, end - offset)
    const start = this.#isReverse ? Math.max(0, end - wanted) : offset
    const stop = this.#isReverse ? end : Math.min(this.table.bodySizeBytes, offset + wanted)
    return { offset: start, sizeBytes: stop - start }
  }

  /** @param bytes of the table, from `offset` on */
  fill(offset: number, bytes: Uint8Array): void {
    this.#offset = offset
    this.#bytes = bytes
  }

  /** The block, if it has been read; with bytes of its own where it is to be kept. @throws CorruptionError */
  get(offset: number, sizeBytes: number, hasOwnBytes: boolean): Block | undefined {
    const start = offset - this.#offset
    const end = start + sizeBytes + BLOCK_TRAILER_SIZE_BYTES
    if (start < 0 || end > this.#bytes.length) {
      return undefined
    }
    this.#note(offset, offset + sizeBytes + BLOCK_TRAILER_SIZE_BYTES)
    const { path, number, listRoomSizeBytes } = this.table
    if (!hasOwnBytes) {
      return decodeBlock(this.#bytes, start, sizeBytes, ROLE_DATA, path, number, offset)
    }
    const own = new Uint8Array(end - start + listRoomSizeBytes)
    own.set(this.#bytes.subarray(start, end))
    return decodeBlock(own, 0, sizeBytes, ROLE_DATA, path, number, offset, undefined, listRoomSizeBytes)
  }

  /** Lets go of what was read. */
  clear(): void {
    this.#bytes = NOTHING
  }

  #note(offset: number, end: number): void {
    this.#lastOffset = offset
    this.#lastEnd = end
  }
}
