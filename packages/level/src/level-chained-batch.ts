/** A chained batch: each operation is packed as it is added, and the bytes are written as they are. */
import { AbstractChainedBatch, type AbstractChainedBatchWriteOptions } from 'abstract-level'
import { WriteBatch } from 'varve'
import { bytesOf, type Encoded } from './format.ts'
import { toLevelError } from './level-error.ts'
import type { ChainedBatchWriteOptions } from './options.ts'

/** Writes a batch atomically; rejects with a `LevelError`. */
export type WriteBatchFunction = (batch: WriteBatch, options: ChainedBatchWriteOptions) => Promise<void>

// What of a base class is private to implementations has no types.
export class ChainedBatch<TDatabase, KDefault, VDefault> extends AbstractChainedBatch<TDatabase, KDefault, VDefault> {
  readonly #batch = new WriteBatch()
  readonly #write: WriteBatchFunction

  /** @internal Made by `db.batch()`. */
  constructor(db: TDatabase, write: WriteBatchFunction) {
    super(db)
    this.#write = write
  }

  override write(options?: ChainedBatchWriteOptions): Promise<void> {
    return super.write(options as AbstractChainedBatchWriteOptions)
  }

  /** @internal */
  _put(key: Encoded, value: Encoded): void {
    try {
      this.#batch.put(bytesOf(key), bytesOf(value))
    } catch (error) {
      throw toLevelError(error)
    }
  }

  /** @internal */
  _del(key: Encoded): void {
    try {
      this.#batch.delete(bytesOf(key))
    } catch (error) {
      throw toLevelError(error)
    }
  }

  /** @internal */
  _clear(): void {
    this.#batch.clear()
  }

  /** @internal */
  _write(options: ChainedBatchWriteOptions): Promise<void> {
    return this.#write(this.#batch, options)
  }
}
