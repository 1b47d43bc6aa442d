/** The visible entries of one memtable in order. Its ordered index must have caught up with what the reader sees. */
import { AT_END, AT_ENTRY, KIND_PUT, assert, type ReadStatus } from '@varve/storage'
import type { OrderedPlace } from '../memtable/ordered-index.ts'
import type { ReadableMemtable } from '../memtable/readable-memtable.ts'
import type { EntryCursor } from './entry-cursor.ts'

export class MemtableCursor implements EntryCursor {
  readonly keyBytes: Uint8Array
  keyOffset = 0
  keySize = 0
  kind = 0
  readonly valueBytes: Uint8Array
  valueOffset = 0
  valueSize = 0
  readonly valueBlock = undefined
  readonly #memtable: ReadableMemtable
  readonly #visibleCount: number
  readonly #isReverse: boolean
  #place: OrderedPlace | undefined

  constructor(memtable: ReadableMemtable, sequence: number, isReverse: boolean) {
    this.#memtable = memtable
    this.#visibleCount = memtable.visibleCount(sequence)
    this.#isReverse = isReverse
    this.keyBytes = memtable.bytes
    this.valueBytes = memtable.bytes
  }

  start(): ReadStatus {
    const { ordered } = this.#memtable
    this.#place = this.#isReverse ? ordered.last() : ordered.first()
    return this.#settle()
  }

  seek(key: Uint8Array, keySize: number): ReadStatus {
    const text = Buffer.from(key.buffer, key.byteOffset, keySize).toString('latin1')
    const { ordered } = this.#memtable
    this.#place = this.#isReverse ? ordered.before(text) : ordered.atOrAfter(text)
    return this.#settle()
  }

  advance(): ReadStatus {
    this.#step()
    return this.#settle()
  }

  resume(): ReadStatus {
    assert(false, 'a memtable never needs a block')
  }

  /** From a place to the next one that holds something visible. */
  #settle(): ReadStatus {
    for (; this.#place?.isAccessible() === true; this.#step()) {
      const entry = this.#memtable.newestVisibleOf(this.#place.pointer[1], this.#visibleCount)
      if (entry >= 0) {
        this.kind = this.#memtable.kindOf(entry)
        this.keyOffset = this.#memtable.keyOffsetOf(entry)
        this.keySize = this.#memtable.keySizeOf(entry)
        this.valueOffset = this.keyOffset + this.keySize
        this.valueSize = this.kind === KIND_PUT ? this.#memtable.valueSizeOf(entry) : 0
        return AT_ENTRY
      }
    }
    return AT_END
  }

  #step(): void {
    if (this.#place !== undefined) {
      this.#place = this.#isReverse ? this.#memtable.ordered.stepBack(this.#place) : this.#place.next()
    }
  }
}
