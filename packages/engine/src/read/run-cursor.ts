/**
 * The visible entries of one run: tables in key order that do not overlap. All versions of a key are in one table, next
 * to each other, newest first. Forward, the first one that is not too new is the visible one, and the others are passed
 * over; in reverse they come oldest first, and the last one that is not too new is it.
 */
import { AT_END, AT_ENTRY, NEEDS_BLOCK, TableCursor, compareBytes, type Block, type ReadStatus } from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import { findTable } from '../version/version.ts'
import type { EntryCursor } from './entry-cursor.ts'
import type { ReadContext } from './read-context.ts'

/** What the next raw step does. */
const STEP = 0
const START = 1
const SEEK = 2

export class RunCursor implements EntryCursor {
  keyBytes: Uint8Array = new Uint8Array(64)
  readonly keyOffset = 0
  keySize = 0
  kind = 0
  valueBytes: Uint8Array = new Uint8Array(0)
  valueOffset = 0
  valueSize = 0
  valueBlock: Block | undefined
  readonly #tables: readonly TableHandle[]
  readonly #context: ReadContext
  readonly #sequence: number
  readonly #isReverse: boolean
  #tableIndex = 0
  #raw: TableCursor | undefined
  #next: typeof STEP | typeof START | typeof SEEK = START
  #target: Uint8Array = new Uint8Array(0)
  #targetSize = 0
  /** Whether the key in `keyBytes` has been handed out (forward), or has a candidate that waits for its end (reverse). */
  #hasKey = false

  /** @param tables in key order, not overlapping */
  constructor(tables: readonly TableHandle[], context: ReadContext, sequence: number, isReverse: boolean) {
    this.#tables = tables
    this.#context = context
    this.#sequence = sequence
    this.#isReverse = isReverse
  }

  start(): ReadStatus {
    this.#enterTable(this.#isReverse ? this.#tables.length - 1 : 0)
    this.#hasKey = false
    return this.resume()
  }

  seek(key: Uint8Array, keySize: number): ReadStatus {
    this.#target = key
    this.#targetSize = keySize
    const index = findTable(this.#tables, key, keySize)
    const isBehindAll = index === this.#tables.length
    // In reverse the entry before `key` may be in the table before; the table's own cursor finds nothing then.
    this.#enterTable(this.#isReverse && isBehindAll ? index - 1 : index)
    this.#next = SEEK
    this.#hasKey = false
    return this.resume()
  }

  advance(): ReadStatus {
    if (this.#isReverse) {
      this.#hasKey = false
      // The raw cursor already stands at the entry before the key that was handed out.
      return this.#isAtRawEntry() ? this.#collect() : AT_END
    }
    return this.resume()
  }

  resume(): ReadStatus {
    return this.#isReverse ? this.#backward() : this.#forward()
  }

  #forward(): ReadStatus {
    for (;;) {
      const status = this.#step()
      if (status !== AT_ENTRY) {
        return status
      }
      const raw = this.#raw as TableCursor
      if (raw.sequence <= this.#sequence && !(this.#hasKey && this.#isSameKey(raw))) {
        this.#take(raw)
        return AT_ENTRY
      }
    }
  }

  #backward(): ReadStatus {
    const status = this.#step()
    if (status === NEEDS_BLOCK) {
      return NEEDS_BLOCK
    }
    return status === AT_ENTRY ? this.#collect() : this.#hasKey ? AT_ENTRY : AT_END
  }

  /** Goes through the versions of a key, oldest first, until the raw cursor stands before all of them. */
  #collect(): ReadStatus {
    for (;;) {
      const raw = this.#raw as TableCursor
      if (this.#hasKey && !this.#isSameKey(raw)) {
        return AT_ENTRY
      }
      if (raw.sequence <= this.#sequence) {
        this.#take(raw)
      }
      const status = this.#step()
      if (status === NEEDS_BLOCK) {
        return NEEDS_BLOCK
      }
      if (status === AT_END) {
        return this.#hasKey ? AT_ENTRY : AT_END
      }
    }
  }

  /** One raw step, into the next table where one ends. Changes nothing where it needs a block. */
  #step(): ReadStatus {
    for (;;) {
      const handle = this.#tables[this.#tableIndex]
      if (handle === undefined) {
        this.#raw = undefined
        return AT_END
      }
      if (this.#raw === undefined) {
        const reader = this.#context.table(handle)
        if (reader === undefined) {
          return NEEDS_BLOCK
        }
        this.#raw = new TableCursor(reader, this.#context)
      }
      this.#context.enter(handle)
      const status = this.#stepIn(this.#raw)
      if (status !== AT_END) {
        this.#next = status === AT_ENTRY ? STEP : this.#next
        return status
      }
      this.#enterTable(this.#tableIndex + (this.#isReverse ? -1 : 1))
    }
  }

  #stepIn(raw: TableCursor): ReadStatus {
    switch (this.#next) {
      case STEP:
        return this.#isReverse ? raw.previous() : raw.next()
      case START:
        return this.#isReverse ? raw.seekToLast() : raw.seekToFirst()
      case SEEK:
        return this.#isReverse
          ? raw.seekBefore(this.#target, this.#targetSize)
          : raw.seek(this.#target, this.#targetSize)
    }
  }

  #enterTable(index: number): void {
    this.#tableIndex = index
    this.#raw = undefined
    this.#next = START
  }

  #isAtRawEntry(): boolean {
    return this.#raw !== undefined
  }

  #isSameKey(raw: TableCursor): boolean {
    return compareBytes(raw.key, 0, raw.keySize, this.keyBytes, 0, this.keySize) === 0
  }

  #take(raw: TableCursor): void {
    const size = raw.keySize
    if (size > this.keyBytes.length) {
      this.keyBytes = new Uint8Array(size * 2)
    }
    const key = raw.key
    for (let i = 0; i < size; i++) {
      this.keyBytes[i] = key[i] as number
    }
    this.keySize = size
    this.kind = raw.kind
    this.valueBlock = raw.block
    this.valueBytes = raw.block.bytes
    this.valueOffset = raw.valueOffset
    this.valueSize = raw.valueSize
    this.#hasKey = true
  }
}
