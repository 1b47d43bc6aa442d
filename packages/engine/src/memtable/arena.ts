/**
 * Arenas: the shared memory in which memtables live, and which flush jobs read in their threads. Arenas of the full
 * size come from a fixed set and are used again: a worker that allocates little never collects the ones it was sent,
 * so new ones for each memtable would pile up. The index over an arena stays with it, grown as it is.
 */
import { HashIndex } from './hash-index.ts'

/**
 * The first arena of a store, and the one after a memtable that was not full, if memtables may be larger: a store that
 * is opened for a few writes, or flushed and closed, stays small.
 */
const SMALL_ARENA_SIZE_BYTES = 1024 * 1024

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
  /** Shared, one cell: how many entries the log has taken. */
  readonly committed: Int32Array
  /** Views in other threads that may read it; while there are any it is not used again. Owned by the pool. */
  holderCount: number
  /** Its memtable is gone. Owned by the pool. */
  isReleased: boolean
}

export class ArenaPool {
  readonly #smallSizeBytes: number
  readonly #fullSizeBytes: number
  readonly #freeCountMax: number
  readonly #freeSmall: Arena[] = []
  readonly #free: Arena[] = []
  #usedSizeBytes = 0

  /** @param freeCountMax arenas of a size beyond this number are given back to the runtime */
  constructor(fullSizeBytes: number, freeCountMax: number) {
    this.#smallSizeBytes = Math.min(SMALL_ARENA_SIZE_BYTES, fullSizeBytes)
    this.#fullSizeBytes = fullSizeBytes
    this.#freeCountMax = freeCountMax
  }

  /** An arena of at least `sizeBytesMin`, small if that does. What it holds is anything; its index is empty. */
  takeSmall(sizeBytesMin: number): Arena {
    const isFullFree = this.#freeSmall.length === 0 && this.#free.length > 0
    return this.#take(Math.max(isFullFree ? this.#fullSizeBytes : this.#smallSizeBytes, sizeBytesMin))
  }

  /** As `takeSmall`, of at least the full size. */
  take(sizeBytesMin: number): Arena {
    return this.#take(Math.max(this.#fullSizeBytes, sizeBytesMin))
  }

  /** Nobody may touch the arena any more, here or in a job. While others hold it, it is not used again. */
  release(arena: Arena): void {
    arena.isReleased = true
    this.#giveBack(arena)
  }

  /** Another thread may read the arena until it is let go. */
  hold(arena: Arena): void {
    arena.holderCount++
  }

  letGo(arena: Arena): void {
    arena.holderCount--
    this.#giveBack(arena)
  }

  #giveBack(arena: Arena): void {
    if (!arena.isReleased || arena.holderCount > 0) {
      return
    }
    this.#usedSizeBytes -= arena.sizeBytes
    const free = this.#freeOf(arena.sizeBytes)
    if (free !== undefined && free.length < this.#freeCountMax) {
      free.push(arena)
    }
  }

  get usedSizeBytes(): number {
    return this.#usedSizeBytes
  }

  get freeCount(): number {
    return this.#free.length + this.#freeSmall.length
  }

  get freeSizeBytes(): number {
    return [...this.#free, ...this.#freeSmall].reduce((sum, arena) => sum + arena.sizeBytes + arena.index.sizeBytes, 0)
  }

  #take(sizeBytes: number): Arena {
    const arena = this.#freeOf(sizeBytes)?.pop() ?? createArena(sizeBytes)
    arena.index.clear()
    arena.isReleased = false
    this.#usedSizeBytes += arena.sizeBytes
    return arena
  }

  /** Those of this size that may be used again; `undefined` for sizes of single batches. */
  #freeOf(sizeBytes: number): Arena[] | undefined {
    if (sizeBytes === this.#fullSizeBytes) {
      return this.#free
    }
    return sizeBytes === this.#smallSizeBytes ? this.#freeSmall : undefined
  }
}

function createArena(sizeBytes: number): Arena {
  const shared = new SharedArrayBuffer(sizeBytes)
  const bytes = Buffer.from(shared)
  const entryCountMax = Math.max(1, Math.floor(sizeBytes / CHARGED_SIZE_BYTES_PER_ENTRY))
  return {
    shared,
    bytes,
    sizeBytes,
    entryCountMax,
    index: new HashIndex(bytes, entryCountMax),
    committed: new Int32Array(new SharedArrayBuffer(4)),
    holderCount: 0,
    isReleased: false,
  }
}
