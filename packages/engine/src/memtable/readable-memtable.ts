/**
 * What readers see of a memtable, in the thread that owns it and in others: an arena, the index over it, and how many of
 * its entries have been committed. Entry i has the sequence number `firstSequence + i`. An entry that is not visible, or
 * never will be, is passed over; the older version is chained behind it.
 */
import { readVarint, type HashIndex } from './hash-index.ts'
import { OrderedIndex } from './ordered-index.ts'

/** The memtables of a view. */
export interface ReadableMemtables {
  readonly active: ReadableMemtable
  /** Oldest first. */
  readonly frozen: readonly ReadableMemtable[]
  readonly hashSeed: number
}

export abstract class ReadableMemtable {
  readonly bytes: Buffer
  readonly firstSequence: number
  readonly ordered: OrderedIndex
  protected readonly index: HashIndex

  constructor(bytes: Buffer, index: HashIndex, firstSequence: number) {
    this.bytes = bytes
    this.index = index
    this.firstSequence = firstSequence
    this.ordered = new OrderedIndex(bytes, index)
  }

  /** How many entries, from the first on, a reader at `sequence` can see or must pass over. */
  abstract visibleCount(sequence: number): number

  /** The newest entry of a key that is visible at `sequence`, or NO_ENTRY. */
  find(key: Uint8Array, keySize: number, hash: number, sequence: number): number {
    return this.newestVisible(this.index.find(hash, key, 0, keySize), this.visibleCount(sequence))
  }

  /** The newest entry of the key of `entry` that is among the first `visibleCount`, or NO_ENTRY. */
  newestVisibleOf(entry: number, visibleCount: number): number {
    return this.newestVisible(this.index.newestOf(entry), visibleCount)
  }

  kindOf(entry: number): number {
    return this.bytes[this.index.offsetOf(entry)] as number
  }

  keyOffsetOf(entry: number): number {
    return this.index.keyOffsetOf(entry)
  }

  keySizeOf(entry: number): number {
    return this.index.keySizeOf(entry)
  }

  /** Of a put. The value begins where the key ends. */
  valueSizeOf(entry: number): number {
    const offset = this.index.offsetOf(entry)
    let behindKeySize = offset + 1
    while ((this.bytes[behindKeySize] as number) >= 0x80) {
      behindKeySize++
    }
    return readVarint(this.bytes, behindKeySize + 1)
  }

  protected newestVisible(newest: number, visibleCount: number): number {
    let entry = newest
    while (entry >= visibleCount) {
      entry = this.index.towardsBelow(entry, visibleCount)
    }
    return entry
  }
}
