/**
 * A memtable: the newest writes, in an arena whose bytes are, first to last, the image of the memtable's WAL file. One
 * encode serves the log, the reads and the flush job.
 *
 *     arena  | WAL header | group | group | open group ...     |  free
 *                                 ^ committedOffset            ^ usedOffset
 *
 * Owned by the main thread; a flush job reads the arena up to `committedOffset` once the memtable is frozen. Entries have
 * consecutive sequence numbers: entry i has `firstSequence + i`, so that sequences need no room of their own. An entry
 * that is not yet visible, or never will be, is passed over by readers, who find the older version chained behind it.
 */
import {
  KIND_PUT,
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  assert,
  hashKey,
  putWalEntryHead,
  putWalHeader,
} from '@varve/storage'
import { putBytes, type Bytes } from '../bytes.ts'
import type { Wal } from '../wal/wal.ts'
import type { Arena } from './arena.ts'
import { NO_ENTRY } from './hash-index.ts'
import { ReadableMemtable } from './readable-memtable.ts'

/** Room that the first group of an arena needs besides its entries. */
export const ARENA_OVERHEAD_SIZE_BYTES: number = WAL_HEADER_SIZE_BYTES + WAL_GROUP_HEADER_SIZE_BYTES

export class Memtable extends ReadableMemtable {
  readonly arena: Arena
  readonly wal: Wal
  readonly #hashSeed: number
  #usedOffset = WAL_HEADER_SIZE_BYTES
  #committedOffset = WAL_HEADER_SIZE_BYTES
  #unsettledGroupCount = 0
  #tombstoneCount = 0
  /** Entries from this number on failed and stay invisible for ever. */
  #failedFrom = Infinity

  constructor(arena: Arena, wal: Wal, firstSequence: number, hashSeed: number) {
    super(arena.bytes, arena.index, firstSequence)
    this.arena = arena
    this.wal = wal
    this.#hashSeed = hashSeed
    Atomics.store(arena.committed, 0, 0)
    putWalHeader(arena.bytes, wal.header)
  }

  get count(): number {
    return this.index.count
  }

  /** Of all entries, those that failed included. */
  get tombstoneCount(): number {
    return this.#tombstoneCount
  }

  get usedOffset(): number {
    return this.#usedOffset
  }

  get committedOffset(): number {
    return this.#committedOffset
  }

  get hasCommitted(): boolean {
    return this.#committedOffset > WAL_HEADER_SIZE_BYTES
  }

  get indexSizeBytes(): number {
    return this.index.sizeBytes + this.ordered.sizeBytes
  }

  /** Whether so many more bytes of entries, so many in number, and a group header fit. */
  hasRoom(entriesSizeBytes: number, entryCount: number): boolean {
    const fits = this.#usedOffset + WAL_GROUP_HEADER_SIZE_BYTES + entriesSizeBytes <= this.arena.sizeBytes
    return fits && (this.count + entryCount <= this.arena.entryCountMax || this.count === 0)
  }

  /** So many entries can be indexed then. Where there is no memory for that, nothing has changed. */
  reserve(entryCount: number): void {
    this.index.reserve(entryCount)
  }

  /** Leaves room for a group's header; returns where it begins. */
  beginGroup(): number {
    const offset = this.#usedOffset
    this.#usedOffset += WAL_GROUP_HEADER_SIZE_BYTES
    this.#unsettledGroupCount++
    return offset
  }

  /** A group that was begun is visible, or has failed. */
  endGroup(): void {
    this.#unsettledGroupCount--
  }

  /** Whether every group is visible or has failed. */
  get isSettled(): boolean {
    return this.#unsettledGroupCount === 0
  }

  /** Encodes and indexes one entry. There is room for it, and it has been checked. */
  add(kind: number, key: Bytes, keySize: number, value: Bytes, valueSize: number): void {
    const bytes = this.bytes
    const offset = this.#usedOffset
    const keyOffset = putWalEntryHead(bytes, offset, kind, keySize, valueSize)
    putBytes(bytes, keyOffset, key, keySize)
    this.#usedOffset = keyOffset + keySize
    if (kind === KIND_PUT) {
      putBytes(bytes, this.#usedOffset, value, valueSize)
      this.#usedOffset += valueSize
    } else {
      this.#tombstoneCount++
    }
    this.index.add(hashKey(bytes, keyOffset, keySize, this.#hashSeed), offset, keyOffset, keySize)
  }

  /** Copies packed entries; they are indexed one by one with `indexEntry`, when all of them stand. */
  copyIn(packed: Uint8Array): number {
    const offset = this.#usedOffset
    this.bytes.set(packed, offset)
    this.#usedOffset += packed.length
    return offset
  }

  indexEntry(offset: number, keyOffset: number, keySize: number): void {
    if (this.bytes[offset] !== KIND_PUT) {
      this.#tombstoneCount++
    }
    this.index.add(hashKey(this.bytes, keyOffset, keySize, this.#hashSeed), offset, keyOffset, keySize)
  }

  /** The log has taken the arena up to `offset`, and with it all entries up to a sequence number. */
  commitTo(offset: number, lastSequence: number): void {
    assert(offset > this.#committedOffset && offset <= this.#usedOffset, 'groups are committed in order')
    this.#committedOffset = offset
    Atomics.store(this.arena.committed, 0, lastSequence + 1 - this.firstSequence)
  }

  /** What is not committed will never be visible, whatever sequences come after. */
  failUncommitted(visibleSequence: number): void {
    this.#failedFrom = Math.min(this.#failedFrom, Math.max(0, visibleSequence + 1 - this.firstSequence))
  }

  override visibleCount(sequence: number): number {
    return Math.max(0, Math.min(sequence + 1 - this.firstSequence, this.count, this.#failedFrom))
  }

  /** How many entries, from the first on, have been issued and have not failed. Some may not be visible yet. */
  get issuedCount(): number {
    return Math.min(this.count, this.#failedFrom)
  }

  /** The sequence number of the newest of them; one below `firstSequence` if there is none. */
  get issuedThrough(): number {
    return this.firstSequence + this.issuedCount - 1
  }

  /** The sequence number of the newest entry of a key that has been issued, visible or not; 0 if there is none. */
  newestIssued(key: Uint8Array, keyOffset: number, keySize: number, hash: number): number {
    const entry = this.newestVisible(this.index.find(hash, key, keyOffset, keySize), this.issuedCount)
    return entry === NO_ENTRY ? 0 : this.firstSequence + entry
  }
}
