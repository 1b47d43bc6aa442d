/**
 * The tables that a job writes: cut at the wanted size, made durable, read back and checked. A file that it created is
 * never removed here: the main thread alone deletes.
 */
import { TableWriter, assert, checkTable, codecOfLevel, compareBytes, fileNumber } from '@varve/storage'
import type { File, TableMetadata } from '@varve/storage'
import type { JobContext } from './job-context.ts'
import type { Grandparent, WritingRequest } from './job-protocol.ts'

/** A table ends where it would overlap more of the tables below than this many of the wanted size. */
export const GRANDPARENT_OVERLAP_TABLE_COUNT_MAX = 10

interface OpenTable {
  readonly number: number
  readonly file: File
  readonly writer: TableWriter
}

export class OutputTables {
  readonly #context: JobContext
  readonly #request: WritingRequest
  readonly #tables: TableMetadata[] = []
  #open: OpenTable | undefined
  /** The size at which the open table is next looked at. */
  #checkedAtSizeBytes = 0
  readonly #grandparents: readonly Grandparent[]
  /** The first grandparent that reaches to the key added last, or beyond. */
  #grandparentIndex = 0
  /** Of those before it, since the open table was started. */
  #overlappedSizeBytes = 0

  constructor(context: JobContext, request: WritingRequest, grandparents: readonly Grandparent[] = []) {
    assert(request.outputNumbers.count >= 1, 'a job has a number for its output')
    this.#context = context
    this.#request = request
    this.#grandparents = grandparents
  }

  /** Takes the next entry in order. A table ends only where a new key begins, so that tables of a run share no key. */
  add(
    isNewKey: boolean,
    keyBytes: Uint8Array,
    keyOffset: number,
    keySize: number,
    sequence: number,
    kind: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueSize: number,
  ): void {
    const table = isNewKey ? this.#tableForNewKey(keyBytes, keyOffset, keySize) : this.#current()
    table.writer.add(keyBytes, keyOffset, keySize, sequence, kind, valueBytes, valueOffset, valueSize)
  }

  /** Ends the last table and makes the names of all durable. Without entries there is no table. */
  finish(): readonly TableMetadata[] {
    this.#endTable()
    if (this.#tables.length > 0) {
      this.#context.syncDirectory()
    }
    return this.#tables
  }

  #current(): OpenTable {
    return this.#open ?? this.#startTable()
  }

  #tableForNewKey(keyBytes: Uint8Array, keyOffset: number, keySize: number): OpenTable {
    const open = this.#open
    if (open !== undefined && open.writer.sizeBytes >= this.#checkedAtSizeBytes) {
      const mayCut = this.#tables.length + 1 < this.#request.outputNumbers.count
      if (this.#isCutBefore(open.writer.sizeBytes, keyBytes, keyOffset, keySize) && mayCut) {
        this.#endTable()
      }
    }
    return this.#current()
  }

  /**
   * Whether a table of this size ends before the key: at the wanted size; from half of it on where a grandparent ends, so
   * that the next compaction overlaps none at its edges; and where it has overlapped enough of them.
   */
  #isCutBefore(sizeBytes: number, keyBytes: Uint8Array, keyOffset: number, keySize: number): boolean {
    const { blockSizeBytes, tableSizeBytes } = this.#request.table
    const before = this.#grandparentIndex
    for (;;) {
      const grandparent = this.#grandparents[this.#grandparentIndex]
      if (grandparent === undefined) {
        break
      }
      const { largestKey } = grandparent
      if (compareBytes(keyBytes, keyOffset, keySize, largestKey, 0, largestKey.length) <= 0) {
        break
      }
      this.#overlappedSizeBytes += grandparent.sizeBytes
      this.#grandparentIndex++
    }
    const hasMore = this.#grandparentIndex < this.#grandparents.length
    this.#checkedAtSizeBytes = Math.min(hasMore ? sizeBytes + blockSizeBytes : Infinity, tableSizeBytes)
    const isAtEdge = this.#grandparentIndex > before
    return (
      sizeBytes >= tableSizeBytes ||
      (isAtEdge &&
        (sizeBytes >= tableSizeBytes / 2 ||
          this.#overlappedSizeBytes >= tableSizeBytes * GRANDPARENT_OVERLAP_TABLE_COUNT_MAX))
    )
  }

  #startTable(): OpenTable {
    const number = this.#request.outputNumbers.first + this.#tables.length
    const file = this.#context.openTable(number, 'create')
    const { table, outputLevel } = this.#request
    const options = { ...table, codec: codecOfLevel(table.compression, outputLevel) }
    const writer = new TableWriter(file, fileNumber(number), options, this.#context.memory.workspace)
    this.#open = { number, file, writer }
    this.#checkedAtSizeBytes = this.#grandparents.length === 0 ? this.#request.table.tableSizeBytes : 0
    this.#overlappedSizeBytes = 0
    return this.#open
  }

  #endTable(): void {
    const table = this.#open
    if (table === undefined) {
      return
    }
    this.#open = undefined
    const metadata = table.writer.finish()
    this.#context.close(table.file)
    // Opened anew by name: what is checked is what the next open of the store will find.
    const file = this.#context.openTable(table.number, 'read')
    checkTable(file, fileNumber(table.number), metadata, this.#context.memory.workspace)
    this.#context.close(file)
    this.#tables.push(metadata)
  }
}
