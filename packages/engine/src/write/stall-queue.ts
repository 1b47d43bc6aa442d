/**
 * Writes that wait, in order, for room: packed, so that the caller may use its buffers again, and bounded in bytes.
 */
import { BusyError, assert } from '@varve/storage'
import { Deferred } from '../deferred.ts'

/** What has to hold in the step in which a write is encoded. */
export interface WriteCondition {
  /** Memory that it takes besides the write that waits. */
  readonly sizeBytes: number
  /** False: not known yet; `load` first, then ask again. Throws what the write is to be rejected with. */
  holds(): boolean
  load(): Promise<void>
}

export interface StalledWrite {
  readonly packed: Uint8Array
  readonly count: number
  readonly sync: boolean
  readonly condition: WriteCondition | undefined
  readonly done: Deferred
}

/** What a waiting write takes on the heap besides its bytes: buffer, promise, and what they hang on. Measured. */
const OVERHEAD_SIZE_BYTES = 500
/** Room of writes that are gone is given back when so many have gone. */
const GONE_COUNT_MAX = 16_384

export class StallQueue {
  readonly sizeBytesMax: number
  #writes: StalledWrite[] = []
  /** Writes before this index are gone. */
  #head = 0
  #sizeBytes = 0

  constructor(sizeBytesMax: number) {
    this.sizeBytesMax = sizeBytesMax
  }

  get isEmpty(): boolean {
    return this.#head === this.#writes.length
  }

  get count(): number {
    return this.#writes.length - this.#head
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get first(): StalledWrite | undefined {
    return this.#writes[this.#head]
  }

  /**
   * Resolves when the write has been committed. The first waiter may have any size.
   * @param isBounded false: the caller bounds what it hands in
   * @throws BusyError
   */
  push(packed: Uint8Array, count: number, sync: boolean, condition?: WriteCondition, isBounded = true): Promise<void> {
    const sizeBytes = sizeBytesOf(packed, condition)
    if (isBounded && !this.isEmpty && this.#sizeBytes + sizeBytes > this.sizeBytesMax) {
      throw new BusyError(
        `${this.#sizeBytes} bytes of writes wait already, and the option stalledSizeBytesMax allows ${this.sizeBytesMax}: ` +
          'await earlier writes before you make more',
      )
    }
    const write = { packed: new Uint8Array(packed), count, sync, condition, done: new Deferred() }
    this.#writes.push(write)
    this.#sizeBytes += sizeBytes
    return write.done.promise
  }

  /** The first write has been handed on. */
  dropFirst(): void {
    const write = this.first
    assert(write !== undefined, 'only a waiting write is handed on')
    this.#sizeBytes -= sizeBytesOf(write.packed, write.condition)
    this.#head++
    if (this.#head === this.#writes.length || this.#head === GONE_COUNT_MAX) {
      this.#writes = this.#writes.slice(this.#head)
      this.#head = 0
    }
  }

  rejectAll(error: unknown): void {
    const writes = this.#writes.slice(this.#head)
    this.#writes = []
    this.#head = 0
    this.#sizeBytes = 0
    for (const write of writes) {
      write.done.reject(error)
    }
  }
}

function sizeBytesOf(packed: Uint8Array, condition: WriteCondition | undefined): number {
  return packed.length + OVERHEAD_SIZE_BYTES + (condition?.sizeBytes ?? 0)
}
