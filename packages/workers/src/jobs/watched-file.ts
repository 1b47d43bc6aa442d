/**
 * A file of a job, of which every finished operation is a sign of life. It is also where a job notices that it is
 * cancelled, and where it waits if it writes too fast.
 */
import type { File } from '@varve/storage'

export class WatchedFile implements File {
  readonly path: string
  readonly #file: File
  readonly #onOperation: () => void
  readonly #beforeWrite: (sizeBytes: number) => void

  /**
   * @param onOperation called behind each read, write and sync; it may throw
   * @param beforeWrite called before each synchronous write, with its size; it may throw
   */
  constructor(file: File, onOperation: () => void, beforeWrite: (sizeBytes: number) => void) {
    this.path = file.path
    this.#file = file
    this.#onOperation = onOperation
    this.#beforeWrite = beforeWrite
  }

  sizeSync(): number {
    return this.#file.sizeSync()
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    const count = this.#file.readSync(into, offset, length, position)
    this.#onOperation()
    return count
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const count = await this.#file.read(into, offset, length, position)
    this.#onOperation()
    return count
  }

  writeSync(from: Uint8Array, offset: number, length: number, position: number): number {
    this.#beforeWrite(length)
    const count = this.#file.writeSync(from, offset, length, position)
    this.#onOperation()
    return count
  }

  async write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const count = await this.#file.write(from, offset, length, position)
    this.#onOperation()
    return count
  }

  async dataSync(): Promise<void> {
    await this.#file.dataSync()
    this.#onOperation()
  }

  dataSyncSync(): void {
    this.#file.dataSyncSync()
    this.#onOperation()
  }

  async truncate(length: number): Promise<void> {
    await this.#file.truncate(length)
    this.#onOperation()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  closeSync(): void {
    this.#file.closeSync()
  }
}
