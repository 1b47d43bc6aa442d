/**
 * Operations packed into bytes of the same form as a WAL group's payload. Packing checks each operation, so that a wrong
 * one in the middle of a batch is found before anything of the batch is in a memtable.
 */
import { InvalidArgumentError, KIND_DELETE, KIND_PUT, putWalEntryHead, walEntrySizeBytes } from '@varve/storage'
import { keySizeOf, putBytes, valueSizeOf, type Bytes } from '../bytes.ts'
import { describe } from '../options.ts'

/** One operation of an atomic `write`. */
export type Operation =
  | { readonly type: 'put'; readonly key: Bytes; readonly value: Bytes }
  | { readonly type: 'delete'; readonly key: Bytes }

/** A batch beyond this is refused: it has to stand in one piece in memory and in its log. */
export const BATCH_SIZE_BYTES_MAX: number = 1024 * 1024 * 1024
/** A batch's buffer is kept for the next one up to this size. */
const KEPT_SIZE_BYTES_MAX = 4 * 1024 * 1024
const FIRST_SIZE_BYTES = 4096

/** Operations in the form of a WAL group's payload, checked. */
export interface PackedWrite {
  readonly bytes: Uint8Array
  readonly count: number
  readonly sizeBytes: number
  /** Bytes of the users' keys and values. */
  readonly userSizeBytes: number
}

export class PackedOperations implements PackedWrite {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE_BYTES)
  #sizeBytes = 0
  #count = 0
  #userSizeBytes = 0

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get userSizeBytes(): number {
    return this.#userSizeBytes
  }

  /** Only valid until the next change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#sizeBytes)
  }

  put(key: Bytes, value: Bytes, valueSizeBytesMax: number): void {
    const keySize = keySizeOf(key)
    this.add(KIND_PUT, key, keySize, value, valueSizeOf(value, valueSizeBytesMax))
  }

  delete(key: Bytes): void {
    this.add(KIND_DELETE, key, keySizeOf(key), '', 0)
  }

  /** Packs a list of operations; throws `InvalidArgumentError` that says which one is wrong. */
  addAll(operations: readonly Operation[], valueSizeBytesMax: number): void {
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as Operation
      try {
        this.#addOperation(operation, valueSizeBytesMax)
      } catch (error) {
        throw error instanceof InvalidArgumentError
          ? new InvalidArgumentError(`operation ${i} of the batch: ${error.message}`)
          : error
      }
    }
  }

  /** Adds operations that are packed already. */
  append({ bytes, count, userSizeBytes }: PackedWrite): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#sizeBytes)
    this.#sizeBytes += bytes.length
    this.#count += count
    this.#userSizeBytes += userSizeBytes
  }

  /** These operations as they are now. */
  copy(): PackedOperations {
    const copy = new PackedOperations()
    copy.append(this)
    return copy
  }

  clear(): void {
    this.#sizeBytes = 0
    this.#count = 0
    this.#userSizeBytes = 0
    if (this.#bytes.length > KEPT_SIZE_BYTES_MAX) {
      this.#bytes = Buffer.allocUnsafeSlow(FIRST_SIZE_BYTES)
    }
  }

  #addOperation(operation: Operation, valueSizeBytesMax: number): void {
    switch (operation?.type) {
      case 'put':
        this.put(operation.key, operation.value, valueSizeBytesMax)
        break
      case 'delete':
        this.delete(operation.key)
        break
      default:
        throw new InvalidArgumentError(
          `it must be { type: 'put', key, value } or { type: 'delete', key }, not ${describe((operation as { type?: unknown } | undefined)?.type ?? operation)}`,
        )
    }
  }

  /** Adds one operation that has been checked. */
  add(kind: number, key: Bytes, keySize: number, value: Bytes, valueSize: number): void {
    this.#reserve(walEntrySizeBytes(kind, keySize, valueSize))
    const keyOffset = putWalEntryHead(this.#bytes, this.#sizeBytes, kind, keySize, valueSize)
    putBytes(this.#bytes, keyOffset, key, keySize)
    if (kind === KIND_PUT) {
      putBytes(this.#bytes, keyOffset + keySize, value, valueSize)
    }
    this.#sizeBytes = keyOffset + keySize + valueSize
    this.#count++
    this.#userSizeBytes += keySize + valueSize
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#sizeBytes + sizeBytes
    if (needed <= this.#bytes.length) {
      return
    }
    if (needed > BATCH_SIZE_BYTES_MAX) {
      throw new InvalidArgumentError(
        `a batch of more than ${BATCH_SIZE_BYTES_MAX} bytes is not possible: write it in parts`,
      )
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(BATCH_SIZE_BYTES_MAX, Math.max(this.#bytes.length * 2, needed)))
    larger.set(this.bytes)
    this.#bytes = larger
  }
}
