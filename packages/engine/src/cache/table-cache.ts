/**
 * Open tables, bounded in number. A table is opened when it is first read, and closed when others are needed more or
 * its file goes; never while a read on it is in flight, as its descriptor would then stand for another file.
 */
import { join } from 'node:path'
import {
  CorruptionError,
  TableReader,
  assert,
  differenceOf,
  tableFileName,
  type Block,
  type BlockRole,
  type Env,
} from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import type { BlockCache } from './block-cache.ts'

/** What scans keep between their steps, all together: thousands may be open. */
const READ_AHEAD_KEPT_SIZE_BYTES_MAX = 8 * 1024 * 1024

export class TableCache {
  readonly #env: Env
  readonly #directory: string
  readonly #countMax: number
  readonly #blocks: BlockCache
  readonly #onFailure: (error: unknown) => void
  /** Longest open first. */
  readonly #open = new Set<TableHandle>()
  readonly #opening = new Map<TableHandle, Promise<TableReader>>()
  #memorySizeBytes = 0
  #readAheadSizeBytes = 0

  constructor(env: Env, directory: string, countMax: number, blocks: BlockCache, onFailure: (error: unknown) => void) {
    this.#env = env
    this.#directory = directory
    this.#countMax = countMax
    this.#blocks = blocks
    this.#onFailure = onFailure
  }

  get openCount(): number {
    return this.#open.size
  }

  get memorySizeBytes(): number {
    return this.#memorySizeBytes
  }

  /** What scans keep between their steps. */
  get readAheadSizeBytes(): number {
    return this.#readAheadSizeBytes
  }

  get blocks(): BlockCache {
    return this.#blocks
  }

  /** The open table, if it is open. */
  readerOf(handle: TableHandle): TableReader | undefined {
    handle.wasUsed = true
    return handle.reader
  }

  openSync(handle: TableHandle): TableReader {
    if (handle.reader !== undefined) {
      return handle.reader
    }
    const { number, sizeBytes } = handle.metadata
    const file = this.#env.files.openSync(this.#pathOf(handle), 'read')
    try {
      return this.#opened(handle, TableReader.openSync(file, number, sizeBytes))
    } catch (error) {
      file.closeSync()
      throw error
    }
  }

  async open(handle: TableHandle): Promise<TableReader> {
    if (handle.reader !== undefined) {
      return handle.reader
    }
    let opening = this.#opening.get(handle)
    if (opening === undefined) {
      opening = this.#openFile(handle).finally(() => this.#opening.delete(handle))
      this.#opening.set(handle, opening)
    }
    return await opening
  }

  readBlockSync(handle: TableHandle, offset: number, sizeBytes: number, role: BlockRole): Block {
    return this.openSync(handle).readBlockSync(offset, sizeBytes, role)
  }

  async readBlock(handle: TableHandle, offset: number, sizeBytes: number, role: BlockRole): Promise<Block> {
    handle.pinCount++
    try {
      const reader = handle.reader ?? (await this.open(handle))
      return await reader.readBlock(offset, sizeBytes, role)
    } finally {
      handle.pinCount--
    }
  }

  /** Bytes of a table, unchecked. */
  async readBytes(handle: TableHandle, offset: number, sizeBytes: number): Promise<Uint8Array> {
    handle.pinCount++
    try {
      const reader = handle.reader ?? (await this.open(handle))
      return await reader.readBytes(offset, sizeBytes)
    } finally {
      handle.pinCount--
    }
  }

  /** Whether a scan may keep so much of what it has read ahead until its next step; see `returnReadAhead`. */
  tryKeepReadAhead(sizeBytes: number): boolean {
    const mayKeep = this.#readAheadSizeBytes + sizeBytes <= READ_AHEAD_KEPT_SIZE_BYTES_MAX
    this.#readAheadSizeBytes += mayKeep ? sizeBytes : 0
    return mayKeep
  }

  returnReadAhead(sizeBytes: number): void {
    this.#readAheadSizeBytes -= sizeBytes
  }

  /** The table's file is about to be deleted: nobody reads it any more. */
  forget(handle: TableHandle): void {
    assert(handle.pinCount === 0, 'a table that is being read is not obsolete')
    this.#blocks.dropTable(handle.metadata.number)
    this.#close(handle)
  }

  /** Nothing may be in flight. */
  closeAll(): void {
    for (const handle of this.#open) {
      this.#close(handle)
    }
    this.#blocks.clear()
  }

  async #openFile(handle: TableHandle): Promise<TableReader> {
    const { number, sizeBytes } = handle.metadata
    handle.pinCount++
    try {
      const file = await this.#env.files.open(this.#pathOf(handle), 'read')
      try {
        return this.#opened(handle, await TableReader.open(file, number, sizeBytes))
      } catch (error) {
        await file.close()
        throw error
      }
    } finally {
      handle.pinCount--
    }
  }

  #opened(handle: TableHandle, reader: TableReader): TableReader {
    checkIdentity(handle, reader)
    if (handle.reader !== undefined) {
      // A synchronous read was faster than the asynchronous opening: one open file is enough.
      this.#closeFile(reader)
      return handle.reader
    }
    handle.reader = reader
    handle.wasUsed = true
    reader.topIndex.mayHavePlaces = true
    this.#open.add(handle)
    this.#memorySizeBytes += reader.memorySizeBytes
    if (this.#open.size > this.#countMax) {
      this.#evictOne(handle)
    }
    return reader
  }

  #evictOne(newest: TableHandle): void {
    for (const handle of this.#open) {
      if (handle === newest || handle.pinCount > 0) {
        continue
      }
      if (handle.wasUsed) {
        handle.wasUsed = false
        this.#open.delete(handle)
        this.#open.add(handle)
      } else {
        this.#close(handle)
        return
      }
    }
  }

  #close(handle: TableHandle): void {
    const { reader } = handle
    if (reader !== undefined) {
      handle.reader = undefined
      reader.topIndex.clearPlaces()
      this.#open.delete(handle)
      this.#memorySizeBytes -= reader.memorySizeBytes
      this.#closeFile(reader)
    }
  }

  /** A descriptor that cannot be closed is lost; nothing else is. */
  #closeFile(reader: TableReader): void {
    try {
      reader.file.closeSync()
    } catch (error) {
      this.#onFailure(error)
    }
  }

  #pathOf(handle: TableHandle): string {
    return join(this.#directory, tableFileName(handle.metadata.number))
  }
}

/** A table of another store may have the same number and size, and right checksums. */
function checkIdentity({ metadata }: TableHandle, reader: TableReader): void {
  const difference = differenceOf(metadata, reader.properties)
  if (difference !== undefined) {
    throw new CorruptionError(reader.path, 0, `its ${difference} is not what the manifest says: it is another table`)
  }
}
