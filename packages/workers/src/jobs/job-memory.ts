/**
 * Memory that a thread keeps from one job to the next. Arrays made anew for each job would wait for a collection that a
 * thread of few objects seldom has: they kept 60 MB a thread resident. Owned by one job at a time.
 */
import { OUTPUT_BUFFER_SIZE_BYTES, SCAN_BUFFER_SIZE_BYTES, Workspace } from '@varve/storage'

/** For a writer, the check of its tables and the scans of these runs; those beyond read through buffers of their own. */
const RUN_COUNT_MAX = 16
const WORKSPACE_SIZE_BYTES: number = OUTPUT_BUFFER_SIZE_BYTES + (RUN_COUNT_MAX + 1) * SCAN_BUFFER_SIZE_BYTES

/** Columns beyond this are made for the one job that needs them. Suffices for 250 k entries of a memtable. */
const COLUMNS_SIZE_BYTES_MAX: number = 8 * 1024 * 1024
const COLUMN_ALIGNMENT_BYTES = 4

export class JobMemory {
  #workspace: Workspace | undefined
  #columns = new ArrayBuffer(0)
  #usedSizeBytes = 0

  /** Where the job's scans and writers take their buffers. */
  get workspace(): Workspace {
    this.#workspace ??= new Workspace(WORKSPACE_SIZE_BYTES)
    return this.#workspace
  }

  /** A job begins: the columns of the one before are free, and are to hold at least `sizeBytes`. */
  startColumns(sizeBytes: number): void {
    this.#usedSizeBytes = 0
    if (sizeBytes > this.#columns.byteLength && sizeBytes <= COLUMNS_SIZE_BYTES_MAX) {
      this.#columns = new ArrayBuffer(sizeBytes)
    }
  }

  /** A column of numbers up to 255, with any content. */
  bytes(count: number): Uint8Array {
    const offset = this.#take(count)
    return offset < 0 ? new Uint8Array(count) : new Uint8Array(this.#columns, offset, count)
  }

  /** A column of unsigned 32-bit numbers, with any content. */
  words(count: number): Uint32Array {
    const offset = this.#take(count * Uint32Array.BYTES_PER_ELEMENT)
    return offset < 0 ? new Uint32Array(count) : new Uint32Array(this.#columns, offset, count)
  }

  /** A job failed, and may not have given back what it took. */
  forget(): void {
    this.#workspace = undefined
  }

  /** Where the next column begins, or -1 if it does not fit. */
  #take(sizeBytes: number): number {
    const offset = this.#usedSizeBytes
    const end = offset + Math.ceil(sizeBytes / COLUMN_ALIGNMENT_BYTES) * COLUMN_ALIGNMENT_BYTES
    if (end > this.#columns.byteLength) {
      return -1
    }
    this.#usedSizeBytes = end
    return offset
  }
}
