/**
 * From a key to its newest entry in an arena, by open addressing over typed arrays. Insert-only. Entries are numbered in
 * the order in which they were added; older entries of the same key are chained behind newer ones.
 *
 * No object, string or closure an entry: neither the garbage collector nor the heap sees how many there are. (A `Map`
 * from binary-string keys, measured beside it, took twice the time an insert and five times the memory.)
 */
import { KIND_DELETE, getVarint, varintSizeBytes } from '@varve/storage'

/** What an entry takes here, about: hash, offset and chain, and its share of the slots. Up to 40 just after growing. */
export const INDEX_SIZE_BYTES_PER_ENTRY = 28

const FIRST_CAPACITY = 1024
/** Slots an entry, at least: probes stay short. */
const SLOTS_PER_ENTRY = 2
export const NO_ENTRY = -1

export class HashIndex {
  readonly #bytes: Uint8Array
  #capacity = FIRST_CAPACITY
  #count = 0
  /** Newest entry of a key, or NO_ENTRY, by hash. */
  #slots = new Int32Array(FIRST_CAPACITY * SLOTS_PER_ENTRY).fill(NO_ENTRY)
  /** By entry. */
  #hashes = new Int32Array(FIRST_CAPACITY)
  #offsets = new Uint32Array(FIRST_CAPACITY)
  #previous = new Int32Array(FIRST_CAPACITY)

  /** @param bytes the arena; entries have the form of WAL entries */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#capacity * (12 + 4 * SLOTS_PER_ENTRY)
  }

  /** Forgets all entries, and keeps the room that they had. */
  clear(): void {
    if (this.#count > 0) {
      this.#count = 0
      this.#slots.fill(NO_ENTRY)
    }
  }

  /** Adds the entry that begins at `offset` and whose key begins at `keyOffset`; returns its number. */
  add(hash: number, offset: number, keyOffset: number, keySize: number): number {
    if (this.#count === this.#capacity) {
      this.#grow()
    }
    const entry = this.#count++
    const slot = this.#findSlot(hash | 0, this.#bytes, keyOffset, keySize)
    this.#hashes[entry] = hash | 0
    this.#offsets[entry] = offset
    this.#previous[entry] = this.#slots[slot] as number
    this.#slots[slot] = entry
    return entry
  }

  /** The newest entry of a key, or NO_ENTRY. */
  find(hash: number, key: Uint8Array, keyOffset: number, keySize: number): number {
    return this.#slots[this.#findSlot(hash | 0, key, keyOffset, keySize)] as number
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

  offsetOf(entry: number): number {
    return this.#offsets[entry] as number
  }

  keySizeOf(entry: number): number {
    return readVarint(this.#bytes, (this.#offsets[entry] as number) + 1)
  }

  keyOffsetOf(entry: number): number {
    return keyOffset(this.#bytes, this.#offsets[entry] as number, this.keySizeOf(entry))
  }

  #findSlot(hash: number, key: Uint8Array, keyOffset: number, keySize: number): number {
    const slots = this.#slots
    const hashes = this.#hashes
    const mask = slots.length - 1
    let slot = hash & mask
    for (;;) {
      const entry = slots[slot] as number
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

  /** Hashes are kept, so that no key is read again. A quarter of a million entries take about two milliseconds. */
  #grow(): void {
    this.#capacity *= 2
    const hashes = new Int32Array(this.#capacity)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    const offsets = new Uint32Array(this.#capacity)
    offsets.set(this.#offsets)
    this.#offsets = offsets
    const previous = new Int32Array(this.#capacity)
    previous.set(this.#previous)
    this.#previous = previous
    const old = this.#slots
    const slots = new Int32Array(this.#capacity * SLOTS_PER_ENTRY).fill(NO_ENTRY)
    const mask = slots.length - 1
    for (let i = 0; i < old.length; i++) {
      const entry = old[i] as number
      if (entry !== NO_ENTRY) {
        let slot = (hashes[entry] as number) & mask
        while (slots[slot] !== NO_ENTRY) {
          slot = (slot + 1) & mask
        }
        slots[slot] = entry
      }
    }
    this.#slots = slots
  }
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
