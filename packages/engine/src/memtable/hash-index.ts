/**
 * From a key to its newest entry in an arena, by open addressing over typed arrays. Insert-only. Entries are numbered in
 * the order in which they were added; older entries of the same key are chained behind newer ones.
 *
 * The arrays are shared memory, so that other threads look up in the very index that the owner adds to. An entry's slot
 * is written last, and once others may look, atomically: who finds a number in a slot finds all of that entry. (A reader
 * needs no fence of its own: what it loads next, it loads through that number.)
 *
 * A reader of the past goes down the chain of a key, which may be as long as there are entries. So an entry that has an
 * older one has a jump besides: to the one before it, or as far as two jumps of one length lead from there (a list of
 * skew-binary numbers; Myers 1983). Any place in a chain of n is then at most about 2 log n steps away. A key that is new
 * has no jump, and costs nothing for it.
 *
 * No object, string or closure an entry: neither the garbage collector nor the heap sees how many there are. (A `Map`
 * from binary-string keys, measured beside it, took twice the time an insert and five times the memory.)
 */
import { KIND_DELETE, getVarint, varintSizeBytes } from '@varve/storage'

export const NO_ENTRY = -1
/** What an entry takes besides its slot: hash, offset and chain. */
const ENTRY_SIZE_BYTES = 12
/** What one takes besides that if its key is not new. */
const JUMP_SIZE_BYTES = 5
const SLOT_SIZE_BYTES = 4
/** Slots an entry, at least: probes stay short. */
const SLOTS_PER_ENTRY_MIN = 1.5

/** The memory of an index, for other threads. */
export interface SharedIndex {
  readonly slots: SharedArrayBuffer
  readonly hashes: SharedArrayBuffer
  readonly offsets: SharedArrayBuffer
  readonly previous: SharedArrayBuffer
  readonly jumps: SharedArrayBuffer
  readonly ranks: SharedArrayBuffer
}

export class HashIndex {
  /** Whether other threads may look while entries are added. */
  isShared = false
  readonly #bytes: Uint8Array
  #capacity: number
  #count = 0
  /** The most entries that it has held. */
  #countMax = 0
  /** By hash: 1 + the newest entry of a key, or 0. Zeros are what fresh memory holds: nobody writes them. */
  #slots: Int32Array
  /** By entry. */
  #hashes: Int32Array
  #offsets: Uint32Array
  #previous: Int32Array
  /** By entry that has a previous one: an older one, and how far it is by its rank. Otherwise anything. */
  #jumps: Int32Array
  #ranks: Uint8Array
  #jumpCount = 0
  #jumpCountMax = 0

  /**
   * @param bytes the arena; entries have the form of WAL entries
   * @param capacity so many entries are added without growing, which holds up the thread: 11 ms at 131 thousand. Memory
   * that is never touched costs nothing, so that the room for an arena's last entry is made with the arena.
   * @param shared the memory of an index in another thread, to look up in: nothing may be added
   */
  constructor(bytes: Uint8Array, capacity: number, shared: SharedIndex = createMemory(capacity)) {
    this.#bytes = bytes
    this.#capacity = capacity
    this.#slots = new Int32Array(shared.slots)
    this.#hashes = new Int32Array(shared.hashes)
    this.#offsets = new Uint32Array(shared.offsets)
    this.#previous = new Int32Array(shared.previous)
    this.#jumps = new Int32Array(shared.jumps)
    this.#ranks = new Uint8Array(shared.ranks)
  }

  /** Only until the index grows. */
  get shared(): SharedIndex {
    return {
      slots: this.#slots.buffer as SharedArrayBuffer,
      hashes: this.#hashes.buffer as SharedArrayBuffer,
      offsets: this.#offsets.buffer as SharedArrayBuffer,
      previous: this.#previous.buffer as SharedArrayBuffer,
      jumps: this.#jumps.buffer as SharedArrayBuffer,
      ranks: this.#ranks.buffer as SharedArrayBuffer,
    }
  }

  /** So many entries fit without growing. */
  get capacity(): number {
    return this.#capacity
  }

  get count(): number {
    return this.#count
  }

  /** Memory that has been touched. */
  get sizeBytes(): number {
    return (
      this.#slots.length * SLOT_SIZE_BYTES +
      Math.max(this.#count, this.#countMax) * ENTRY_SIZE_BYTES +
      Math.max(this.#jumpCount, this.#jumpCountMax) * JUMP_SIZE_BYTES
    )
  }

  /** Forgets all entries, and keeps the room that they had. */
  clear(): void {
    if (this.#count > 0) {
      this.#countMax = Math.max(this.#count, this.#countMax)
      this.#jumpCountMax = Math.max(this.#jumpCount, this.#jumpCountMax)
      this.#count = 0
      this.#jumpCount = 0
      this.#slots.fill(0)
    }
  }

  /** Makes room for so many entries more. Where there is no memory for that, nothing has changed. */
  reserve(count: number): void {
    if (this.#count + count > this.#capacity) {
      this.#grow(Math.max(2 * this.#capacity, this.#count + count))
    }
  }

  /** Adds the entry that begins at `offset` and whose key begins at `keyOffset`; returns its number. */
  add(hash: number, offset: number, keyOffset: number, keySize: number): number {
    if (this.#count === this.#capacity) {
      this.reserve(1)
    }
    const entry = this.#count++
    const slot = this.#findSlot(hash | 0, this.#bytes, keyOffset, keySize)
    this.#hashes[entry] = hash | 0
    this.#offsets[entry] = offset
    const previous = (this.#slots[slot] as number) - 1
    this.#previous[entry] = previous
    if (previous !== NO_ENTRY) {
      this.#addJump(entry, previous)
    }
    if (this.isShared) {
      Atomics.store(this.#slots, slot, entry + 1)
    } else {
      this.#slots[slot] = entry + 1
    }
    return entry
  }

  /** The newest entry of a key, or NO_ENTRY. */
  find(hash: number, key: Uint8Array, keyOffset: number, keySize: number): number {
    return (this.#slots[this.#findSlot(hash | 0, key, keyOffset, keySize)] as number) - 1
  }

  /** The newest entry of the key that `entry` has. */
  newestOf(entry: number): number {
    const offset = this.#offsets[entry] as number
    const keySize = this.keySizeOf(entry)
    return this.find(this.#hashes[entry] as number, this.#bytes, keyOffset(this.#bytes, offset, keySize), keySize)
  }

  /** The next older entry of the same key, or NO_ENTRY. */
  previousOf(entry: number): number {
    return this.#previous[entry] as number
  }

  /**
   * One step from an entry at or above `limit` towards the newest entry of its key below `limit`: that one, or one that is
   * not, or NO_ENTRY if there is none. About 2 log n steps lead there.
   */
  towardsBelow(entry: number, limit: number): number {
    const previous = this.#previous[entry] as number
    if (previous < limit) {
      return previous
    }
    const jump = this.#jumps[entry] as number
    return jump >= limit ? jump : previous
  }

  offsetOf(entry: number): number {
    return this.#offsets[entry] as number
  }

  keySizeOf(entry: number): number {
    return readVarint(this.#bytes, (this.#offsets[entry] as number) + 1)
  }

  keyOffsetOf(entry: number): number {
    return keyOffset(this.#bytes, this.#offsets[entry] as number, this.keySizeOf(entry))
  }

  #addJump(entry: number, previous: number): void {
    this.#jumpCount++
    const rank = this.#rankOf(previous)
    const beyond = rank === 0 ? NO_ENTRY : (this.#jumps[previous] as number)
    if (beyond !== NO_ENTRY && this.#rankOf(beyond) === rank) {
      this.#jumps[entry] = this.#jumps[beyond] as number
      this.#ranks[entry] = rank + 1
    } else {
      this.#jumps[entry] = previous
      this.#ranks[entry] = 1
    }
  }

  /** 0 for the oldest entry of a key, which has no jump. */
  #rankOf(entry: number): number {
    return this.#previous[entry] === NO_ENTRY ? 0 : (this.#ranks[entry] as number)
  }

  #findSlot(hash: number, key: Uint8Array, keyOffset: number, keySize: number): number {
    const slots = this.#slots
    const hashes = this.#hashes
    const mask = slots.length - 1
    let slot = hash & mask
    for (;;) {
      const entry = (slots[slot] as number) - 1
      if (entry === NO_ENTRY || (hashes[entry] === hash && this.#hasKey(entry, key, keyOffset, keySize))) {
        return slot
      }
      slot = (slot + 1) & mask
    }
  }

  #hasKey(entry: number, key: Uint8Array, offset: number, size: number): boolean {
    const bytes = this.#bytes
    if (this.keySizeOf(entry) !== size) {
      return false
    }
    const ownOffset = keyOffset(bytes, this.#offsets[entry] as number, size)
    for (let i = 0; i < size; i++) {
      if (bytes[ownOffset + i] !== key[offset + i]) {
        return false
      }
    }
    return true
  }

  /** Only for one batch of more, smaller entries than an arena of its size is made for. Hashes are kept: no key is read. */
  #grow(capacity: number): void {
    const grown = new HashIndex(this.#bytes, capacity)
    this.#capacity = capacity
    grown.#hashes.set(this.#hashes)
    grown.#offsets.set(this.#offsets)
    grown.#previous.set(this.#previous)
    grown.#jumps.set(this.#jumps)
    grown.#ranks.set(this.#ranks)
    const { length } = this.#slots
    const slots = grown.#slots
    const mask = slots.length - 1
    for (let i = 0; i < length; i++) {
      const occupant = this.#slots[i] as number
      if (occupant !== 0) {
        let slot = (this.#hashes[occupant - 1] as number) & mask
        while (slots[slot] !== 0) {
          slot = (slot + 1) & mask
        }
        slots[slot] = occupant
      }
    }
    this.#hashes = grown.#hashes
    this.#offsets = grown.#offsets
    this.#previous = grown.#previous
    this.#jumps = grown.#jumps
    this.#ranks = grown.#ranks
    this.#slots = slots
  }
}

function createMemory(capacity: number): SharedIndex {
  return {
    slots: new SharedArrayBuffer(slotCountFor(capacity) * SLOT_SIZE_BYTES),
    hashes: new SharedArrayBuffer(capacity * 4),
    offsets: new SharedArrayBuffer(capacity * 4),
    previous: new SharedArrayBuffer(capacity * 4),
    jumps: new SharedArrayBuffer(capacity * 4),
    ranks: new SharedArrayBuffer(capacity),
  }
}

/** A power of two, so that a hash is cut to a slot by a mask. */
function slotCountFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * SLOTS_PER_ENTRY_MIN))
}

/** Where the key of the entry at `offset` begins, by the entry's form: kind, key size, value size unless a delete. */
function keyOffset(bytes: Uint8Array, offset: number, keySize: number): number {
  const behindKeySize = offset + 1 + varintSizeBytes(keySize)
  return bytes[offset] === KIND_DELETE
    ? behindKeySize
    : behindKeySize + varintSizeBytes(readVarint(bytes, behindKeySize))
}

/** A varint of the arena, which holds only what was encoded there: it is whole. */
export function readVarint(bytes: Uint8Array, offset: number): number {
  const byte = bytes[offset] as number
  return byte < 0x80 ? byte : getVarint(bytes, offset, bytes.length)
}
