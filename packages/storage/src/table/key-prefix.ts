/**
 * The first six bytes of a key as a number, which a double holds exactly. Bytes behind the key's end count as 0: a smaller
 * number is a smaller key, an equal one may be either. Most comparisons of keys need no more.
 */
const PREFIX_SIZE_BYTES = 6

export function keyPrefix(bytes: Uint8Array, offset: number, size: number): number {
  if (size >= PREFIX_SIZE_BYTES) {
    const high =
      ((bytes[offset] as number) << 16) | ((bytes[offset + 1] as number) << 8) | (bytes[offset + 2] as number)
    const low =
      ((bytes[offset + 3] as number) << 16) | ((bytes[offset + 4] as number) << 8) | (bytes[offset + 5] as number)
    return high * 0x1000000 + low
  }
  let prefix = 0
  for (let i = 0; i < PREFIX_SIZE_BYTES; i++) {
    prefix = prefix * 0x100 + (i < size ? (bytes[offset + i] as number) : 0)
  }
  return prefix
}
