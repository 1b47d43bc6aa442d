/** Appends edits to one manifest. Each is durable when `append` resolves; after a failure the file is never used again. */
import { assert } from '../assert.ts'
import { writeFully } from '../env/file-io.ts'
import type { File, FileSystem } from '../env/env.ts'
import type { FileNumber } from '../file-names.ts'
import { encodeManifestHeader, encodeManifestRecord } from './manifest-format.ts'
import { encodeVersionEdit, type VersionEdit } from './version-edit.ts'

export class ManifestWriter {
  readonly number: FileNumber
  readonly #file: File
  #sizeBytes = 0
  #failed = false

  private constructor(file: File, number: FileNumber) {
    this.#file = file
    this.number = number
  }

  /** Makes the file with the full state in it, durable but for its directory entry. */
  static async create(
    files: FileSystem,
    path: string,
    number: FileNumber,
    fullState: VersionEdit,
  ): Promise<ManifestWriter> {
    const writer = new ManifestWriter(await files.open(path, 'create'), number)
    try {
      await writer.#write(encodeManifestHeader(number))
      await writer.append(fullState)
      return writer
    } catch (error) {
      // The first failure is the one to report.
      await Promise.allSettled([writer.close()])
      throw error
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async append(edit: VersionEdit): Promise<void> {
    assert(!this.#failed, 'nothing is written to a manifest after a failure')
    this.#failed = true
    await this.#write(encodeManifestRecord(encodeVersionEdit(edit), this.number, this.#sizeBytes))
    await this.#file.dataSync()
    this.#failed = false
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await writeFully(this.#file, bytes, 0, bytes.length, this.#sizeBytes)
    this.#sizeBytes += bytes.length
  }
}
