/**
 * A table's file while it is written: blocks are built in place in the buffer, sealed, and written in large chunks.
 * Synchronous, for job threads.
 */
import { CODECS, type Codec } from '../compression/codec.ts'
import type { BlockCompressor } from '../compression/compressed-block.ts'
import { UnsupportedError } from '../errors.ts'
import type { File } from '../env/env.ts'
import { writeFullySync } from '../env/file-io.ts'
import type { FileNumber } from '../file-names.ts'
import { BlockBuffer } from './block-buffer.ts'
import { BLOCK_TRAILER_SIZE_BYTES, TABLE_SIZE_BYTES_LIMIT, putBlockTrailer, type BlockHandle } from './table-format.ts'
import type { WorkspaceRegion } from './workspace.ts'

/** Output is written when this much has gathered. */
const OUTPUT_CHUNK_SIZE_BYTES: number = 1024 * 1024

/** What a writer takes from a workspace: a chunk, and some room for the block that completes it. */
export const OUTPUT_BUFFER_SIZE_BYTES: number = OUTPUT_CHUNK_SIZE_BYTES + 64 * 1024

/**
 * Output is made durable whenever this much has been written. Left to the end, the kernel would at some point throttle
 * whoever dirties pages, the main thread's log included, until hundreds of megabytes are on disk.
 */
export const OUTPUT_SYNC_SIZE_BYTES: number = 8 * 1024 * 1024

export class TableOutput {
  readonly file: File
  /** Blocks are built here, from the buffer's `start` on. */
  readonly buffer: BlockBuffer
  readonly #number: FileNumber
  #writtenSizeBytes = 0
  #unsyncedSizeBytes = 0

  constructor(file: File, number: FileNumber, region: WorkspaceRegion) {
    this.file = file
    this.#number = number
    this.buffer = new BlockBuffer(region)
  }

  /** Where the block that is being built will stand in the file. */
  get blockOffset(): number {
    return this.#writtenSizeBytes + this.buffer.start - this.buffer.base
  }

  get sizeBytes(): number {
    return this.#writtenSizeBytes + this.buffer.end - this.buffer.base
  }

  /** Makes room for `sizeBytes` more of the unfinished block, by writing out the finished ones if need be. */
  makeRoom(sizeBytes: number): void {
    const buffer = this.buffer
    if (buffer.limit - buffer.end < sizeBytes) {
      this.#write()
      buffer.makeRoom(sizeBytes)
    }
  }

  /** Ends the block that was built, compressed where that is worth it, and says in `handle` where it stands. */
  seal(handle: BlockHandle, compressor?: BlockCompressor): void {
    const buffer = this.buffer
    let codec: Codec = 'none'
    if (compressor !== undefined) {
      buffer.end = compressor.compress(buffer.bytes, buffer.start, buffer.end)
      codec = compressor.codec
    }
    handle.offset = this.blockOffset
    handle.sizeBytes = buffer.end - buffer.start
    buffer.makeRoom(BLOCK_TRAILER_SIZE_BYTES)
    putBlockTrailer(buffer.bytes, buffer.start, buffer.end, this.#number, handle.offset, CODECS.indexOf(codec))
    buffer.end += BLOCK_TRAILER_SIZE_BYTES
    this.finish()
    if (buffer.end - buffer.base >= OUTPUT_CHUNK_SIZE_BYTES) {
      this.#write()
    }
  }

  /** Adds a block that was built elsewhere. */
  append(bytes: Uint8Array, start: number, end: number, handle: BlockHandle): void {
    this.makeRoom(end - start + BLOCK_TRAILER_SIZE_BYTES)
    this.buffer.bytes.set(bytes.subarray(start, end), this.buffer.end)
    this.buffer.end += end - start
    this.seal(handle)
  }

  /** Takes the bytes up to the buffer's `end` as complete, without a trailer. */
  finish(): void {
    this.buffer.start = this.buffer.end
    if (this.sizeBytes > TABLE_SIZE_BYTES_LIMIT) {
      throw new UnsupportedError(`${this.file.path} would become larger than 4 GiB, which no table can be`)
    }
  }

  /** Writes what is left and makes the file durable. */
  sync(): void {
    this.#write()
    this.file.dataSyncSync()
  }

  #write(): void {
    const buffer = this.buffer
    const size = buffer.start - buffer.base
    if (size === 0) {
      return
    }
    writeFullySync(this.file, buffer.bytes, buffer.base, size, this.#writtenSizeBytes)
    buffer.dropFinished()
    this.#writtenSizeBytes += size
    this.#unsyncedSizeBytes += size
    if (this.#unsyncedSizeBytes >= OUTPUT_SYNC_SIZE_BYTES) {
      this.file.dataSyncSync()
      this.#unsyncedSizeBytes = 0
    }
  }
}
