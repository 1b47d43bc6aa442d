/**
 * Where one read gets its tables and blocks: from the caches, and from the disk what they lack. The same reads serve
 * synchronous and asynchronous callers: one that needs what is not in memory stops and says so, the caller loads it with
 * `load` or `loadSync`, and the read goes on.
 *
 * What was loaded lately is held besides the cache, which may be small or none: a read must find its index block again
 * when the data block has come.
 */
import {
  BLOCK_TRAILER_SIZE_BYTES,
  ROLE_DATA,
  type Block,
  type BlockNaming,
  type BlockRole,
  type BlockSource,
  type TableReader,
} from '@varve/storage'
import type { TableCache } from '../cache/table-cache.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { ReadAhead } from './read-ahead.ts'

/** A look-up needs three blocks at a time, a step of a cursor two. */
const HELD_COUNT = 4
/** A scan reads ahead in so many tables at once. */
const READ_AHEAD_COUNT_MAX = 8

/** What scans want beyond points. */
export interface ScanReading {
  readonly isReverse: boolean
  /** Whether data blocks that it reads are kept in the cache. */
  readonly fillCache: boolean
}

export class ReadContext implements BlockSource {
  readonly #tables: TableCache
  /** The table that is being read. */
  #handle: TableHandle | undefined
  #missing: { readonly offset: number; readonly sizeBytes: number; readonly role: BlockRole } | undefined
  readonly #held: { readonly tableNumber: number; readonly block: Block }[] = []

  readonly #scan: ScanReading | undefined
  /** Longest in use first. */
  readonly #readAheads: ReadAhead[] = []
  /** Of what was read ahead, kept until the next step. */
  #keptSizeBytes = 0

  /** @param scan reads adjacent blocks at once */
  constructor(tables: TableCache, scan?: ScanReading) {
    this.#tables = tables
    this.#scan = scan
  }

  /** The table to read now, or `undefined` if it has to be loaded first. */
  table(handle: TableHandle): TableReader | undefined {
    this.#handle = handle
    const reader = this.#tables.readerOf(handle)
    if (reader === undefined) {
      this.#missing = undefined
    }
    return reader
  }

  /** Says which table the cursor that is about to step belongs to. */
  enter(handle: TableHandle): void {
    this.#handle = handle
  }

  get(table: TableReader, offset: number, sizeBytes: number, role: BlockRole, naming?: BlockNaming): Block | undefined {
    const cached = this.#tables.blocks.get(table, offset, role, naming)
    if (cached !== undefined) {
      return cached
    }
    for (const { tableNumber, block } of this.#held) {
      if (block.offset === offset && tableNumber === table.number) {
        return block
      }
    }
    const block = role === ROLE_DATA ? this.#readAheadOf(table)?.get(offset, sizeBytes, this.#fillsCache) : undefined
    if (block === undefined) {
      this.#missing = { offset, sizeBytes, role }
    } else {
      this.#keep(table.number, block)
    }
    return block
  }

  touch(block: Block): void {
    this.#tables.blocks.touch(block)
  }

  countListed(): void {
    this.#tables.blocks.countListed()
  }

  /** Loads what was last asked for and not there. */
  loadSync(): void {
    const handle = this.#handle as TableHandle
    const missing = this.#missing
    if (missing === undefined) {
      this.#tables.openSync(handle)
    } else {
      const block = this.#tables.readBlockSync(handle, missing.offset, missing.sizeBytes, missing.role)
      this.#keep(handle.metadata.number, block)
    }
  }

  async load(): Promise<void> {
    const handle = this.#handle as TableHandle
    const missing = this.#missing
    if (missing === undefined) {
      await this.#tables.open(handle)
    } else {
      const { offset, sizeBytes, role } = missing
      if (!(role === ROLE_DATA && (await this.#loadAhead(handle, offset, sizeBytes)))) {
        this.#keep(handle.metadata.number, await this.#tables.readBlock(handle, offset, sizeBytes, role))
      }
    }
  }

  /** Lets go of what is held. */
  clear(): void {
    this.#held.length = 0
    this.#handle = undefined
  }

  /**
   * What was read ahead stays until the next step, or goes where scans at rest keep too much already. Then it returns
   * false: blocks may be parts of it, so that cursors must let go of them too.
   */
  rest(): boolean {
    let sizeBytes = 0
    for (const { heldSizeBytes } of this.#readAheads) {
      sizeBytes += heldSizeBytes
    }
    if (sizeBytes === this.#keptSizeBytes) {
      return true
    }
    this.#tables.returnReadAhead(this.#keptSizeBytes)
    this.#keptSizeBytes = this.#tables.tryKeepReadAhead(sizeBytes) ? sizeBytes : 0
    if (this.#keptSizeBytes < sizeBytes) {
      for (const readAhead of this.#readAheads) {
        readAhead.clear()
      }
    }
    return this.#keptSizeBytes === sizeBytes
  }

  /** Lets go of what was read ahead. */
  forgetReadAhead(): void {
    this.#readAheads.length = 0
    this.#tables.returnReadAhead(this.#keptSizeBytes)
    this.#keptSizeBytes = 0
  }

  get #fillsCache(): boolean {
    return this.#scan?.fillCache !== false
  }

  #readAheadOf(table: TableReader): ReadAhead | undefined {
    for (const readAhead of this.#readAheads) {
      if (readAhead.table === table) {
        return readAhead
      }
    }
    return undefined
  }

  /** Reads the block and what follows it, where the scan goes on in order; false if it is to be read alone. */
  async #loadAhead(handle: TableHandle, offset: number, sizeBytes: number): Promise<boolean> {
    const reader = handle.reader
    if (this.#scan === undefined || reader === undefined) {
      return false
    }
    let readAhead = this.#readAheadOf(reader)
    if (readAhead === undefined) {
      readAhead = new ReadAhead(reader, this.#scan.isReverse)
      if (this.#readAheads.push(readAhead) > READ_AHEAD_COUNT_MAX) {
        this.#readAheads.shift()
      }
    }
    const span = readAhead.spanOf(offset, sizeBytes)
    if (span.sizeBytes <= sizeBytes + BLOCK_TRAILER_SIZE_BYTES) {
      return false
    }
    readAhead.fill(span.offset, await this.#tables.readBytes(handle, span.offset, span.sizeBytes))
    return true
  }

  #keep(tableNumber: number, block: Block): void {
    this.#missing = undefined
    if (block.role !== ROLE_DATA || this.#fillsCache) {
      this.#tables.blocks.put(tableNumber, block)
    }
    if (this.#held.length === HELD_COUNT) {
      this.#held.shift()
    }
    this.#held.push({ tableNumber, block })
  }
}
