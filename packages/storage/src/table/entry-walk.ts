/**
 * Goes through the entries of a block that has just come into memory, front to back, for what is made of their keys
 * beside the block. It believes nothing and throws nothing: of a block that is damaged nothing is made, and the cursor
 * that reads it says what is wrong.
 */
import { getVarint, varintSizeBytes } from '../coding.ts'

export class EntryWalk {
  /** The first `keySize` bytes are the key of the entry. */
  key: Uint8Array = new Uint8Array(64)
  keySize = 0
  /** Where the entry begins. */
  offset = 0
  /** How many entries were seen. */
  count = 0
  readonly #bytes: Uint8Array
  readonly #end: number
  #nextOffset: number

  /** Stands before the first of the entries that lie in `bytes` from `start` to `end`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#end = end
    this.#nextOffset = start
  }

  /** Whether all entries have been seen, and none was damaged. */
  get isAtEnd(): boolean {
    return this.#nextOffset === this.#end
  }

  /** Steps to the next entry; false at the end, and before an entry that is damaged. */
  next(): boolean {
    const bytes = this.#bytes
    const end = this.#end
    const offset = this.#nextOffset
    const shared = getVarint(bytes, offset, end)
    let at = offset + varintSizeBytes(Math.max(shared, 0))
    const unshared = getVarint(bytes, at, end)
    at += varintSizeBytes(Math.max(unshared, 0))
    const valueSize = getVarint(bytes, at, end)
    at += varintSizeBytes(Math.max(valueSize, 0))
    const suffix = at + 1 + ((bytes[at] as number) >>> 4)
    const nextOffset = suffix + unshared + valueSize
    if (shared < 0 || unshared < 0 || valueSize < 0 || shared > this.keySize || nextOffset > end) {
      return false
    }
    this.#makeKeyRoom(shared + unshared)
    for (let i = 0; i < unshared; i++) {
      this.key[shared + i] = bytes[suffix + i] as number
    }
    this.keySize = shared + unshared
    this.offset = offset
    this.count++
    this.#nextOffset = nextOffset
    return true
  }

  #makeKeyRoom(size: number): void {
    if (size > this.key.length) {
      const larger = new Uint8Array(size * 2)
      larger.set(this.key.subarray(0, this.keySize))
      this.key = larger
    }
  }
}

/** How many bytes the first key that `walk` comes to and the last one have in common; -1 if there is no whole block. */
export function commonPrefixSize(walk: EntryWalk): number {
  if (!walk.next()) {
    return -1
  }
  const first = walk.key.slice(0, walk.keySize)
  while (walk.next()) {
    // To the last one.
  }
  if (!walk.isAtEnd) {
    return -1
  }
  let shared = 0
  while (shared < first.length && shared < walk.keySize && first[shared] === walk.key[shared]) {
    shared++
  }
  return shared
}
