/** Keys and values as users give them, and how they become bytes: strings as UTF-8, everything else as it is. */
import { InvalidArgumentError, KEY_SIZE_BYTES_MAX } from '@varve/storage'
import { types } from 'node:util'
import { describe } from './options.ts'

export type Bytes = Uint8Array | string

/** Below this, a loop in JavaScript is faster than a call into the runtime. */
const LOOP_SIZE_BYTES_MAX = 32

/** How many bytes `bytes` will take, or -1 if it is neither a string nor a Uint8Array. */
function byteSize(bytes: Bytes): number {
  if (typeof bytes === 'string') {
    return Buffer.byteLength(bytes)
  }
  return bytes instanceof Uint8Array || types.isUint8Array(bytes) ? (bytes as Uint8Array).length : -1
}

/** @throws InvalidArgumentError if it is no key */
export function keySizeOf(key: Bytes): number {
  const size = byteSize(key)
  if (size < 0) {
    throw new InvalidArgumentError(`a key must be a string or a Uint8Array, not ${describe(key)}`)
  }
  if (size > KEY_SIZE_BYTES_MAX) {
    throw new InvalidArgumentError(`a key of ${size} bytes is too long: at most ${KEY_SIZE_BYTES_MAX} are possible`)
  }
  return size
}

/** @throws InvalidArgumentError if it is no value */
export function valueSizeOf(value: Bytes, valueSizeBytesMax: number): number {
  const size = byteSize(value)
  if (size < 0) {
    throw new InvalidArgumentError(`a value must be a string or a Uint8Array, not ${describe(value)}`)
  }
  if (size > valueSizeBytesMax) {
    throw new InvalidArgumentError(
      `a value of ${size} bytes is too long: the option valueSizeBytesMax allows ${valueSizeBytesMax}`,
    )
  }
  return size
}

/** Writes `bytes`, which take `size` bytes, at `offset`. */
export function putBytes(into: Buffer, offset: number, bytes: Bytes, size: number): void {
  if (typeof bytes === 'string') {
    if (size === bytes.length && size <= LOOP_SIZE_BYTES_MAX) {
      for (let i = 0; i < size; i++) {
        into[offset + i] = bytes.charCodeAt(i)
      }
    } else {
      into.write(bytes, offset, size, 'utf8')
    }
  } else if (size <= LOOP_SIZE_BYTES_MAX) {
    for (let i = 0; i < size; i++) {
      into[offset + i] = bytes[i] as number
    }
  } else {
    into.set(bytes, offset)
  }
}

/** A key as a Buffer of its own. */
export function copyKey(key: Bytes): Buffer {
  const size = keySizeOf(key)
  const copy = Buffer.allocUnsafe(size)
  putBytes(copy, 0, key, size)
  return copy
}
