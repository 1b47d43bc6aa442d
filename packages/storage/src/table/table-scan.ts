/**
 * Reads all entries of a table once, in order, for jobs. Every block's checksum, the number of entries, the first key and
 * the last one are checked; whether keys ascend is the merge's matter.
 */
import type { File } from '../env/env.ts'
import { compareBytes } from '../coding.ts'
import { CorruptionError } from '../errors.ts'
import type { FileNumber } from '../file-names.ts'
import { BlockCursor } from './block-cursor.ts'
import { TableBlockScan } from './table-block-scan.ts'
import { checkKind } from './table-look-up.ts'
import type { TableReader } from './table-reader.ts'
import type { Workspace } from './workspace.ts'

export class TableScan {
  readonly #blocks: TableBlockScan
  readonly #cursor: BlockCursor = new BlockCursor()
  #entryCount = 0
  /** It began at a key: the entries before were passed over. */
  #isPartial = false
  /** The cursor stands at the entry that comes next. */
  #isPositioned = false

  /** With a workspace, buffers come from there until `close`, and values may be copied inside of it. */
  constructor(file: File, number: FileNumber, sizeBytes: number, workspace?: Workspace) {
    this.#blocks = new TableBlockScan(file, number, sizeBytes, workspace)
  }

  get table(): TableReader {
    return this.#blocks.table
  }

  /** Entries read so far. */
  get entryCount(): number {
    return this.#entryCount
  }

  /** The entry's key and value are valid until the next step. */
  get keyBytes(): Uint8Array {
    return this.#cursor.key
  }

  get keyOffset(): number {
    return 0
  }

  get keySize(): number {
    return this.#cursor.keySize
  }

  get sequence(): number {
    return this.#cursor.sequence
  }

  get kind(): number {
    return this.#cursor.kind
  }

  get valueBytes(): Uint8Array {
    return this.#cursor.block.bytes
  }

  get valueOffset(): number {
    return this.#cursor.valueOffset
  }

  get valueSize(): number {
    return this.#cursor.valueSize
  }

  /** Begins with the first entry at or behind the key. Before the first step. @throws as `next` */
  seek(key: Uint8Array): void {
    this.#isPartial = true
    this.#blocks.seek(key)
    const block = this.#blocks.nextBlock()
    if (block !== undefined) {
      this.#cursor.reset(block)
      this.#isPositioned = this.#cursor.seek(key, 0, key.length)
    }
  }

  /**
   * Steps to the next entry; false at the end of the table.
   * @throws CorruptionError, UnsupportedError, IoError
   */
  next(): boolean {
    const cursor = this.#cursor
    if (this.#isPositioned) {
      this.#isPositioned = false
      checkKind(cursor)
      this.#entryCount++
      return true
    }
    while (!cursor.next()) {
      const block = this.#blocks.nextBlock()
      if (block === undefined) {
        this.#checkEnd()
        return false
      }
      cursor.reset(block)
    }
    checkKind(cursor)
    if (this.#entryCount++ === 0 && !this.#isPartial) {
      this.#checkBound(this.table.properties.smallestKey)
    }
    return true
  }

  /** Gives back the buffer; the file stays its owner's. */
  close(): void {
    this.#blocks.close()
  }

  #checkEnd(): void {
    const { table } = this
    if (this.#isPartial) {
      return
    }
    if (this.#entryCount !== table.properties.entryCount) {
      const what = `it holds ${this.#entryCount} entries where ${table.properties.entryCount} were written`
      throw new CorruptionError(table.path, 0, what)
    }
    this.#checkBound(table.properties.largestKey)
  }

  /** Checks that the entry stepped to has this key. */
  #checkBound(bound: Uint8Array): void {
    const { key, keySize, block } = this.#cursor
    if (compareBytes(key, 0, keySize, bound, 0, bound.length) !== 0) {
      throw new CorruptionError(this.table.path, block.offset, 'its keys do not have the bounds that were recorded')
    }
  }
}
