/**
 * Sorts the entries of an arena by key, and those of one key newest first, without an object or a call a comparison.
 *
 * 1. A range of entries whose keys agree in their first `depth` bytes is given; at first all entries, newest first.
 * 2. The bytes that all of its keys share from there on are skipped.
 * 3. It is sorted by the next four bytes with a radix sort from the last byte to the first. Bytes behind a key's end
 *    count as zeros, and one more digit, the least significant, says how many of the four the key really has: so "a"
 *    comes before "a\0".
 * 4. Entries that still agree and have more bytes are a range again. Short ranges are sorted by insertion.
 *
 * Both sorts are stable, so that entries with one key stay newest first. 125 k random keys take 7 ms; `Array.sort`
 * of strings takes 45.
 */
import type { JobMemory } from '../jobs/job-memory.ts'

const CHUNK_SIZE_BYTES = 4
/** A key that goes on behind its chunk has this as its number of bytes in it. */
const HAS_MORE = CHUNK_SIZE_BYTES + 1
const BUCKET_COUNT = 256
const INSERTION_COUNT_MAX = 24

/** What an entry takes of a job's columns while entries are sorted. */
export const SORT_SIZE_BYTES_PER_ENTRY = 18

export class EntrySorter {
  readonly #bytes: Uint8Array
  readonly #keyOffsets: Uint32Array
  readonly #keySizes: Uint32Array
  /** Indices of entries in the order found so far, and what belongs to the entry at the same place. */
  #order: Uint32Array
  #chunks: Uint32Array
  #chunkSizes: Uint8Array
  /** The other side of each pass of the radix sort. */
  #otherOrder: Uint32Array
  #otherChunks: Uint32Array
  #otherChunkSizes: Uint8Array
  /** One histogram a digit: the size in the chunk, then the bytes from last to first. */
  readonly #buckets = Array.from({ length: CHUNK_SIZE_BYTES + 1 }, () => new Uint32Array(BUCKET_COUNT))

  constructor(bytes: Uint8Array, keyOffsets: Uint32Array, keySizes: Uint32Array, memory: JobMemory) {
    const count = keyOffsets.length
    this.#bytes = bytes
    this.#keyOffsets = keyOffsets
    this.#keySizes = keySizes
    this.#order = memory.words(count)
    this.#chunks = memory.words(count)
    this.#chunkSizes = memory.bytes(count)
    this.#otherOrder = memory.words(count)
    this.#otherChunks = memory.words(count)
    this.#otherChunkSizes = memory.bytes(count)
  }

  /** The indices of the entries, by key, and for one key from the last index to the first. */
  sort(): Uint32Array {
    const count = this.#order.length
    for (let i = 0; i < count; i++) {
      this.#order[i] = count - 1 - i
    }
    // Triples of begin, end and depth; a stack of its own, since keys may agree in tens of thousands of bytes.
    const ranges = [0, count, 0]
    while (ranges.length > 0) {
      const depth = ranges.pop() as number
      const end = ranges.pop() as number
      const begin = ranges.pop() as number
      if (end - begin <= INSERTION_COUNT_MAX) {
        this.#sortByInsertion(begin, end, depth)
      } else {
        const chunkOffset = depth + this.#sharedSize(begin, end, depth)
        this.#sortByChunk(begin, end, chunkOffset)
        this.#pushRanges(ranges, begin, end, chunkOffset + CHUNK_SIZE_BYTES)
      }
    }
    return this.#order
  }

  /** How many bytes from `depth` on all keys of the range have in common. */
  #sharedSize(begin: number, end: number, depth: number): number {
    const bytes = this.#bytes
    const first = this.#order[begin] as number
    const firstOffset = (this.#keyOffsets[first] as number) + depth
    let shared = (this.#keySizes[first] as number) - depth
    for (let i = begin + 1; i < end && shared > 0; i++) {
      const entry = this.#order[i] as number
      const offset = (this.#keyOffsets[entry] as number) + depth
      const size = Math.min(shared, (this.#keySizes[entry] as number) - depth)
      let same = 0
      while (same < size && bytes[offset + same] === bytes[firstOffset + same]) {
        same++
      }
      shared = same
    }
    return shared
  }

  #sortByChunk(begin: number, end: number, chunkOffset: number): void {
    this.#loadChunks(begin, end, chunkOffset)
    let swapped = false
    for (let digit = 0; digit <= CHUNK_SIZE_BYTES; digit++) {
      if (this.#startBuckets(this.#buckets[digit] as Uint32Array, begin, end)) {
        this.#scatter(begin, end, digit)
        this.#swapSides()
        swapped = !swapped
      }
    }
    if (swapped) {
      // The rest of the entries stands on the other side: bring the range back to it.
      this.#swapSides()
      this.#order.set(this.#otherOrder.subarray(begin, end), begin)
      this.#chunks.set(this.#otherChunks.subarray(begin, end), begin)
      this.#chunkSizes.set(this.#otherChunkSizes.subarray(begin, end), begin)
    }
  }

  #loadChunks(begin: number, end: number, chunkOffset: number): void {
    const bytes = this.#bytes
    const [sizes, byte3, byte2, byte1, byte0] = this.#buckets as [
      Uint32Array,
      Uint32Array,
      Uint32Array,
      Uint32Array,
      Uint32Array,
    ]
    for (const buckets of this.#buckets) {
      buckets.fill(0)
    }
    for (let i = begin; i < end; i++) {
      const entry = this.#order[i] as number
      const offset = (this.#keyOffsets[entry] as number) + chunkOffset
      const left = (this.#keySizes[entry] as number) - chunkOffset
      const size = left > CHUNK_SIZE_BYTES ? HAS_MORE : left
      const a = left > 0 ? (bytes[offset] as number) : 0
      const b = left > 1 ? (bytes[offset + 1] as number) : 0
      const c = left > 2 ? (bytes[offset + 2] as number) : 0
      const d = left > 3 ? (bytes[offset + 3] as number) : 0
      this.#chunks[i] = (a << 24) | (b << 16) | (c << 8) | d
      this.#chunkSizes[i] = size
      sizes[size] = (sizes[size] as number) + 1
      byte3[d] = (byte3[d] as number) + 1
      byte2[c] = (byte2[c] as number) + 1
      byte1[b] = (byte1[b] as number) + 1
      byte0[a] = (byte0[a] as number) + 1
    }
  }

  /** Turns counts into the places where each bucket begins; false if one bucket holds all, so that order stays. */
  #startBuckets(buckets: Uint32Array, begin: number, end: number): boolean {
    let place = begin
    for (let i = 0; i < BUCKET_COUNT; i++) {
      const count = buckets[i] as number
      if (count === end - begin) {
        return false
      }
      buckets[i] = place
      place += count
    }
    return true
  }

  #scatter(begin: number, end: number, digit: number): void {
    const order = this.#order
    const chunks = this.#chunks
    const sizes = this.#chunkSizes
    const buckets = this.#buckets[digit] as Uint32Array
    const toOrder = this.#otherOrder
    const toChunks = this.#otherChunks
    const toSizes = this.#otherChunkSizes
    const shift = (digit - 1) * 8
    for (let i = begin; i < end; i++) {
      const chunk = chunks[i] as number
      const size = sizes[i] as number
      const bucket = digit === 0 ? size : (chunk >>> shift) & 0xff
      const place = buckets[bucket] as number
      buckets[bucket] = place + 1
      toOrder[place] = order[i] as number
      toChunks[place] = chunk
      toSizes[place] = size
    }
  }

  #swapSides(): void {
    const order = this.#order
    const chunks = this.#chunks
    const sizes = this.#chunkSizes
    this.#order = this.#otherOrder
    this.#chunks = this.#otherChunks
    this.#chunkSizes = this.#otherChunkSizes
    this.#otherOrder = order
    this.#otherChunks = chunks
    this.#otherChunkSizes = sizes
  }

  /** Entries of one chunk that go on behind it are yet to be sorted. */
  #pushRanges(ranges: number[], begin: number, end: number, depth: number): void {
    const chunks = this.#chunks
    const sizes = this.#chunkSizes
    let start = begin
    while (start < end) {
      const chunk = chunks[start] as number
      const size = sizes[start] as number
      let stop = start + 1
      while (stop < end && chunks[stop] === chunk && sizes[stop] === size) {
        stop++
      }
      if (size === HAS_MORE && stop - start > 1) {
        ranges.push(start, stop, depth)
      }
      start = stop
    }
  }

  #sortByInsertion(begin: number, end: number, depth: number): void {
    const order = this.#order
    const chunks = this.#chunks
    for (let i = begin; i < end; i++) {
      const entry = order[i] as number
      // Each key's next bytes are fetched once; most comparisons are then of numbers that lie side by side.
      const chunk = this.#chunkAt(entry, depth)
      let place = i
      while (place > begin) {
        const otherChunk = chunks[place - 1] as number
        const other = order[place - 1] as number
        if (chunk > otherChunk || (chunk === otherChunk && !this.#isBefore(entry, other, depth))) {
          break
        }
        order[place] = other
        chunks[place] = otherChunk
        place--
      }
      order[place] = entry
      chunks[place] = chunk
    }
  }

  /** The four bytes of a key from `depth` on, which may lie at its end, as a number. */
  #chunkAt(entry: number, depth: number): number {
    const bytes = this.#bytes
    const offset = (this.#keyOffsets[entry] as number) + depth
    const left = (this.#keySizes[entry] as number) - depth
    const a = left > 0 ? (bytes[offset] as number) : 0
    const b = left > 1 ? (bytes[offset + 1] as number) : 0
    const c = left > 2 ? (bytes[offset + 2] as number) : 0
    const d = left > 3 ? (bytes[offset + 3] as number) : 0
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  }

  #isBefore(entry: number, other: number, depth: number): boolean {
    const bytes = this.#bytes
    const size = this.#keySizes[entry] as number
    const otherSize = this.#keySizes[other] as number
    const offset = this.#keyOffsets[entry] as number
    const otherOffset = this.#keyOffsets[other] as number
    const shared = size < otherSize ? size : otherSize
    for (let i = depth; i < shared; i++) {
      const difference = (bytes[offset + i] as number) - (bytes[otherOffset + i] as number)
      if (difference !== 0) {
        return difference < 0
      }
    }
    return size < otherSize
  }
}
