/** One file in memory, for tests: no crashes, no names, only bytes. */
import type { File } from '../../env/env.ts'

export class MemoryFile implements File {
  readonly path: string
  syncCount = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #size = 0

  constructor(path: string, bytes: Uint8Array = new Uint8Array(0)) {
    this.path = path
    this.#bytes = bytes
    this.#size = bytes.length
  }

  /** A copy of what it holds. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }

  sizeSync(): number {
    return this.#size
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position))
    into.set(this.#bytes.subarray(position, position + count), offset)
    return count
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.readSync(into, offset, length, position)
  }

  writeSync(from: Uint8Array, offset: number, length: number, position: number): number {
    const end = position + length
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, this.#size))
      this.#bytes = larger
    }
    this.#bytes.set(from.subarray(offset, offset + length), position)
    this.#size = Math.max(this.#size, end)
    return length
  }

  async write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.writeSync(from, offset, length, position)
  }

  async dataSync(): Promise<void> {
    this.syncCount++
  }

  dataSyncSync(): void {
    this.syncCount++
  }

  async truncate(length: number): Promise<void> {
    this.#bytes = this.#bytes.slice(0, length)
    this.#size = this.#bytes.length
  }

  async close(): Promise<void> {}

  closeSync(): void {}
}
