/**
 * Reads one run of a compaction: its tables one after the other, each opened when its turn comes and closed behind its
 * last entry. `scan` stands at the entry last stepped to.
 */
import { CorruptionError, TableScan, compareKeys, fileNumber } from '@varve/storage'
import type { File } from '@varve/storage'
import type { JobContext } from '../jobs/job-context.ts'
import type { CompactionInput } from '../jobs/job-protocol.ts'

export class RunReader {
  /** Of the table that is being read; `undefined` before the first entry and behind the last. */
  scan: TableScan | undefined
  /** Entries read up to now. */
  entryCount = 0
  readonly #context: JobContext
  readonly #tables: readonly CompactionInput[]
  #nextIndex = 0
  #file: File | undefined
  /** `entryCount` as it has to be behind the table that is being read. */
  #expectedCount = 0

  constructor(context: JobContext, tables: readonly CompactionInput[]) {
    this.#context = context
    this.#tables = tables
  }

  /**
   * Steps to the next entry; false at the end of the run.
   * @throws CorruptionError if a table is damaged or holds other than the known number of entries
   */
  next(): boolean {
    while (this.scan !== undefined || this.#startTable()) {
      if (this.scan?.next() === true) {
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

  #startTable(): boolean {
    const table = this.#tables[this.#nextIndex++]
    if (table === undefined) {
      return false
    }
    const file = this.#context.openTable(table.number, 'read')
    this.#file = file
    this.#expectedCount += table.entryCount
    this.scan = new TableScan(file, fileNumber(table.number), table.sizeBytes, this.#context.memory.workspace)
    const { smallestKey, largestKey } = this.scan.table.properties
    if (compareKeys(smallestKey, table.smallestKey) !== 0 || compareKeys(largestKey, table.largestKey) !== 0) {
      throw this.corruption('its bounds are not what the manifest says: it is another table')
    }
    return true
  }

  #endTable(): void {
    if (this.entryCount !== this.#expectedCount) {
      throw this.corruption(
        `reading it gave ${this.entryCount - this.#expectedCount} entries more than it is known to hold`,
      )
    }
    this.scan?.close()
    this.scan = undefined
    if (this.#file !== undefined) {
      this.#context.close(this.#file)
      this.#file = undefined
    }
  }
}
