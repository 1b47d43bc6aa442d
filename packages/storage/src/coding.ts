/**
 * Integers as bytes. Fixed-width ones are little-endian; varints carry seven bits a byte, lowest first, and stand for
 * unsigned 32-bit numbers. Hot loops decode the one-byte case in line and call these for the rest.
 */

export const VARINT_SIZE_BYTES_MAX = 5

export function varintSizeBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}

/** Writes `value` (0 to 2^32 - 1) and returns the offset behind it. */
export function putVarint(bytes: Uint8Array, offset: number, value: number): number {
  let rest = value
  let at = offset
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at] = rest
  return at + 1
}

/** The varint at `offset`, or -1 if it does not end before `end` or exceeds 32 bits. Its size: `varintSizeBytes`. */
export function getVarint(bytes: Uint8Array, offset: number, end: number): number {
  let value = 0
  let scale = 1
  const stop = Math.min(end, offset + VARINT_SIZE_BYTES_MAX)
  for (let at = offset; at < stop; at++) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      // Only the shortest form is accepted: the size of what was read follows from its value.
      return value <= 0xffffffff && at + 1 - offset === varintSizeBytes(value) ? value : -1
    }
    scale *= 128
  }
  return -1
}

export function putUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
  bytes[offset + 1] = value >>> 8
  bytes[offset + 2] = value >>> 16
  bytes[offset + 3] = value >>> 24
}

export function getUint32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] ?? 0) |
      ((bytes[offset + 1] ?? 0) << 8) |
      ((bytes[offset + 2] ?? 0) << 16) |
      ((bytes[offset + 3] ?? 0) << 24)) >>>
    0
  )
}

/** Writes a whole number up to 2^53 - 1 into eight bytes. */
export function putUint64(bytes: Uint8Array, offset: number, value: number): void {
  putUint32(bytes, offset, value >>> 0)
  putUint32(bytes, offset + 4, Math.floor(value / 2 ** 32))
}

/** Reads eight bytes. What exceeds 2^53 comes back rounded, and so still exceeds every bound it is checked against. */
export function getUint64(bytes: Uint8Array, offset: number): number {
  return getUint32(bytes, offset + 4) * 2 ** 32 + getUint32(bytes, offset)
}

/** Compares two byte ranges as unsigned bytes, shorter first: negative, zero or positive. */
export function compareBytes(
  a: Uint8Array,
  aOffset: number,
  aLength: number,
  b: Uint8Array,
  bOffset: number,
  bLength: number,
): number {
  const shared = aLength < bLength ? aLength : bLength
  for (let i = 0; i < shared; i++) {
    const difference = (a[aOffset + i] as number) - (b[bOffset + i] as number)
    if (difference !== 0) {
      return difference
    }
  }
  return aLength - bLength
}

/** Compares two whole keys by unsigned bytes. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length)
}
