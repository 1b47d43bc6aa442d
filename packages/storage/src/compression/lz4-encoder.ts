/**
 * Compresses into the LZ4 block format (see lz4-decoder.ts), greedily, as the format's own fast mode does: a table from
 * the hash of four bytes to where they were seen last gives the candidates. Blocks of tables are small: the table is made
 * for those, and is not cleared between blocks; positions count on from block to block instead.
 *
 * One encoder serves one thread. Nothing is allocated a block.
 */
import { assert } from '../assert.ts'
import {
  BULK_COPY_SIZE_BYTES_MIN,
  LAST_LITERALS_SIZE_BYTES,
  MATCH_OFFSET_MAX,
  MATCH_SIZE_BYTES_MIN,
  copyWords,
} from './lz4-decoder.ts'

/** The table stays in the processor's first cache. One twice as large found no more in blocks of 4 KiB. */
const HASH_BITS = 12
const HASH_SHIFT: number = 32 - HASH_BITS
const HASH_MULTIPLIER = 0x9e3779b1
/** No match begins in the last 12 bytes of a block: the format has it so. */
const MATCH_START_MARGIN_BYTES = 12
/** Without a match the search steps ever wider: by one byte more for each 2^5 tries. */
const SKIP_SHIFT = 5
/** Here positions start anew: long before they leave the 31 bits of a small integer. */
const POSITION_LIMIT = 0x3ffffff

export class Lz4Encoder {
  /** Hash of four bytes to the place where they stood, in positions. */
  readonly #places: Int32Array = new Int32Array(1 << HASH_BITS)
  /** The position of the first byte of the block; those before it are of earlier blocks. */
  #base = MATCH_OFFSET_MAX + 1

  /**
   * Compresses `source` from `start` to `end` into `target` from `targetStart` on. Returns where the result ends, or -1
   * if it would reach beyond `targetEnd`: what does not become small enough is better kept as it is.
   */
  encode(
    source: Uint8Array,
    start: number,
    end: number,
    target: Uint8Array,
    targetStart: number,
    targetEnd: number,
  ): number {
    assert(targetEnd <= target.length, 'the target has the room that it is said to have')
    const places = this.#places
    const words = new DataView(source.buffer, source.byteOffset, source.byteLength)
    const targetWords = new DataView(target.buffer, target.byteOffset, target.byteLength)
    const shift = this.#nextBase(end - start) - start
    const matchStartEnd = end - MATCH_START_MARGIN_BYTES
    const matchEnd = end - LAST_LITERALS_SIZE_BYTES
    let literals = start
    let to = targetStart
    let at = start
    let tries = 1 << SKIP_SHIFT
    while (at < matchStartEnd) {
      const word = words.getInt32(at, true)
      const slot = Math.imul(word, HASH_MULTIPLIER) >>> HASH_SHIFT
      const candidate = (places[slot] as number) - shift
      places[slot] = at + shift
      // A place of an earlier block lies before `start`.
      if (candidate < start || at - candidate > MATCH_OFFSET_MAX || words.getInt32(candidate, true) !== word) {
        at += tries++ >>> SKIP_SHIFT
        continue
      }
      let back = 0
      while (
        at - back > literals &&
        candidate - back > start &&
        source[at - back - 1] === source[candidate - back - 1]
      ) {
        back++
      }
      const matchStart = at - back
      at += matchSizeOf(words, at, candidate, matchEnd)
      to = putSequence(
        source,
        words,
        literals,
        matchStart,
        at - matchStart,
        matchStart - candidate + back,
        target,
        targetWords,
        to,
        targetEnd,
      )
      if (to < 0) {
        return -1
      }
      literals = at
      tries = 1 << SKIP_SHIFT
      if (at < matchStartEnd) {
        // The bytes in front of the end of a match often begin the next one.
        places[Math.imul(words.getInt32(at - 2, true), HASH_MULTIPLIER) >>> HASH_SHIFT] = at - 2 + shift
      }
    }
    return putSequence(source, words, literals, end, 0, 0, target, targetWords, to, targetEnd)
  }

  /** Positions go on behind those of the block before, far enough that no match reaches back there. */
  #nextBase(size: number): number {
    if (this.#base + size > POSITION_LIMIT) {
      this.#places.fill(0)
      this.#base = MATCH_OFFSET_MAX + 1
    }
    const base = this.#base
    this.#base += size
    return base
  }
}

/** Writes literals and the match behind them; none for a match of size 0. Returns where they end; -1 without room. */
function putSequence(
  source: Uint8Array,
  words: DataView,
  literals: number,
  literalsEnd: number,
  matchSize: number,
  matchOffset: number,
  target: Uint8Array,
  targetWords: DataView,
  targetStart: number,
  targetEnd: number,
): number {
  const literalsSize = literalsEnd - literals
  const extraMatchSize = matchSize - MATCH_SIZE_BYTES_MIN
  // Token, sizes, literals, offset: at most.
  const room =
    1 + lengthSizeBytes(literalsSize) + literalsSize + (matchSize > 0 ? 2 + lengthSizeBytes(extraMatchSize) : 0)
  if (targetStart + room > targetEnd) {
    return -1
  }
  let to = targetStart + 1
  target[targetStart] = (Math.min(literalsSize, 15) << 4) | (matchSize > 0 ? Math.min(extraMatchSize, 15) : 0)
  to = putLength(target, to, literalsSize)
  if (literalsSize < BULK_COPY_SIZE_BYTES_MIN) {
    copyWords(words, literals, targetWords, to, literalsSize)
  } else {
    target.set(source.subarray(literals, literalsEnd), to)
  }
  to += literalsSize
  if (matchSize === 0) {
    return to
  }
  target[to] = matchOffset
  target[to + 1] = matchOffset >>> 8
  return putLength(target, to + 2, extraMatchSize)
}

/** What a size takes besides its four bits of the token. */
function lengthSizeBytes(length: number): number {
  return length < 15 ? 0 : Math.floor((length - 15) / 255) + 1
}

function putLength(target: Uint8Array, offset: number, length: number): number {
  let to = offset
  if (length >= 15) {
    let rest = length - 15
    for (; rest >= 255; rest -= 255) {
      target[to++] = 255
    }
    target[to++] = rest
  }
  return to
}

/** How far the bytes at `at` are those at `candidate`, of which the first four are, up to `end`: four at a time. */
function matchSizeOf(words: DataView, at: number, candidate: number, end: number): number {
  let size = MATCH_SIZE_BYTES_MIN
  while (at + size + 4 <= end) {
    const difference = words.getInt32(at + size, true) ^ words.getInt32(candidate + size, true)
    if (difference !== 0) {
      // The lowest bit that differs is in the first byte that does.
      return size + ((31 - Math.clz32(difference & -difference)) >>> 3)
    }
    size += 4
  }
  while (at + size < end && words.getUint8(at + size) === words.getUint8(candidate + size)) {
    size++
  }
  return size
}
