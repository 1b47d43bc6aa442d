/**
 * Writes a table from entries in order. Used by jobs on their own threads: all input and output is synchronous, nothing
 * is allocated an entry, and a block is built where it is written from.
 *
 * A data block's index entry waits for the first key behind the block, because the separator depends on both.
 */
import { assert } from '../assert.ts'
import { KEY_SIZE_BYTES_MAX, KIND_DELETE, SEQUENCE_MAX, sequenceNumber } from '../entry.ts'
import type { Codec } from '../compression/codec.ts'
import { BlockCompressor } from '../compression/compressed-block.ts'
import type { File } from '../env/env.ts'
import type { FileNumber } from '../file-names.ts'
import { BlockBuilder, ENTRY_HEAD_SIZE_BYTES_MAX } from './block-builder.ts'
import { BloomFilterBuilder } from './bloom-filter.ts'
import { hashKey } from './hash.ts'
import { IndexWriter } from './index-writer.ts'
import { FILTER_HASH_SEED, TABLE_FOOTER_SIZE_BYTES, putTableFooter, type BlockHandle } from './table-format.ts'
import type { TableMetadata } from './table-metadata.ts'
import { OUTPUT_BUFFER_SIZE_BYTES, TableOutput } from './table-output.ts'
import { encodeTableProperties } from './table-properties.ts'
import { type Workspace, type WorkspaceRegion, ownRegion } from './workspace.ts'

export interface TableWriterOptions {
  readonly blockSizeBytes: number
  /** 0: no filters. */
  readonly bloomBitsPerKey: number
  /** Of data blocks. */
  readonly codec: Codec
}

/** Restart points of a data block, its trailer: what may follow the last entry. */
const BLOCK_TAIL_SIZE_BYTES = 4096

export class TableWriter {
  readonly number: FileNumber
  readonly #blockSizeBytes: number
  readonly #bloomBitsPerKey: number
  readonly #workspace: Workspace | undefined
  readonly #region: WorkspaceRegion
  readonly #output: TableOutput
  readonly #data: BlockBuilder
  readonly #index: IndexWriter
  readonly #filter: BloomFilterBuilder
  readonly #compressor: BlockCompressor | undefined
  readonly #handle: BlockHandle = { offset: 0, sizeBytes: 0 }

  readonly #lastKey: Uint8Array = new Uint8Array(KEY_SIZE_BYTES_MAX)
  #lastKeySize = 0
  #lastSequence = 0
  /** A data block is finished, its index entry not yet written. */
  #isBlockPending = false
  /** The filter of the current partition has no key yet. */
  #isFilterEmpty = true

  #smallestKey: Uint8Array = new Uint8Array(0)
  #smallestSequence: number = SEQUENCE_MAX
  #largestSequence = 0
  #entryCount = 0
  #tombstoneCount = 0
  #rawKeySizeBytes = 0
  #rawValueSizeBytes = 0
  #dataBlockCount = 0
  #isClosed = false

  /** `file` is empty and stays the caller's to close. With a workspace, buffers come from there until `finish`. */
  constructor(file: File, number: FileNumber, options: TableWriterOptions, workspace?: Workspace) {
    this.number = number
    this.#blockSizeBytes = options.blockSizeBytes
    this.#bloomBitsPerKey = options.bloomBitsPerKey
    this.#workspace = workspace
    this.#region = workspace?.take(OUTPUT_BUFFER_SIZE_BYTES) ?? ownRegion(OUTPUT_BUFFER_SIZE_BYTES)
    this.#output = new TableOutput(file, number, this.#region)
    this.#data = new BlockBuilder(this.#output.buffer)
    this.#compressor = options.codec === 'none' ? undefined : new BlockCompressor(options.codec)
    this.#filter = new BloomFilterBuilder(options.bloomBitsPerKey)
    this.#index = new IndexWriter(this.#output, options.bloomBitsPerKey > 0 ? this.#filter : undefined)
  }

  /** What was written and what is buffered; indexes and filters not yet written are not counted. */
  get sizeBytes(): number {
    return this.#output.sizeBytes
  }

  get entryCount(): number {
    return this.#entryCount
  }

  /** Adds an entry: a larger key than the last one's, or the same and a smaller sequence. Copies what it is given. */
  add(
    key: Uint8Array,
    keyOffset: number,
    keySize: number,
    sequence: number,
    kind: number,
    value: Uint8Array,
    valueOffset: number,
    valueSize: number,
  ): void {
    const last = this.#lastKey
    const lastSize = this.#lastKeySize
    const limit = keySize < lastSize ? keySize : lastSize
    let shared = 0
    while (shared < limit && last[shared] === key[keyOffset + shared]) {
      shared++
    }
    let isNewKey = true
    if (this.#entryCount === 0) {
      this.#smallestKey = new Uint8Array(key.subarray(keyOffset, keyOffset + keySize))
    } else if (shared < limit) {
      assert((last[shared] as number) < (key[keyOffset + shared] as number), 'keys are added in order')
    } else if (keySize === lastSize) {
      assert(sequence < this.#lastSequence, 'versions of a key are added newest first')
      isNewKey = false
    } else {
      assert(lastSize < keySize, 'keys are added in order')
    }
    assert(keySize <= KEY_SIZE_BYTES_MAX, 'a key is not too long')
    if (this.#isBlockPending) {
      this.#indexBlock(key, keyOffset, keySize, shared)
    }
    if (this.#bloomBitsPerKey > 0 && (isNewKey || this.#isFilterEmpty)) {
      this.#filter.add(hashKey(key, keyOffset, keySize, FILTER_HASH_SEED))
      this.#isFilterEmpty = false
    }
    this.#output.makeRoom(keySize + valueSize + ENTRY_HEAD_SIZE_BYTES_MAX + BLOCK_TAIL_SIZE_BYTES)
    this.#data.add(key, keyOffset, keySize, shared, sequence, kind, value, valueOffset, valueSize)
    for (let i = shared; i < keySize; i++) {
      last[i] = key[keyOffset + i] as number
    }
    this.#lastKeySize = keySize
    this.#count(keySize, sequence, kind, valueSize)
    if (this.#data.sizeBytes >= this.#blockSizeBytes) {
      this.#finishBlock()
    }
  }

  /** Writes the rest and makes the file durable. The writer is of no use afterwards. */
  finish(): TableMetadata {
    assert(this.#entryCount > 0, 'a table has an entry')
    if (this.#data.entryCount > 0) {
      this.#finishBlock()
    }
    this.#index.add(this.#lastKey, 0, this.#lastKeySize, 0, this.#handle)
    const partitionCount = this.#index.finishPartition()
    const metadata = {
      number: this.number,
      entryCount: this.#entryCount,
      tombstoneCount: this.#tombstoneCount,
      smallestKey: this.#smallestKey,
      largestKey: this.#lastKey.slice(0, this.#lastKeySize),
      smallestSequence: sequenceNumber(this.#smallestSequence),
      largestSequence: sequenceNumber(this.#largestSequence),
      rawKeySizeBytes: this.#rawKeySizeBytes,
      rawValueSizeBytes: this.#rawValueSizeBytes,
    }
    const topIndex = { offset: 0, sizeBytes: 0 }
    this.#index.finishTop(topIndex)
    const properties = { offset: 0, sizeBytes: 0 }
    const propertyBytes = encodeTableProperties({
      ...metadata,
      dataBlockCount: this.#dataBlockCount,
      partitionCount,
      filterBitsPerKey: this.#bloomBitsPerKey,
    })
    const output = this.#output
    output.append(propertyBytes, 0, propertyBytes.length, properties)
    output.makeRoom(TABLE_FOOTER_SIZE_BYTES)
    const sizeBytes = output.sizeBytes + TABLE_FOOTER_SIZE_BYTES
    const footer = { topIndex, properties, tableNumber: this.number, fileSizeBytes: sizeBytes }
    putTableFooter(output.buffer.bytes, output.buffer.end, footer)
    output.buffer.end += TABLE_FOOTER_SIZE_BYTES
    output.finish()
    output.sync()
    this.close()
    return { ...metadata, sizeBytes }
  }

  /** Gives back the buffers. `finish` does so too; for a table that is given up. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#workspace?.giveBack(this.#region)
    }
  }

  #count(keySize: number, sequence: number, kind: number, valueSize: number): void {
    assert(sequence >= 0 && sequence <= SEQUENCE_MAX, 'a sequence is in range')
    this.#lastSequence = sequence
    this.#entryCount++
    this.#rawKeySizeBytes += keySize
    this.#rawValueSizeBytes += valueSize
    if (kind === KIND_DELETE) {
      this.#tombstoneCount++
    }
    if (sequence < this.#smallestSequence) {
      this.#smallestSequence = sequence
    }
    if (sequence > this.#largestSequence) {
      this.#largestSequence = sequence
    }
  }

  #finishBlock(): void {
    this.#data.finish()
    this.#output.seal(this.#handle, this.#compressor)
    this.#dataBlockCount++
    this.#isBlockPending = true
  }

  /** Writes the index entry of the block before, now that the first key behind it is known. */
  #indexBlock(key: Uint8Array, keyOffset: number, keySize: number, shared: number): void {
    const lastSize = this.#lastKeySize
    if (shared === lastSize) {
      // The last key is the next one, or a prefix of it.
      this.#index.add(this.#lastKey, 0, lastSize, keySize === lastSize ? this.#lastSequence : 0, this.#handle)
    } else if (keySize > shared + 1) {
      this.#index.add(key, keyOffset, shared + 1, 0, this.#handle)
    } else {
      this.#index.add(this.#lastKey, 0, lastSize, 0, this.#handle)
    }
    this.#isBlockPending = false
    if (this.#index.isPartitionFull) {
      this.#index.finishPartition()
      this.#isFilterEmpty = true
    }
  }
}
