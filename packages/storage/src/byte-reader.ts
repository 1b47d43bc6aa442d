/** Reads what `ByteWriter` wrote. Every read is checked against the end; bytes from disk may be anything. */
import { getUint32, getUint64, getVarint, varintSizeBytes } from './coding.ts'
import { CorruptionError } from './errors.ts'

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #path: string
  readonly #fileOffset: number
  #at = 0

  /** `path` and `fileOffset` say where `bytes` come from, for error messages. */
  constructor(bytes: Uint8Array, path: string, fileOffset: number) {
    this.#bytes = bytes
    this.#path = path
    this.#fileOffset = fileOffset
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  varint(): number {
    const value = getVarint(this.#bytes, this.#at, this.#bytes.length)
    if (value < 0) {
      throw this.damage('a number is cut off')
    }
    this.#at += varintSizeBytes(value)
    return value
  }

  uint32(): number {
    return getUint32(this.#bytes, this.#advance(4))
  }

  /** Up to `max`, which no valid number of the kind exceeds. */
  uint64(max: number): number {
    const value = getUint64(this.#bytes, this.#advance(8))
    if (value > max) {
      throw this.damage(`a number exceeds ${max}`)
    }
    return value
  }

  /** A copy: keys live longer than what they are read from, and a message would copy all that a part is of. */
  byteString(): Uint8Array {
    const size = this.varint()
    const start = this.#advance(size)
    return new Uint8Array(this.#bytes.subarray(start, start + size))
  }

  damage(what: string): CorruptionError {
    return new CorruptionError(this.#path, this.#fileOffset + this.#at, what)
  }

  #advance(size: number): number {
    const start = this.#at
    if (start + size > this.#bytes.length) {
      throw this.damage('it is cut off')
    }
    this.#at = start + size
    return start
  }
}
