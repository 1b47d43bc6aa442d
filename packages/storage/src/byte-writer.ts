/** Writes small records whose size is not known before: manifest edits, properties. Not for hot paths. */
import { VARINT_SIZE_BYTES_MAX, putUint32, putUint64, putVarint } from './coding.ts'

export class ByteWriter {
  #bytes: Uint8Array = new Uint8Array(256)
  #size = 0

  varint(value: number): void {
    this.#reserve(VARINT_SIZE_BYTES_MAX)
    this.#size = putVarint(this.#bytes, this.#size, value)
  }

  uint32(value: number): void {
    this.#reserve(4)
    putUint32(this.#bytes, this.#size, value)
    this.#size += 4
  }

  uint64(value: number): void {
    this.#reserve(8)
    putUint64(this.#bytes, this.#size, value)
    this.#size += 8
  }

  /** A byte string: its size, then its bytes. */
  byteString(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#size)
    this.#size += bytes.length
  }

  /** What has been written, as a copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }

  #reserve(size: number): void {
    if (this.#size + size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + size))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
  }
}
