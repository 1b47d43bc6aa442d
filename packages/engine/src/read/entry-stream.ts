/**
 * What `entries`, `keys` and `values` return: a range in chunks, handed out one by one. Not a generator: one that is
 * ended before its first step would never run its `finally`, and the iterator behind it would stay open.
 */
import type { RangeIterator } from './range-iterator.ts'

/** So many entries are fetched at once. */
const CHUNK_COUNT = 128

export class EntryStream<T> implements AsyncIterableIterator<T> {
  readonly #iterator: RangeIterator<T>
  #chunk: T[] = []
  #index = 0
  #hasEnded = false
  /** Steps that wait for a chunk, one after the other. */
  #tail: Promise<unknown> | undefined

  constructor(iterator: RangeIterator<T>) {
    this.#iterator = iterator
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const entry = this.#chunk[this.#index]
    if (entry !== undefined && this.#tail === undefined) {
      this.#index++
      return Promise.resolve({ done: false, value: entry })
    }
    const step = (this.#tail ?? Promise.resolve()).then(() => this.#nextOfChunks())
    const tail = step
      .catch(() => undefined)
      .finally(() => {
        if (this.#tail === tail) {
          this.#tail = undefined
        }
      })
    this.#tail = tail
    return step
  }

  /** Ends the iteration early. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#chunk = []
    return await this.#end()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  async #nextOfChunks(): Promise<IteratorResult<T, undefined>> {
    if (this.#index >= this.#chunk.length) {
      this.#chunk = await this.#nextChunk()
      this.#index = 0
    }
    const entry = this.#chunk[this.#index++]
    if (entry !== undefined) {
      return { done: false, value: entry }
    }
    return await this.#end()
  }

  async #end(): Promise<IteratorResult<T, undefined>> {
    this.#hasEnded = true
    await this.#iterator.close()
    return { done: true, value: undefined }
  }

  async #nextChunk(): Promise<T[]> {
    if (this.#hasEnded || this.#iterator.hasEnded) {
      return []
    }
    try {
      return await this.#iterator.nextMany(CHUNK_COUNT)
    } catch (error) {
      await this.#iterator.close()
      throw error
    }
  }
}
