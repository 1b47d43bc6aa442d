/**
 * Copies entries for the user of an iterator, with less work an entry than two copies: a data block of which many entries
 * are taken is copied whole, once, and its values are views of that copy. Copies lie one behind the other in arenas of
 * 16 KiB, as `Buffer.allocUnsafe` has its own of 8 KiB: one Buffer that is kept keeps its arena. The bytes are the
 * caller's, who may write to them: each part of a copy is handed out once, also where an iterator turns or seeks back.
 * Owned by one iterator.
 */
import type { Block } from '@varve/storage'
import { copyKeyOf, copyValueOf, type EntryBytes } from './taker.ts'

const ARENA_SIZE_BYTES = 16 * 1024
/** Blocks up to this size are copied whole. */
const BLOCK_SIZE_BYTES_MAX = 8 * 1024
/** And only where so many values of the block before were taken: in a scan. */
const TAKEN_COUNT_MIN = 8

/** The class of Buffers, whose constructor is half as much work as `Buffer.from(arena, offset, size)`. */
type BufferView = new (arena: ArrayBufferLike, offset: number, size: number) => Buffer
const BufferView = (Buffer as unknown as { readonly [Symbol.species]: BufferView })[Symbol.species]

export class EntryCopier {
  #arena: Buffer = Buffer.alloc(0)
  #usedSizeBytes = 0
  /** The block that values were last taken from, how many, and by how much its copy lies behind it. */
  #block: Block | undefined
  #takenCount = 0
  #shift = 0
  #isCopied = false
  /** What of the block's copy has been handed out, as offsets in the block. */
  #handedOutFrom = 0
  #handedOutTo = 0

  copy(entry: EntryBytes): [Buffer, Buffer] {
    const value = this.#viewOfCopy(entry)
    return value === undefined ? [copyKeyOf(entry), copyValueOf(entry)] : [this.#copyKey(entry), value]
  }

  copyValue(entry: EntryBytes): Buffer {
    return this.#viewOfCopy(entry) ?? copyValueOf(entry)
  }

  /** The value in the copy of its block, or `undefined` if it has to be copied by itself. */
  #viewOfCopy({ valueBlock, valueOffset, valueSize }: EntryBytes): Buffer | undefined {
    if (valueBlock === undefined) {
      return undefined
    }
    if (valueBlock !== this.#block) {
      this.#enter(valueBlock)
    }
    this.#takenCount++
    return this.#isCopied && this.#handOut(valueOffset, valueSize)
      ? new BufferView(this.#arena.buffer, valueOffset + this.#shift, valueSize)
      : undefined
  }

  /** The next block; its values are copied one by one if few were taken of the one before. */
  #enter(block: Block): void {
    const sizeBytes = block.end - block.start
    this.#isCopied = this.#takenCount >= TAKEN_COUNT_MIN && sizeBytes <= BLOCK_SIZE_BYTES_MAX
    this.#block = block
    this.#takenCount = 0
    if (this.#isCopied) {
      const offset = this.#take(sizeBytes)
      this.#arena.set(block.bytes.subarray(block.start, block.end), offset)
      this.#shift = offset - block.start
      this.#handedOutFrom = block.start
      this.#handedOutTo = block.start
    }
  }

  /** Whether a part of the copy is still to be had. Entries come in order, one way or the other. */
  #handOut(offset: number, size: number): boolean {
    const isBehind = offset >= this.#handedOutTo
    if (!isBehind && offset + size > this.#handedOutFrom) {
      return false
    }
    if (this.#handedOutFrom === this.#handedOutTo) {
      this.#handedOutFrom = offset
    }
    this.#handedOutFrom = Math.min(this.#handedOutFrom, offset)
    this.#handedOutTo = Math.max(this.#handedOutTo, offset + size)
    return true
  }

  #copyKey(entry: EntryBytes): Buffer {
    const { keyBytes, keyOffset, keySize } = entry
    if (this.#usedSizeBytes + keySize > ARENA_SIZE_BYTES) {
      return copyKeyOf(entry)
    }
    const arena = this.#arena
    const offset = this.#usedSizeBytes
    for (let i = 0; i < keySize; i++) {
      arena[offset + i] = keyBytes[keyOffset + i] as number
    }
    this.#usedSizeBytes += keySize
    return new BufferView(arena.buffer, offset, keySize)
  }

  #take(sizeBytes: number): number {
    if (this.#usedSizeBytes + sizeBytes > this.#arena.length) {
      this.#arena = Buffer.allocUnsafeSlow(ARENA_SIZE_BYTES)
      this.#usedSizeBytes = 0
    }
    const offset = this.#usedSizeBytes
    this.#usedSizeBytes += sizeBytes
    return offset
  }
}
