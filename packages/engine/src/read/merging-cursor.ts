/**
 * Several cursors as one, newest source first: where two have the same key, the newer one's entry counts, and the others
 * are passed over. There are few sources, so that comparing all of them is as fast as a heap; and most steps compare only
 * the source that moved with the best of the others, as one often has many entries in a row.
 */
import { AT_END, AT_ENTRY, NEEDS_BLOCK, compareBytes, type Block, type ReadStatus } from '@varve/storage'
import type { EntryCursor } from './entry-cursor.ts'

type Step = 'start' | 'seek' | 'advance'

export class MergingCursor implements EntryCursor {
  readonly #cursors: readonly EntryCursor[]
  readonly #sign: number
  /** By cursor: it is to make the current step; it began to; it has ended. */
  readonly #isDue: boolean[]
  readonly #isWaiting: boolean[]
  readonly #hasEnded: boolean[]
  #step: Step = 'start'
  #target: Uint8Array = new Uint8Array(0)
  #targetSize = 0
  #current = -1
  /** The best of the others; while the current one stays before it, nobody else is looked at. */
  #runnerUp = -1
  #isTie = false

  /** @param cursors newest first */
  constructor(cursors: readonly EntryCursor[], isReverse: boolean) {
    this.#cursors = cursors
    this.#sign = isReverse ? -1 : 1
    this.#isDue = cursors.map(() => false)
    this.#isWaiting = cursors.map(() => false)
    this.#hasEnded = cursors.map(() => true)
  }

  get keyBytes(): Uint8Array {
    return this.#entry.keyBytes
  }

  get keyOffset(): number {
    return this.#entry.keyOffset
  }

  get keySize(): number {
    return this.#entry.keySize
  }

  get kind(): number {
    return this.#entry.kind
  }

  get valueBytes(): Uint8Array {
    return this.#entry.valueBytes
  }

  get valueOffset(): number {
    return this.#entry.valueOffset
  }

  get valueSize(): number {
    return this.#entry.valueSize
  }

  get valueBlock(): Block | undefined {
    return this.#entry.valueBlock
  }

  start(): ReadStatus {
    return this.#begin('start')
  }

  seek(key: Uint8Array, keySize: number): ReadStatus {
    this.#target = key
    this.#targetSize = keySize
    return this.#begin('seek')
  }

  /** The source that has the entry. */
  get current(): EntryCursor {
    return this.#entry
  }

  advance(): ReadStatus {
    this.#step = 'advance'
    const current = this.#current
    if (!this.#isTie) {
      return this.#advanceOne(current)
    }
    for (let i = 0; i < this.#cursors.length; i++) {
      this.#isDue[i] = !this.#hasEnded[i] && (i === current || this.#compare(i, current) === 0)
    }
    return this.resume()
  }

  resume(): ReadStatus {
    for (let i = 0; i < this.#cursors.length; i++) {
      if (this.#isDue[i] === true) {
        const cursor = this.#cursors[i] as EntryCursor
        const status = this.#isWaiting[i] === true ? cursor.resume() : this.#stepOf(cursor)
        this.#isWaiting[i] = status === NEEDS_BLOCK
        if (status === NEEDS_BLOCK) {
          return NEEDS_BLOCK
        }
        this.#hasEnded[i] = status === AT_END
        this.#isDue[i] = false
      }
    }
    return this.#pick()
  }

  #advanceOne(current: number): ReadStatus {
    const status = (this.#cursors[current] as EntryCursor).advance()
    if (status === AT_ENTRY) {
      const order = this.#runnerUp < 0 ? -1 : this.#compare(current, this.#runnerUp) * this.#sign
      return order < 0 ? AT_ENTRY : this.#pick()
    }
    if (status === NEEDS_BLOCK) {
      this.#isDue[current] = true
      this.#isWaiting[current] = true
      return NEEDS_BLOCK
    }
    this.#hasEnded[current] = true
    return this.#pick()
  }

  get #entry(): EntryCursor {
    return this.#cursors[this.#current] as EntryCursor
  }

  #begin(step: Step): ReadStatus {
    this.#step = step
    this.#isDue.fill(true)
    this.#isWaiting.fill(false)
    return this.resume()
  }

  #stepOf(cursor: EntryCursor): ReadStatus {
    switch (this.#step) {
      case 'start':
        return cursor.start()
      case 'seek':
        return cursor.seek(this.#target, this.#targetSize)
      case 'advance':
        return cursor.advance()
    }
  }

  #pick(): ReadStatus {
    let best = -1
    let second = -1
    for (let i = 0; i < this.#cursors.length; i++) {
      // Strictly before: of equal keys the newest source wins.
      if (this.#hasEnded[i] !== true) {
        if (best < 0 || this.#compare(i, best) * this.#sign < 0) {
          second = best
          best = i
        } else if (second < 0 || this.#compare(i, second) * this.#sign < 0) {
          second = i
        }
      }
    }
    this.#current = best
    this.#runnerUp = second
    this.#isTie = second >= 0 && this.#compare(best, second) === 0
    return best < 0 ? AT_END : AT_ENTRY
  }

  #compare(i: number, j: number): number {
    const a = this.#cursors[i] as EntryCursor
    const b = this.#cursors[j] as EntryCursor
    return compareBytes(a.keyBytes, a.keyOffset, a.keySize, b.keyBytes, b.keyOffset, b.keySize)
  }
}
