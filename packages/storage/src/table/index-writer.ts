/** Writes the indexes and filters of a table: a partition's behind its data blocks, the top index behind all. */
import { putVarint } from '../coding.ts'
import { BlockBuffer } from './block-buffer.ts'
import { BlockBuilder } from './block-builder.ts'
import type { BloomFilterBuilder } from './bloom-filter.ts'
import { INDEX_BLOCK_SIZE_BYTES, KIND_INDEX, type BlockHandle } from './table-format.ts'
import type { TableOutput } from './table-output.ts'
import { ownRegion } from './workspace.ts'

const HANDLES_SIZE_BYTES_MAX = 20

export class IndexWriter {
  readonly #output: TableOutput
  readonly #filter: BloomFilterBuilder | undefined
  readonly #index: IndexBuilder = new IndexBuilder()
  readonly #top: IndexBuilder = new IndexBuilder()
  readonly #handles: Uint8Array = new Uint8Array(HANDLES_SIZE_BYTES_MAX)
  #partitionCount = 0

  constructor(output: TableOutput, filter: BloomFilterBuilder | undefined) {
    this.#output = output
    this.#filter = filter
  }

  /** Adds a data block and its separator. */
  add(key: Uint8Array, keyOffset: number, keySize: number, sequence: number, handle: BlockHandle): void {
    const end = putHandle(this.#handles, 0, handle)
    this.#index.add(key, keyOffset, keySize, sequence, this.#handles, end)
  }

  get isPartitionFull(): boolean {
    return this.#index.builder.sizeBytes >= INDEX_BLOCK_SIZE_BYTES
  }

  /** Writes the filter and the index of the data blocks added since the last call; returns how many partitions there are. */
  finishPartition(): number {
    const filterHandle = { offset: 0, sizeBytes: 0 }
    if (this.#filter !== undefined) {
      const output = this.#output
      const sizeBytes = this.#filter.sizeBytes
      output.makeRoom(sizeBytes)
      this.#filter.finish(output.buffer.bytes, output.buffer.end)
      output.buffer.end += sizeBytes
      output.seal(filterHandle)
    }
    const indexHandle = { offset: 0, sizeBytes: 0 }
    this.#index.writeTo(this.#output, indexHandle)
    const end = putHandle(this.#handles, putHandle(this.#handles, 0, filterHandle), indexHandle)
    const { lastKey, lastKeySize, lastSequence } = this.#index
    this.#top.add(lastKey, 0, lastKeySize, lastSequence, this.#handles, end)
    this.#partitionCount++
    return this.#partitionCount
  }

  finishTop(handle: BlockHandle): void {
    this.#top.writeTo(this.#output, handle)
  }
}

/** An index while it is built, in a buffer of its own. */
class IndexBuilder {
  readonly #buffer: BlockBuffer = new BlockBuffer(ownRegion(2 * INDEX_BLOCK_SIZE_BYTES))
  readonly builder: BlockBuilder = new BlockBuilder(this.#buffer)
  lastKey: Uint8Array = new Uint8Array(64)
  lastKeySize = 0
  lastSequence = 0

  add(
    key: Uint8Array,
    keyOffset: number,
    keySize: number,
    sequence: number,
    handles: Uint8Array,
    handlesSize: number,
  ): void {
    const limit = Math.min(this.lastKeySize, keySize)
    let shared = 0
    while (shared < limit && this.lastKey[shared] === key[keyOffset + shared]) {
      shared++
    }
    this.builder.add(key, keyOffset, keySize, shared, sequence, KIND_INDEX, handles, 0, handlesSize)
    if (keySize > this.lastKey.length) {
      this.lastKey = new Uint8Array(keySize * 2)
    }
    this.lastKey.set(key.subarray(keyOffset, keyOffset + keySize))
    this.lastKeySize = keySize
    this.lastSequence = sequence
  }

  writeTo(output: TableOutput, handle: BlockHandle): void {
    this.builder.finish()
    output.append(this.#buffer.bytes, this.#buffer.start, this.#buffer.end, handle)
    this.#buffer.clear()
  }
}

function putHandle(bytes: Uint8Array, offset: number, handle: BlockHandle): number {
  return putVarint(bytes, putVarint(bytes, offset, handle.offset), handle.sizeBytes)
}
