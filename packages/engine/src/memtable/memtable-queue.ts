/**
 * The active memtable and the frozen ones behind it, oldest first. Freezing is a pointer swap: nothing is copied or
 * iterated. A frozen memtable stays readable here until its tables are in the manifest.
 */
import { assert, fileNumber, type Env, type VarveError } from '@varve/storage'
import { Wal } from '../wal/wal.ts'
import { ArenaPool } from './arena.ts'
import { ARENA_OVERHEAD_SIZE_BYTES, Memtable } from './memtable.ts'

/** Arenas kept for use again, besides those in use: the one that a flush has just let go. */
const SPARE_ARENA_COUNT = 1

export interface MemtableQueueOptions {
  readonly memtableSizeBytes: number
  readonly frozenMemtableCountMax: number
}

export interface MemtableQueueHooks {
  takeFileNumber(): number
  /** A log could not be made. */
  onWalFailure(wal: Wal, failure: VarveError): void
}

export class MemtableQueue {
  /** Called when a memtable has come or gone, or has another arena; before anything is added to a new one. */
  onChanged: () => void = () => undefined
  readonly memtableSizeBytes: number
  readonly #env: Env
  readonly #directory: string
  readonly #hooks: MemtableQueueHooks
  readonly #arenas: ArenaPool
  readonly #hashSeed: number
  readonly #frozen: Memtable[] = []
  #active: Memtable
  /** The log of the next memtable, made ahead of time. */
  #nextWal: Wal | undefined

  constructor(
    env: Env,
    directory: string,
    options: MemtableQueueOptions,
    hooks: MemtableQueueHooks,
    firstWal: Wal,
    firstSequence: number,
  ) {
    this.#env = env
    this.#directory = directory
    this.#hooks = hooks
    this.memtableSizeBytes = options.memtableSizeBytes
    this.#arenas = new ArenaPool(options.memtableSizeBytes, options.frozenMemtableCountMax + SPARE_ARENA_COUNT)
    this.#hashSeed = env.random.uint32()
    this.#active = new Memtable(
      this.#arenas.takeSmall(ARENA_OVERHEAD_SIZE_BYTES),
      firstWal,
      firstSequence,
      this.#hashSeed,
    )
  }

  get hashSeed(): number {
    return this.#hashSeed
  }

  get active(): Memtable {
    return this.#active
  }

  /** Oldest first. */
  get frozen(): readonly Memtable[] {
    return this.#frozen
  }

  get nextWal(): Wal | undefined {
    return this.#nextWal
  }

  /**
   * Starts a new active memtable with room for so many bytes of entries; with none, nobody waits for room, and a small
   * one does. The open group must be closed.
   */
  freeze(nextSequence: number, entriesSizeBytes: number): Memtable {
    const before = this.#active
    assert(before.count > 0, 'an empty memtable is never flushed')
    // Where there is no memory for an arena, nothing has changed.
    const arena =
      entriesSizeBytes === 0
        ? this.#arenas.takeSmall(ARENA_OVERHEAD_SIZE_BYTES)
        : this.#arenas.take(ARENA_OVERHEAD_SIZE_BYTES + entriesSizeBytes)
    const wal = this.#takeWal()
    this.#frozen.push(before)
    this.#active = new Memtable(arena, wal, nextSequence, this.#hashSeed)
    this.onChanged()
    return this.#active
  }

  /** Gives the active memtable, which is empty, an arena with room for so much. */
  enlargeActive(entriesSizeBytes: number): Memtable {
    const { wal, firstSequence, arena, count } = this.#active
    assert(count === 0, 'only an empty memtable changes its arena')
    // Taken before the other is let go: where there is no memory for it, nothing has changed.
    const larger = this.#arenas.take(ARENA_OVERHEAD_SIZE_BYTES + entriesSizeBytes)
    this.#active = new Memtable(larger, wal, firstSequence, this.#hashSeed)
    this.#arenas.release(arena)
    this.onChanged()
    return this.#active
  }

  /** Gives the active memtable, which is empty, another log; returns the one that it had, which failed. */
  replaceWal(): Wal {
    const { wal, firstSequence, arena, count } = this.#active
    assert(count === 0 && wal.failure !== undefined, 'only an empty memtable changes its log')
    arena.index.clear()
    this.#active = new Memtable(arena, this.#takeWal(), firstSequence, this.#hashSeed)
    this.onChanged()
    return wal
  }

  /** Makes the next log once the active arena is half full, so that freezing waits for no file. */
  prepareNextWal(): void {
    if (this.#nextWal === undefined && this.#active.usedOffset * 2 > this.#active.arena.sizeBytes) {
      this.#nextWal = this.#createWal()
    }
  }

  /** The oldest frozen memtable's tables are in the manifest, and no job holds its arena. */
  dropOldest(): Memtable {
    const memtable = this.#frozen.shift()
    assert(memtable !== undefined, 'only frozen memtables are dropped')
    this.#arenas.release(memtable.arena)
    this.onChanged()
    return memtable
  }

  /** Another thread may read the memtable until it is let go: its arena is not used again before. */
  hold({ arena }: Memtable): void {
    this.#arenas.hold(arena)
  }

  letGo({ arena }: Memtable): void {
    this.#arenas.letGo(arena)
  }

  get arenaSizeBytes(): { readonly used: number; readonly free: number } {
    return { used: this.#arenas.usedSizeBytes, free: this.#arenas.freeSizeBytes }
  }

  get spareArenaCount(): number {
    return this.#arenas.freeCount
  }

  get indexSizeBytes(): number {
    return this.#frozen.reduce((sum, memtable) => sum + memtable.indexSizeBytes, this.#active.indexSizeBytes)
  }

  /** The log that was made ahead, unless that failed. */
  #takeWal(): Wal {
    const ahead = this.#nextWal
    this.#nextWal = undefined
    return ahead === undefined || ahead.failure !== undefined ? this.#createWal() : ahead
  }

  #createWal(): Wal {
    const wal = new Wal(this.#env, this.#directory, fileNumber(this.#hooks.takeFileNumber()))
    void wal.ready.then(() => {
      if (wal.failure !== undefined) {
        this.#hooks.onWalFailure(wal, wal.failure)
      }
    })
    return wal
  }
}
