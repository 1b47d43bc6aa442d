/**
 * Blocks of tables in memory, bounded in bytes. Which block goes is decided by a clock: a hand goes round, and a block
 * that was used since it last came by gets another round. Index and filter blocks get several, as each of them leads
 * to many data blocks. A hit writes one field and moves nothing.
 */
import { ROLE_DATA, type Block, type TableReader } from '@varve/storage'

const ROUNDS_OF_DATA = 1
const ROUNDS_OF_INDEX = 4

interface CacheEntry {
  readonly block: Block
  readonly tableNumber: number
  rounds: number
  next: CacheEntry
  previous: CacheEntry
}

export class BlockCache {
  readonly sizeBytesMax: number
  readonly #tables = new Map<number, Map<number, CacheEntry>>()
  /** Where the hand stands in the ring of all entries. */
  #hand: CacheEntry | undefined
  #sizeBytes = 0
  #count = 0
  #hitCount = 0
  #missCount = 0

  constructor(sizeBytesMax: number) {
    this.sizeBytesMax = sizeBytesMax
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get count(): number {
    return this.#count
  }

  get hitCount(): number {
    return this.#hitCount
  }

  get missCount(): number {
    return this.#missCount
  }

  get(table: TableReader, offset: number): Block | undefined {
    const entry = this.#tables.get(table.number)?.get(offset)
    if (entry === undefined) {
      this.#missCount++
      return undefined
    }
    this.#hitCount++
    entry.rounds = entry.block.role === ROLE_DATA ? ROUNDS_OF_DATA : ROUNDS_OF_INDEX
    return entry.block
  }

  /** Keeps a block, unless it is larger than the whole cache or is here already. */
  put(tableNumber: number, block: Block): void {
    if (block.sizeBytes > this.sizeBytesMax) {
      return
    }
    let blocks = this.#tables.get(tableNumber)
    if (blocks === undefined) {
      blocks = new Map()
      this.#tables.set(tableNumber, blocks)
    } else if (blocks.has(block.offset)) {
      return
    }
    blocks.set(block.offset, this.#link(block, tableNumber))
    this.#sizeBytes += block.sizeBytes
    this.#count++
    while (this.#sizeBytes > this.sizeBytesMax) {
      this.#evictOne()
    }
  }

  /** Forgets the blocks of a table whose file goes. */
  dropTable(tableNumber: number): void {
    for (const entry of this.#tables.get(tableNumber)?.values() ?? []) {
      this.#unlink(entry)
    }
    this.#tables.delete(tableNumber)
  }

  clear(): void {
    this.#tables.clear()
    this.#hand = undefined
    this.#sizeBytes = 0
    this.#count = 0
  }

  #evictOne(): void {
    let entry = this.#hand
    while (entry !== undefined && entry.rounds > 0) {
      entry.rounds--
      entry = entry.next
    }
    if (entry === undefined) {
      return
    }
    this.#hand = entry.next
    this.#unlink(entry)
    const blocks = this.#tables.get(entry.tableNumber)
    blocks?.delete(entry.block.offset)
    if (blocks?.size === 0) {
      this.#tables.delete(entry.tableNumber)
    }
  }

  /** A new entry comes in just behind the hand: it is the last to be looked at. */
  #link(block: Block, tableNumber: number): CacheEntry {
    const rounds = block.role === ROLE_DATA ? ROUNDS_OF_DATA : ROUNDS_OF_INDEX
    const entry = { block, tableNumber, rounds } as CacheEntry
    const hand = this.#hand
    if (hand === undefined) {
      entry.next = entry
      entry.previous = entry
      this.#hand = entry
    } else {
      entry.next = hand
      entry.previous = hand.previous
      hand.previous.next = entry
      hand.previous = entry
    }
    return entry
  }

  #unlink(entry: CacheEntry): void {
    if (this.#hand === entry) {
      this.#hand = entry.next === entry ? undefined : entry.next
    }
    entry.previous.next = entry.next
    entry.next.previous = entry.previous
    this.#sizeBytes -= entry.block.sizeBytes
    this.#count--
  }
}
