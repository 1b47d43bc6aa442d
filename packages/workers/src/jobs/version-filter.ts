/**
 * Which versions of a key a job keeps: the one place of that rule, for flushes and compactions alike.
 *
 * A reader at sequence s sees of each key the newest version at or below s. So of the versions of one key, given newest
 * first, a version v whose next newer one is n (infinity for the newest) is kept if
 *
 * 1. it is above the last live sequence: nobody sees it yet, readers to come may; or
 * 2. some live sequence s has v <= s < n.
 *
 * A tombstone that rule 2 keeps may still go, if no older version of its key exists outside of the job's inputs and it
 * is at or below the oldest live sequence: then rule 2 drops all that is older in the inputs (no s lies below v), so
 * that nothing comes back (R4), and a reader sees no value with it and no value without it (R6). A tombstone above the
 * oldest live sequence stays even where readers would not miss it: a conditional write that looks for changes since
 * that sequence must find it, whether or not a compaction came between.
 *
 * Where no older version exists outside of the inputs, a put that is kept and is at or below the oldest live sequence is
 * the oldest version of its key that is left, and every reader sees it or a newer one: it is written with sequence 0. No
 * reader and no conditional write asks for anything below the oldest live sequence, so that none can tell.
 */
import { KIND_DELETE, assert } from '@varve/storage'

export class VersionFilter {
  readonly #live: Float64Array
  readonly #oldest: number
  readonly #last: number
  readonly #isBottom: boolean
  /** The version of the current key that was judged before, kept or not. */
  #newer = Infinity

  /**
   * @param liveSequences ascending, at least one
   * @param isBottom no older version of any key exists outside of the job's inputs
   */
  constructor(liveSequences: readonly number[], isBottom: boolean) {
    this.#live = Float64Array.from(liveSequences)
    const [oldest] = liveSequences
    const last = liveSequences.at(-1)
    assert(oldest !== undefined && last !== undefined, 'a job knows the newest visible sequence')
    for (let i = 1; i < this.#live.length; i++) {
      assert((this.#live[i - 1] as number) <= (this.#live[i] as number), 'live sequences ascend')
    }
    this.#oldest = oldest
    this.#last = last
    this.#isBottom = isBottom
  }

  /** The next version judged is the newest of another key. */
  startKey(): void {
    this.#newer = Infinity
  }

  /** Judges the next older version of the current key. The same version a second time is not kept. */
  keeps(sequence: number, kind: number): boolean {
    const newer = this.#newer
    this.#newer = sequence
    if (sequence > this.#last) {
      return sequence < newer
    }
    if (newer <= this.#last && (this.#live.length === 1 || this.#oldestLiveFrom(sequence) >= newer)) {
      return false
    }
    return !(kind === KIND_DELETE && this.#isBottom && sequence <= this.#oldest)
  }

  /** What sequence a version that is kept is written with. */
  writtenSequence(sequence: number): number {
    return this.#isBottom && sequence <= this.#oldest ? 0 : sequence
  }

  /** The oldest live sequence at or above `sequence`, which the last one is. */
  #oldestLiveFrom(sequence: number): number {
    const live = this.#live
    let low = 0
    let high = live.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((live[middle] as number) >= sequence) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return live[low] as number
  }
}
