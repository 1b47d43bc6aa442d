/**
 * Reads one run of a compaction: its tables one after the other, each opened when its turn comes and closed behind its
 * last entry. `scan` stands at the entry last stepped to. Of a span, its entries alone are read.
 */
import { CorruptionError, TableScan, compareBytes, compareKeys, fileNumber } from '@varve/storage'
import type { File } from '@varve/storage'
import type { JobContext } from '../jobs/job-context.ts'
import type { CompactionInput, KeySpan } from '../jobs/job-protocol.ts'

const EVERYTHING: KeySpan = { lower: undefined, upper: undefined }

export class RunReader {
  /** Of the table that is being read; `undefined` before the first entry and behind the last. */
  scan: TableScan | undefined
  /** Entries read up to now. */
  entryCount = 0
  readonly #context: JobContext
  readonly #tables: readonly CompactionInput[]
  readonly #span: KeySpan
  #nextIndex = 0
  #file: File | undefined
  #table: CompactionInput | undefined
  /** `entryCount` before the table that is being read. */
  #countBefore = 0
  /** The table that is being read begins before the span. */
  #beginsBefore = false
  /** Where the span ends in the table that is being read; `undefined` if the table ends before. */
  #upper: Uint8Array | undefined
  #bytesRead = 0

  constructor(context: JobContext, tables: readonly CompactionInput[], span: KeySpan = EVERYTHING) {
    this.#context = context
    this.#tables = tables
    this.#span = span
  }

  /** Of the tables that were read; of those that are only partly in the span, their share. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /**
   * Steps to the next entry; false at the end of the run.
   * @throws CorruptionError if a table is damaged or holds other than the known number of entries
   */
  next(): boolean {
    while (this.scan !== undefined || this.#startTable()) {
      if (this.scan?.next() === true && (this.#upper === undefined || this.#isBefore(this.#upper))) {
        this.entryCount++
        return true
      }
      this.#endTable()
    }
    return false
  }

  /** Ends reading before the end of the run. */
  close(): void {
    this.scan?.close()
    this.scan = undefined
    this.#nextIndex = this.#tables.length
    if (this.#file !== undefined) {
      this.#context.close(this.#file)
      this.#file = undefined
    }
  }

  /** What is wrong with the table that is being read. */
  corruption(what: string): CorruptionError {
    return new CorruptionError(this.#file?.path ?? 'a table', 0, what)
  }

  #isBefore(upper: Uint8Array): boolean {
    const { keyBytes, keyOffset, keySize } = this.scan as TableScan
    return compareBytes(keyBytes, keyOffset, keySize, upper, 0, upper.length) < 0
  }

  #startTable(): boolean {
    const table = this.#tables[this.#nextIndex++]
    if (table === undefined) {
      return false
    }
    const file = this.#context.openTable(table.number, 'read')
    this.#file = file
    this.#table = table
    this.#countBefore = this.entryCount
    this.scan = new TableScan(file, fileNumber(table.number), table.sizeBytes, this.#context.memory.workspace)
    const { smallestKey, largestKey } = this.scan.table.properties
    if (compareKeys(smallestKey, table.smallestKey) !== 0 || compareKeys(largestKey, table.largestKey) !== 0) {
      throw this.corruption('its bounds are not what the manifest says: it is another table')
    }
    const { lower, upper } = this.#span
    this.#upper = upper !== undefined && compareKeys(upper, largestKey) <= 0 ? upper : undefined
    this.#beginsBefore = lower !== undefined && compareKeys(lower, smallestKey) > 0
    if (this.#beginsBefore && lower !== undefined) {
      this.scan.seek(lower)
    }
    return true
  }

  /** Of a table that is only partly in the span, who shares it out counts the entries. */
  #endTable(): void {
    const count = this.entryCount - this.#countBefore
    const { entryCount, sizeBytes } = this.#table as CompactionInput
    if (count !== entryCount && !this.#beginsBefore && this.#upper === undefined) {
      throw this.corruption(`reading it gave ${count - entryCount} entries more than it is known to hold`)
    }
    this.#bytesRead += Math.round((sizeBytes * count) / entryCount)
    this.scan?.close()
    this.scan = undefined
    if (this.#file !== undefined) {
      this.#context.close(this.#file)
      this.#file = undefined
    }
  }
}
