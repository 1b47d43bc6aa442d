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

/** From here on the runtime's own copy is faster than a loop. */
const BULK_COPY_SIZE_BYTES_MIN = 64

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
      for (const stop = at + size; at < stop;) {
        target[to++] = source[at++] as number
      }
    } else {
      target.set(source.subarray(at, at + size), to)
      at += size
      to += size
    }
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
    if (size < BULK_COPY_SIZE_BYTES_MIN || offset < size) {
      // One byte after the other: where the match overlaps what it writes, it repeats.
      let from = to - offset
      for (const stop = to + size; to < stop;) {
        target[to++] = target[from++] as number
      }
    } else {
      target.copyWithin(to, to - offset, to - offset + size)
      to += size
    }
  }
  return false
}
