/**
 * The LZ4 block format, and what decompresses it. The bytes may be anything: every size is checked before it is used.
 *
 *     block    := sequence* last
 *     sequence := token:u8 more* literal[n] offset:u16 more*     n literals, then m bytes again from `offset` bytes back
 *     last     := token:u8 more* literal[n]                      ends the block
 *     token    := n (high four bits) | m - 4 (low four bits); 15 in either means that `more` follows, to be added
 *     more     := 255* rest:u8                                   all of them added up
 *
 * The source of a match may overlap what it writes: offset 1 repeats one byte. The last five bytes of a block are
 * literals, and no match begins in its last twelve. It is the format that https://lz4.org describes.
 *
 * Example: "abababababababababX1234" is
 *
 *     2c 'ab' 02 00    50 'X1234'          two literals, 16 bytes from 2 back, then the last five
 */
export const MATCH_SIZE_BYTES_MIN = 4
export const MATCH_OFFSET_MAX = 65535
export const LAST_LITERALS_SIZE_BYTES = 5

/** From here on the runtime's own copy is faster than a loop over words. */
export const BULK_COPY_SIZE_BYTES_MIN = 256
const WORD_SIZE_BYTES = 4

/**
 * Decompresses `source` from `start` to `end` into `target` from `targetStart` to `targetEnd`, all of it. Returns whether
 * the source is a block of just that size; if not, the target holds anything.
 */
export function decodeLz4(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  targetEnd: number,
): boolean {
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const into = new DataView(target.buffer, target.byteOffset, target.byteLength)
  let at = start
  let to = targetStart
  while (at < end) {
    const token = source[at++] as number
    let size = token >>> 4
    if (size === 15) {
      let more = 255
      while (more === 255 && at < end) {
        more = source[at++] as number
        size += more
      }
    }
    if (size > end - at || size > targetEnd - to) {
      return false
    }
    if (size < BULK_COPY_SIZE_BYTES_MIN) {
      copyWords(from, at, into, to, size)
    } else {
      target.set(source.subarray(at, at + size), to)
    }
    at += size
    to += size
    if (at === end) {
      return to === targetEnd
    }
    if (at + 2 > end) {
      return false
    }
    const offset = (source[at] as number) | ((source[at + 1] as number) << 8)
    at += 2
    size = token & 15
    if (size === 15) {
      let more = 255
      while (more === 255 && at < end) {
        more = source[at++] as number
        size += more
      }
    }
    size += MATCH_SIZE_BYTES_MIN
    if (offset === 0 || offset > to - targetStart || size > targetEnd - to) {
      return false
    }
    if (offset < WORD_SIZE_BYTES) {
      repeat(into, to, size, offset)
    } else if (size < BULK_COPY_SIZE_BYTES_MIN || offset < size) {
      copyWords(into, to - offset, into, to, size)
    } else {
      target.copyWithin(to, to - offset, to - offset + size)
    }
    to += size
  }
  return false
}

/** Word by word, then byte by byte. From at least a word back in the same bytes, what was copied is copied again. */
export function copyWords(from: DataView, fromOffset: number, into: DataView, intoOffset: number, size: number): void {
  let i = 0
  for (; i + WORD_SIZE_BYTES <= size; i += WORD_SIZE_BYTES) {
    into.setInt32(intoOffset + i, from.getInt32(fromOffset + i, true), true)
  }
  for (; i < size; i++) {
    into.setUint8(intoOffset + i, from.getUint8(fromOffset + i))
  }
}

/** Writes the `period` bytes before `to`, fewer than a word, again and again. */
function repeat(into: DataView, to: number, size: number, period: number): void {
  const first = Math.min(size, WORD_SIZE_BYTES)
  for (let i = to; i < to + first; i++) {
    into.setUint8(i, into.getUint8(i - period))
  }
  // A multiple of the period that is a word at least, and as far back as there are bytes now.
  copyWords(into, to + first - (period === 3 ? 6 : WORD_SIZE_BYTES), into, to + first, size - first)
}
