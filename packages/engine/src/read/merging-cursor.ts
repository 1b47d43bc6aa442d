/**
 * Several cursors as one, newest source first: where two have the same key, the newer one's entry counts, and the others
 * are passed over. There are few sources, so that comparing all of them is as fast as a heap.
 */
import { AT_END, AT_ENTRY, NEEDS_BLOCK, compareBytes, type ReadStatus } from '@varve/storage'
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

  start(): ReadStatus {
    return this.#begin('start')
  }

  seek(key: Uint8Array, keySize: number): ReadStatus {
    this.#target = key
    this.#targetSize = keySize
    return this.#begin('seek')
  }

  advance(): ReadStatus {
    this.#step = 'advance'
    const current = this.#current
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
    for (let i = 0; i < this.#cursors.length; i++) {
      // Strictly before: of equal keys the newest source wins.
      if (this.#hasEnded[i] !== true && (best < 0 || this.#compare(i, best) * this.#sign < 0)) {
        best = i
      }
    }
    this.#current = best
    return best < 0 ? AT_END : AT_ENTRY
  }

  #compare(i: number, j: number): number {
    const a = this.#cursors[i] as EntryCursor
    const b = this.#cursors[j] as EntryCursor
    return compareBytes(a.keyBytes, a.keyOffset, a.keySize, b.keyBytes, b.keyOffset, b.keySize)
  }
}
