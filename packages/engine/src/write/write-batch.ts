import { InvalidArgumentError, VALUE_SIZE_BYTES_LIMIT } from '@varve/storage'
import type { Bytes } from '../bytes.ts'
import { PackedOperations } from './packed-operations.ts'

/**
 * Operations to be written atomically with `store.write(batch)`. Keys and values are copied and checked as they are
 * added; a value's size is checked against the store's `valueSizeBytesMax` when the batch is written. A batch can be
 * written again, cleared and filled again.
 */
export class WriteBatch {
  readonly #packed = new PackedOperations()
  #largestValueSizeBytes = 0

  /** @throws InvalidArgumentError */
  put(key: Bytes, value: Bytes): this {
    const before = this.#packed.userSizeBytes
    this.#packed.put(key, value, VALUE_SIZE_BYTES_LIMIT)
    this.#largestValueSizeBytes = Math.max(
      this.#largestValueSizeBytes,
      this.#packed.userSizeBytes - before - byteLength(key),
    )
    return this
  }

  /** @throws InvalidArgumentError */
  delete(key: Bytes): this {
    this.#packed.delete(key)
    return this
  }

  clear(): this {
    this.#packed.clear()
    this.#largestValueSizeBytes = 0
    return this
  }

  get count(): number {
    return this.#packed.count
  }

  /** Bytes that the batch takes in memory and in the log. */
  get sizeBytes(): number {
    return this.#packed.sizeBytes
  }

  /** @internal */
  get packed(): PackedOperations {
    return this.#packed
  }

  /** @internal */
  get largestValueSizeBytes(): number {
    return this.#largestValueSizeBytes
  }
}

function byteLength(key: Bytes): number {
  return typeof key === 'string' ? Buffer.byteLength(key) : key.length
}

/** @throws InvalidArgumentError if a value of the batch is longer than the store takes */
export function checkBatchValues({ largestValueSizeBytes }: WriteBatch, valueSizeBytesMax: number): void {
  if (largestValueSizeBytes > valueSizeBytesMax) {
    throw new InvalidArgumentError(
      `a value of ${largestValueSizeBytes} bytes is too long: the option valueSizeBytesMax allows ${valueSizeBytesMax}`,
    )
  }
}
