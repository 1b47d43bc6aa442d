/**
 * Blocks of tables in memory, bounded in bytes. Which block goes is decided by a clock: a hand goes round, and a block
 * that was used since it last came by gets another round. Index and filter blocks get several, as each of them leads
 * to many data blocks. A hit writes one field and moves nothing.
 *
 * A block is found by its table and offset. That takes five dependent accesses to memory, which is most of what a read
 * costs where the cache is large. So an index block in here also has, entry by entry, the blocks that are in here and that
 * it names; a read that comes by it goes straight on. What leaves the cache leaves its place.
 */
import { ROLE_DATA, ROLE_INDEX, type Block, type BlockNaming, type BlockRole, type TableReader } from '@varve/storage'

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
  /** By role. */
  readonly #hitCounts: [number, number, number] = [0, 0, 0]
  readonly #missCounts: [number, number, number] = [0, 0, 0]
  #loadedSizeBytes = 0

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
    return sum(this.#hitCounts)
  }

  get missCount(): number {
    return sum(this.#missCounts)
  }

  /** Of all blocks that were read from files, whether they were kept or not. */
  get loadedSizeBytes(): number {
    return this.#loadedSizeBytes
  }

  hitCountOf(role: BlockRole): number {
    return this.#hitCounts[role]
  }

  missCountOf(role: BlockRole): number {
    return this.#missCounts[role]
  }

  /** @param naming the entry that names it: next time the block is in its place */
  get(table: TableReader, offset: number, role: BlockRole, naming?: BlockNaming): Block | undefined {
    const block = this.#tables.get(table.number)?.get(offset)?.block
    if (block === undefined) {
      this.#missCounts[role]++
      return undefined
    }
    this.touch(block)
    if (naming?.index.mayHavePlaces === true) {
      block.takePlace(naming.index, naming.position, naming.place)
    }
    return block
  }

  /** A block that is in here was used. */
  touch(block: Block): void {
    this.#hitCounts[block.role]++
    block.wasUsed = true
  }

  /** A data block that is in here was used by its list, and marked so by who did. */
  countListed(): void {
    this.#hitCounts[ROLE_DATA]++
  }

  /** A block has been read from its file. Keeps it, unless it is larger than the whole cache or is here already. */
  put(tableNumber: number, block: Block): void {
    this.#loadedSizeBytes += block.sizeBytes
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
    block.mayHavePlaces = block.role === ROLE_INDEX
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
    for (const tableNumber of this.#tables.keys()) {
      this.dropTable(tableNumber)
    }
  }

  #evictOne(): void {
    let entry = this.#hand
    for (let wasUsed; entry !== undefined; entry = entry.next) {
      wasUsed = entry.block.takeUsed()
      if (!wasUsed && entry.rounds === 0) {
        break
      }
      entry.rounds = (wasUsed ? roundsOf(entry.block) : entry.rounds) - 1
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
    const entry = { block, tableNumber, rounds: roundsOf(block) } as CacheEntry
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
    entry.block.leavePlace()
    entry.block.clearPlaces()
    entry.previous.next = entry.next
    entry.next.previous = entry.previous
    this.#sizeBytes -= entry.block.sizeBytes
    this.#count--
  }
}

function roundsOf(block: Block): number {
  return block.role === ROLE_DATA ? ROUNDS_OF_DATA : ROUNDS_OF_INDEX
}

function sum([index, filter, data]: readonly [number, number, number]): number {
  return index + filter + data
}
