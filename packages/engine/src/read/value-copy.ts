/** Copies of bytes that belong to the caller. */

/** Below this, a loop is faster than making a view to copy from. */
const LOOP_SIZE_BYTES_MAX = 48

export function copyOut(bytes: Uint8Array, offset: number, size: number): Buffer {
  const copy = Buffer.allocUnsafe(size)
  if (size <= LOOP_SIZE_BYTES_MAX) {
    for (let i = 0; i < size; i++) {
      copy[i] = bytes[offset + i] as number
    }
  } else {
    copy.set(bytes.subarray(offset, offset + size))
  }
  return copy
}
