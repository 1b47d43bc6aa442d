/**
 * Where one read gets its tables and blocks: from the caches, and from the disk what they lack. The same reads serve
 * synchronous and asynchronous callers: one that needs what is not in memory stops and says so, the caller loads it with
 * `load` or `loadSync`, and the read goes on.
 *
 * What was loaded lately is held besides the cache, which may be small or none: a read must find its index block again
 * when the data block has come.
 */
import type { Block, BlockNaming, BlockRole, BlockSource, TableReader } from '@varve/storage'
import type { TableCache } from '../cache/table-cache.ts'
import type { TableHandle } from '../version/table-handle.ts'

/** A look-up needs three blocks at a time, a step of a cursor two. */
const HELD_COUNT = 4

export class ReadContext implements BlockSource {
  readonly #tables: TableCache
  /** The table that is being read. */
  #handle: TableHandle | undefined
  #missing: { readonly offset: number; readonly sizeBytes: number; readonly role: BlockRole } | undefined
  readonly #held: { readonly tableNumber: number; readonly block: Block }[] = []

  constructor(tables: TableCache) {
    this.#tables = tables
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
    this.#missing = { offset, sizeBytes, role }
    return undefined
  }

  touch(block: Block): void {
    this.#tables.blocks.touch(block)
  }

  /** Loads what was last asked for and not there. */
  loadSync(): void {
    const handle = this.#handle as TableHandle
    const missing = this.#missing
    if (missing === undefined) {
      this.#tables.openSync(handle)
    } else {
      this.#keep(handle, this.#tables.readBlockSync(handle, missing.offset, missing.sizeBytes, missing.role))
    }
  }

  async load(): Promise<void> {
    const handle = this.#handle as TableHandle
    const missing = this.#missing
    if (missing === undefined) {
      await this.#tables.open(handle)
    } else {
      this.#keep(handle, await this.#tables.readBlock(handle, missing.offset, missing.sizeBytes, missing.role))
    }
  }

  /** Lets go of what is held. */
  clear(): void {
    this.#held.length = 0
    this.#handle = undefined
  }

  #keep(handle: TableHandle, block: Block): void {
    this.#missing = undefined
    this.#tables.blocks.put(handle.metadata.number, block)
    if (this.#held.length === HELD_COUNT) {
      this.#held.shift()
    }
    this.#held.push({ tableNumber: handle.metadata.number, block })
  }
}
