/**
 * The keys of a memtable in order: an OrderedMap from binary-string keys (one character a byte, so that `<` is byte
 * order) to the first entry of each. It is caught up with the hash index when an ordered read needs it, in slices, and
 * costs nothing while nobody iterates. Insert-only: erasing could move another live iterator.
 */
import { OrderedMap, type OrderedMapIterator } from '@js-sdsl/ordered-map'
import { NO_ENTRY, type HashIndex } from './hash-index.ts'

export type OrderedPlace = OrderedMapIterator<string, number>

/** Heap that a key takes in the tree, with its string: measured at 16-byte keys. */
const TREE_SIZE_BYTES_PER_KEY = 136
/** The clock is read once for so many entries. */
const ENTRIES_PER_CLOCK_READING = 64

export class OrderedIndex {
  readonly #bytes: Buffer
  readonly #index: HashIndex
  readonly #tree = new OrderedMap<string, number>()
  /** Entries below this number are in the tree. */
  #caughtUpCount = 0

  constructor(bytes: Buffer, index: HashIndex) {
    this.#bytes = bytes
    this.#index = index
  }

  get sizeBytes(): number {
    return this.#tree.size() * TREE_SIZE_BYTES_PER_KEY
  }

  /** Brings the first `count` entries in; false if the clock passed `deadlineMs` before that was done. */
  catchUp(count: number, nowMs: () => number, deadlineMs: number): boolean {
    const index = this.#index
    while (this.#caughtUpCount < count) {
      const stop = Math.min(count, this.#caughtUpCount + ENTRIES_PER_CLOCK_READING)
      for (let entry = this.#caughtUpCount; entry < stop; entry++) {
        if (index.previousOf(entry) === NO_ENTRY) {
          const keyOffset = index.keyOffsetOf(entry)
          this.#tree.setElement(this.#bytes.toString('latin1', keyOffset, keyOffset + index.keySizeOf(entry)), entry)
        }
      }
      this.#caughtUpCount = stop
      if (stop < count && nowMs() >= deadlineMs) {
        return false
      }
    }
    return true
  }

  first(): OrderedPlace {
    return this.#tree.begin()
  }

  last(): OrderedPlace {
    return this.#tree.size() === 0 ? this.#tree.end() : this.#tree.end().pre()
  }

  /** The first key at or after `key`. */
  atOrAfter(key: string): OrderedPlace {
    return this.#tree.lowerBound(key)
  }

  /** The last key before `key`. */
  before(key: string): OrderedPlace {
    return this.#tree.reverseUpperBound(key)
  }

  /** Moves to the key before; `undefined` if there is none. */
  stepBack(place: OrderedPlace): OrderedPlace | undefined {
    return place.equals(this.#tree.begin()) ? undefined : place.pre()
  }
}
