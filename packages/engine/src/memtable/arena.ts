/**
 * Arenas: the shared memory in which memtables live, and which flush jobs read in their threads. Arenas of the full
 * size come from a fixed set and are used again: a worker that allocates little never collects the ones it was sent,
 * so new ones for each memtable would pile up. The index over an arena stays with it, grown as it is.
 */
import { HashIndex } from './hash-index.ts'

/** The first arena of a store, if memtables may be larger: a store that is opened for a few writes stays small. */
const FIRST_ARENA_SIZE_BYTES = 1024 * 1024

/**
 * An entry is charged so much besides its bytes in the arena: what the hash index takes, and part of what the tree would.
 * A million one-byte keys must not become a gigabyte of heap.
 */
const CHARGED_SIZE_BYTES_PER_ENTRY = 56

export interface Arena {
  readonly shared: SharedArrayBuffer
  readonly bytes: Buffer
  readonly sizeBytes: number
  /** It is full at so many entries, whatever their size; only a single batch may have more. */
  readonly entryCountMax: number
  readonly index: HashIndex
}

export class ArenaPool {
  readonly #fullSizeBytes: number
  readonly #freeCountMax: number
  readonly #free: Arena[] = []
  #nextSizeBytes: number
  #usedSizeBytes = 0

  /** @param freeCountMax arenas beyond this number are given back to the runtime */
  constructor(fullSizeBytes: number, freeCountMax: number) {
    this.#fullSizeBytes = fullSizeBytes
    this.#freeCountMax = freeCountMax
    this.#nextSizeBytes = Math.min(FIRST_ARENA_SIZE_BYTES, fullSizeBytes)
  }

  /** An arena of at least `sizeBytesMin`. What it holds is anything; its index is empty. */
  take(sizeBytesMin: number): Arena {
    const sizeBytes = Math.max(this.#nextSizeBytes, sizeBytesMin)
    this.#nextSizeBytes = this.#fullSizeBytes
    const arena = (sizeBytes === this.#fullSizeBytes ? this.#free.pop() : undefined) ?? createArena(sizeBytes)
    arena.index.clear()
    this.#usedSizeBytes += arena.sizeBytes
    return arena
  }

  /** Nobody may touch the arena any more, here or in a job. */
  release(arena: Arena): void {
    this.#usedSizeBytes -= arena.sizeBytes
    if (arena.sizeBytes === this.#fullSizeBytes && this.#free.length < this.#freeCountMax) {
      this.#free.push(arena)
    }
  }

  get usedSizeBytes(): number {
    return this.#usedSizeBytes
  }

  get freeCount(): number {
    return this.#free.length
  }

  get freeSizeBytes(): number {
    return this.#free.reduce((sum, arena) => sum + arena.sizeBytes + arena.index.sizeBytes, 0)
  }
}

function createArena(sizeBytes: number): Arena {
  const shared = new SharedArrayBuffer(sizeBytes)
  const bytes = Buffer.from(shared)
  const entryCountMax = Math.max(1, Math.floor(sizeBytes / CHARGED_SIZE_BYTES_PER_ENTRY))
  return { shared, bytes, sizeBytes, entryCountMax, index: new HashIndex(bytes, entryCountMax) }
}
