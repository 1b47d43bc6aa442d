/**
 * Reads the entries of a table in both directions: every version, in the order of the file. What is visible to whom is
 * decided above. Steps return AT_ENTRY, AT_END or NEEDS_BLOCK; after the last, load the block and call the step again.
 *
 * Three cursors stand in each other: one in the top index, one in the index of the partition that it names, one in the
 * data block that that one names. Where a cursor has moved and the block below is not there yet, the position is the gap
 * before or behind that block, so that an interrupted step is simply continued:
 *
 *     #partitionPlace: BEFORE or BEHIND the partition that #top stands at, or INSIDE: #index is in it
 *     #dataPlace:      the same one level down, while #partitionPlace is INSIDE
 */
import type { Block } from './block.ts'
import { ROLE_DATA, ROLE_INDEX } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import { BlockOrder } from './block-order.ts'
import {
  AT_END,
  AT_ENTRY,
  type BlockSource,
  NEEDS_BLOCK,
  type ReadStatus,
  getBlock,
  readHandle,
} from './block-source.ts'
import { SEQUENCE_MAX } from '../entry.ts'
import type { BlockHandle } from './table-format.ts'
import { checkKind } from './table-look-up.ts'
import type { TableReader } from './table-reader.ts'

type Place = 0 | 1 | 2
const BEFORE = 0
const INSIDE = 1
const BEHIND = 2

export class TableCursor {
  readonly table: TableReader
  readonly #source: BlockSource
  readonly #top: BlockCursor = new BlockCursor()
  readonly #index: BlockCursor = new BlockCursor()
  readonly #data: BlockCursor = new BlockCursor()
  readonly #handle: BlockHandle = { offset: 0, sizeBytes: 0 }
  readonly #partitionOrder: BlockOrder = new BlockOrder()
  readonly #dataOrder: BlockOrder = new BlockOrder()
  #partitionPlace: Place = BEFORE
  #dataPlace: Place = BEFORE

  /** Stands before the first entry. */
  constructor(table: TableReader, source: BlockSource) {
    this.table = table
    this.#source = source
    this.#top.reset(table.topIndex)
    this.#top.seekToFirst()
  }

  /** The first `keySize` bytes are the key of the entry; valid until the next step. */
  get key(): Uint8Array {
    return this.#data.key
  }

  get keySize(): number {
    return this.#data.keySize
  }

  get sequence(): number {
    return this.#data.sequence
  }

  get kind(): number {
    return this.#data.kind
  }

  get block(): Block {
    return this.#data.block
  }

  /** In `block.bytes`. */
  get valueOffset(): number {
    return this.#data.valueOffset
  }

  get valueSize(): number {
    return this.#data.valueSize
  }

  seekToFirst(): ReadStatus {
    this.#forgetOrder()
    this.#top.seekToFirst()
    this.#partitionPlace = BEFORE
    return this.next()
  }

  seekToLast(): ReadStatus {
    this.#forgetOrder()
    this.#top.seekToLast()
    this.#partitionPlace = BEHIND
    return this.previous()
  }

  /** The first entry whose key is at or behind the target; with a sequence, whose version is not newer either. */
  seek(target: Uint8Array, targetSize: number, sequence: number = SEQUENCE_MAX): ReadStatus {
    this.#forgetOrder()
    if (!this.#top.seek(target, 0, targetSize, sequence)) {
      return this.#toEnd()
    }
    this.#partitionPlace = BEFORE
    if (!this.#enterPartition(false)) {
      return NEEDS_BLOCK
    }
    this.#partitionPlace = INSIDE
    if (!this.#index.seek(target, 0, targetSize, sequence)) {
      this.#partitionPlace = BEHIND
      return this.next()
    }
    this.#dataPlace = BEFORE
    if (!this.#enterData(false)) {
      return NEEDS_BLOCK
    }
    if (!this.#data.seek(target, 0, targetSize, sequence)) {
      this.#dataPlace = BEHIND
      return this.next()
    }
    this.#dataPlace = INSIDE
    checkKind(this.#data)
    return AT_ENTRY
  }

  /** The last entry whose key is before the target. */
  seekBefore(target: Uint8Array, targetSize: number): ReadStatus {
    const status = this.seek(target, targetSize)
    if (status === NEEDS_BLOCK) {
      return NEEDS_BLOCK
    }
    return this.previous()
  }

  next(): ReadStatus {
    for (;;) {
      if (this.#partitionPlace === INSIDE) {
        if (this.#dataPlace === INSIDE) {
          if (this.#data.next()) {
            checkKind(this.#data)
            return AT_ENTRY
          }
          this.#dataPlace = BEHIND
        }
        if (this.#dataPlace === BEFORE) {
          if (!this.#enterData(false)) {
            return NEEDS_BLOCK
          }
          this.#dataPlace = INSIDE
        } else if (this.#index.next()) {
          this.#dataPlace = BEFORE
        } else {
          this.#partitionPlace = BEHIND
        }
      } else if (this.#partitionPlace === BEFORE) {
        if (!this.#enterPartition(false)) {
          return NEEDS_BLOCK
        }
        this.#index.seekToFirst()
        this.#dataPlace = BEFORE
        this.#partitionPlace = INSIDE
      } else if (this.#top.next()) {
        this.#partitionPlace = BEFORE
      } else {
        return this.#toEnd()
      }
    }
  }

  previous(): ReadStatus {
    for (;;) {
      if (this.#partitionPlace === INSIDE) {
        if (this.#dataPlace === INSIDE) {
          if (this.#data.previous()) {
            checkKind(this.#data)
            return AT_ENTRY
          }
          this.#dataPlace = BEFORE
        }
        if (this.#dataPlace === BEHIND) {
          if (!this.#enterData(true)) {
            return NEEDS_BLOCK
          }
          this.#data.seekToEnd()
          this.#dataPlace = INSIDE
        } else if (this.#index.previous()) {
          this.#dataPlace = BEHIND
        } else {
          this.#partitionPlace = BEFORE
        }
      } else if (this.#partitionPlace === BEHIND) {
        if (!this.#enterPartition(true)) {
          return NEEDS_BLOCK
        }
        this.#index.seekToLast()
        this.#dataPlace = BEHIND
        this.#partitionPlace = INSIDE
      } else if (this.#top.previous()) {
        this.#partitionPlace = BEHIND
      } else {
        this.#top.seekToFirst()
        this.#forgetOrder()
        return AT_END
      }
    }
  }

  /** Stands behind the last entry. */
  #toEnd(): ReadStatus {
    this.#top.seekToLast()
    this.#forgetOrder()
    this.#partitionPlace = BEHIND
    return AT_END
  }

  /** Gets the index of the partition that `#top` stands at; false if it has to be loaded. */
  #enterPartition(isReverse: boolean): boolean {
    const top = this.#top
    const handle = this.#handle
    readHandle(top, this.table, readHandle(top, this.table, top.valueOffset, handle), handle)
    this.#partitionOrder.check(handle, isReverse, this.table.path)
    const block = getBlock(this.#source, this.table, handle, ROLE_INDEX)
    if (block === undefined) {
      return false
    }
    this.#partitionOrder.enter(handle, isReverse)
    this.#index.reset(block)
    return true
  }

  /** Gets the data block that `#index` stands at, and stands before its first entry; false if it has to be loaded. */
  #enterData(isReverse: boolean): boolean {
    const index = this.#index
    readHandle(index, this.table, index.valueOffset, this.#handle)
    this.#dataOrder.check(this.#handle, isReverse, this.table.path)
    const block = getBlock(this.#source, this.table, this.#handle, ROLE_DATA)
    if (block === undefined) {
      return false
    }
    this.#dataOrder.enter(this.#handle, isReverse)
    this.#data.reset(block)
    return true
  }

  #forgetOrder(): void {
    this.#partitionOrder.forget()
    this.#dataOrder.forget()
  }
}
