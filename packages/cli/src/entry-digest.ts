/** A count and a checksum over entries in order, to tell whether two stores hold the same. */
import { crc32 } from 'node:zlib'
import { countOf } from './quantity.ts'

export class EntryDigest {
  readonly #sizes = Buffer.alloc(8)
  #count = 0
  #checksum = 0

  get count(): number {
    return this.#count
  }

  get checksum(): number {
    return this.#checksum
  }

  get text(): string {
    return `${countOf(this.#count, 'entry', 'entries')} with checksum ${this.#checksum.toString(16).padStart(8, '0')}`
  }

  /** Sizes count too: otherwise a byte could move from a key to its value. */
  add(key: Uint8Array, value: Uint8Array): void {
    this.#sizes.writeUInt32LE(key.length, 0)
    this.#sizes.writeUInt32LE(value.length, 4)
    this.#checksum = extend(extend(crc32(this.#sizes, this.#checksum), key), value)
    this.#count++
  }
}

/** An empty array may be one without memory, as addons make them: for that `crc32` returns 0, whatever came before. */
function extend(checksum: number, bytes: Uint8Array): number {
  return bytes.length === 0 ? checksum : crc32(bytes, checksum)
}
