/**
 * The tables that a job writes: cut at the wanted size, made durable, read back and checked. A file that it created is
 * never removed here: the main thread alone deletes.
 */
import { TableWriter, assert, checkTable, fileNumber } from '@varve/storage'
import type { File, TableMetadata } from '@varve/storage'
import type { JobContext } from './job-context.ts'
import type { WritingRequest } from './job-protocol.ts'

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

  constructor(context: JobContext, request: WritingRequest) {
    assert(request.outputNumbers.count >= 1, 'a job has a number for its output')
    this.#context = context
    this.#request = request
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
    const table = isNewKey ? this.#tableForNewKey() : this.#current()
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

  #tableForNewKey(): OpenTable {
    const mayCut = this.#tables.length + 1 < this.#request.outputNumbers.count
    if (mayCut && this.#open !== undefined && this.#open.writer.sizeBytes >= this.#request.table.tableSizeBytes) {
      this.#endTable()
    }
    return this.#current()
  }

  #startTable(): OpenTable {
    const number = this.#request.outputNumbers.first + this.#tables.length
    const file = this.#context.openTable(number, 'create')
    const writer = new TableWriter(file, fileNumber(number), this.#request.table, this.#context.memory.workspace)
    this.#open = { number, file, writer }
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
