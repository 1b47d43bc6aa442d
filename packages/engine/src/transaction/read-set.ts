/**
 * What a transaction has read, so that its commit can be made to depend on it: keys, found or not, and ranges as far as
 * they were stepped over.
 */
import { InvalidArgumentError } from '@varve/storage'
import type { KeyRange } from '../version/version.ts'
import { PackedOperations } from '../write/packed-operations.ts'
import type { Dependencies } from '../write/write-options.ts'

/**
 * About twenty-five thousand short keys. The commit looks all of them up in the memtables in one step, at less than a
 * microsecond each. Who reads more reads ranges, of which only the ends count.
 */
export const READ_SET_SIZE_BYTES_MAX: number = 4 * 1024 * 1024
/** What a key or a range takes on the heap besides its bytes. */
const OVERHEAD_SIZE_BYTES = 150

/** A range that grows while an iterator steps. */
export class ReadRange implements KeyRange {
  lower: Uint8Array | undefined
  upper: Uint8Array | undefined

  constructor(lower: Uint8Array | undefined, upper: Uint8Array | undefined) {
    this.lower = lower
    this.upper = upper
  }

  get sizeBytes(): number {
    return (this.lower?.length ?? 0) + (this.upper?.length ?? 0)
  }
}

export class ReadSet {
  /** As binary strings. */
  readonly #keys = new Set<string>()
  readonly #ranges: ReadRange[] = []
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** @throws InvalidArgumentError if the transaction has read too much */
  addKey(key: string): void {
    if (!this.#keys.has(key)) {
      this.#grow(OVERHEAD_SIZE_BYTES + key.length)
      this.#keys.add(key)
    }
  }

  /** Adds a range; its holder changes it with `change` alone. */
  addRange(lower: Uint8Array | undefined, upper: Uint8Array | undefined): ReadRange {
    const range = new ReadRange(lower, upper)
    this.#grow(OVERHEAD_SIZE_BYTES + range.sizeBytes)
    this.#ranges.push(range)
    return range
  }

  change(range: ReadRange, lower: Uint8Array | undefined, upper: Uint8Array | undefined): void {
    const before = range.sizeBytes
    range.lower = lower
    range.upper = upper
    this.#grow(range.sizeBytes - before)
  }

  toDependencies(): Dependencies {
    const keys = new PackedOperations()
    for (const key of this.#keys) {
      keys.delete(Buffer.from(key, 'latin1'))
    }
    return { keys, ranges: this.#ranges }
  }

  #grow(sizeBytes: number): void {
    this.#sizeBytes += sizeBytes
    if (sizeBytes > 0 && this.#sizeBytes > READ_SET_SIZE_BYTES_MAX) {
      throw new InvalidArgumentError(
        `a transaction that depends on more than ${READ_SET_SIZE_BYTES_MAX} bytes of keys, with ${OVERHEAD_SIZE_BYTES} for each, ` +
          'is not possible: read ranges instead of single keys, or what may change at a snapshot of the store',
      )
    }
  }
}
