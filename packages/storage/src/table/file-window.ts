/** A part of a file in memory that moves forward with what is asked for. */
import type { File } from '../env/env.ts'
import { readFullySync } from '../env/file-io.ts'

const WINDOW_SIZE_BYTES: number = 256 * 1024

export class FileWindow {
  /** From `offset` of the file on. */
  bytes: Uint8Array = new Uint8Array(WINDOW_SIZE_BYTES)
  offset = 0
  readonly #file: File
  readonly #end: number
  #size = 0

  /** @param end nothing behind it is read */
  constructor(file: File, end: number) {
    this.#file = file
    this.#end = end
  }

  get path(): string {
    return this.#file.path
  }

  /** Makes sure that `size` bytes from `offset` on are there; false if they reach beyond the end. */
  load(offset: number, size: number): boolean {
    if (offset + size > this.#end) {
      return false
    }
    if (offset >= this.offset && offset + size <= this.offset + this.#size) {
      return true
    }
    if (size > this.bytes.length) {
      this.bytes = new Uint8Array(size)
    }
    this.#size = 0
    const wanted = Math.min(this.bytes.length, this.#end - offset)
    readFullySync(this.#file, this.bytes, 0, wanted, offset)
    this.offset = offset
    this.#size = wanted
    return true
  }
}
