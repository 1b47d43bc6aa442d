/**
 * Reads the entries of a block, in both directions. Fields describe the entry that it stands at; nothing is allocated an
 * entry. Whatever the bytes are, every step ends: each entry begins behind the one before.
 */
import { getUint32, getVarint, varintSizeBytes } from '../coding.ts'
import { KEY_SIZE_BYTES_MAX, SEQUENCE_MAX } from '../entry.ts'
import { CorruptionError } from '../errors.ts'
import { Block, ROLE_INDEX } from './block.ts'
import { BackwardStack } from './backward-stack.ts'
import { RESTART_INTERVAL } from './table-format.ts'

const NO_BLOCK: Block = new Block(new Uint8Array(16), 0, 0, 0, ROLE_INDEX, '', 0)

export class BlockCursor {
  block: Block = NO_BLOCK
  /** The cursor's own; the first `keySize` bytes are the key of the entry. */
  key: Uint8Array = new Uint8Array(64)
  keySize = 0
  sequence = 0
  kind = 0
  /** In `block.bytes`. */
  valueOffset = 0
  valueSize = 0
  /** After a seek: how many entries of the block come before, if its restart points stand as writers put them. */
  position = 0

  // The entry that the cursor stands at, or the block's end; `#nextOffset` is where the next one begins.
  #offset = 0
  #nextOffset = 0
  // What `#readHead` found.
  #shared = 0
  #unshared = 0
  #suffixOffset = 0
  /** The entries of the current restart interval before the one it stands at, while stepping back; most never do. */
  #stack: BackwardStack | undefined
  #stackCount = 0

  /** Stands before the first entry of `block`. */
  reset(block: Block): void {
    this.block = block
    this.#offset = block.start
    this.#nextOffset = block.start
    this.keySize = 0
    this.#stackCount = 0
  }

  seekToFirst(): boolean {
    this.reset(this.block)
    return this.next()
  }

  /** Stands behind the last entry. */
  seekToEnd(): void {
    this.#toEnd()
  }

  seekToLast(): boolean {
    this.#toEnd()
    return this.previous()
  }

  /** Steps to the next entry; false at the end, from where `previous` leads back to the last. */
  next(): boolean {
    const offset = this.#nextOffset
    this.#stackCount = 0
    if (offset >= this.block.end) {
      return this.#toEnd()
    }
    this.#readHead(offset)
    if (this.#shared > this.keySize) {
      throw this.#damaged(offset)
    }
    this.#readKey()
    return true
  }

  /** Steps to the entry before; false before the first, from where `next` leads to the first. */
  previous(): boolean {
    const stack = (this.#stack ??= new BackwardStack())
    if (this.#stackCount === 0 && !this.#fillStack(stack)) {
      this.reset(this.block)
      return false
    }
    const i = --this.#stackCount
    const keySize = stack.keySizes[i] as number
    const keyOffset = stack.keyOffsets[i] as number
    const keys = stack.keys
    this.#makeKeyRoom(keySize)
    const key = this.key
    for (let at = 0; at < keySize; at++) {
      key[at] = keys[keyOffset + at] as number
    }
    this.keySize = keySize
    this.sequence = stack.sequences[i] as number
    this.kind = stack.kinds[i] as number
    this.valueOffset = stack.valueOffsets[i] as number
    this.valueSize = stack.valueSizes[i] as number
    this.#offset = stack.offsets[i] as number
    this.#nextOffset = this.valueOffset + this.valueSize
    return true
  }

  /**
   * Steps to the first entry at or behind (target, sequence): of a larger key, or of this key and at most this sequence.
   * Without a sequence, all versions of the target count. False if there is none.
   */
  seek(target: Uint8Array, targetOffset: number, targetSize: number, sequence: number = SEQUENCE_MAX): boolean {
    this.#stackCount = 0
    let low = 0
    let high = this.block.restartCount - 1
    const prefixes = this.block.prefixes
    const targetPrefix = prefixes === undefined ? 0 : prefixes.of(target, targetOffset, targetSize)
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      const prefix = prefixes === undefined ? targetPrefix : prefixes.atRestart(middle)
      if (
        prefix === targetPrefix
          ? this.#restartIsBefore(middle, target, targetOffset, targetSize, sequence)
          : prefix < targetPrefix
      ) {
        low = middle
      } else {
        high = middle - 1
      }
    }
    return this.#walkTo(low, target, targetOffset, targetSize, sequence)
  }

  /** Whether the key at restart point `index` comes before the target. */
  #restartIsBefore(
    index: number,
    target: Uint8Array,
    targetOffset: number,
    targetSize: number,
    sequence: number,
  ): boolean {
    const offset = this.#restartOffset(index)
    const bytes = this.block.bytes
    let size = bytes[offset + 1] as number
    let suffix = offset + 4 + ((bytes[offset + 3] as number) >>> 4)
    if ((size | (bytes[offset + 2] as number)) >= 0x80) {
      this.#readHead(offset)
      size = this.#unshared
      suffix = this.#suffixOffset
    }
    if (bytes[offset] !== 0) {
      throw this.#damaged(offset)
    }
    const shorter = size < targetSize ? size : targetSize
    for (let i = 0; i < shorter; i++) {
      const difference = (bytes[suffix + i] as number) - (target[targetOffset + i] as number)
      if (difference !== 0) {
        return difference < 0
      }
    }
    return size === targetSize ? !this.#isNotNewer(offset, sequence) : size < targetSize
  }

  /**
   * Goes forward from a restart point to the first entry that is not before the target, without building the keys
   * between. While all entries so far are before it, `matched` is how much of the target the last one has in common:
   * an entry that shares more than that with the last one is before the target too, one that shares less is behind.
   */
  #walkTo(restart: number, target: Uint8Array, targetOffset: number, targetSize: number, sequence: number): boolean {
    const from = this.#restartOffset(restart)
    this.position = restart * RESTART_INTERVAL
    const bytes = this.block.bytes
    const end = this.block.end
    let offset = from
    let matched = 0
    let lastSize = 0
    while (offset < end) {
      // The sizes are read in line where they have one byte: most entries are only passed by.
      let shared = bytes[offset] as number
      let unshared = bytes[offset + 1] as number
      const valueSize = bytes[offset + 2] as number
      let suffix = offset + 4 + ((bytes[offset + 3] as number) >>> 4)
      let nextOffset = suffix + unshared + valueSize
      if ((shared | unshared | valueSize) >= 0x80) {
        this.#readHead(offset)
        shared = this.#shared
        unshared = this.#unshared
        suffix = this.#suffixOffset
        nextOffset = this.#nextOffset
      }
      if (shared > lastSize) {
        throw this.#damaged(offset)
      }
      if (shared < matched) {
        return this.#found(offset, target, targetOffset)
      }
      if (shared === matched) {
        const at = targetOffset + matched
        const rest = targetSize - matched
        const limit = unshared < rest ? unshared : rest
        let i = 0
        while (i < limit && bytes[suffix + i] === target[at + i]) {
          i++
        }
        if (
          i < limit
            ? (bytes[suffix + i] as number) > (target[at + i] as number)
            : i < unshared || (i === rest && this.#isNotNewer(offset, sequence))
        ) {
          return this.#found(offset, target, targetOffset)
        }
        matched += i
      }
      lastSize = shared + unshared
      offset = nextOffset
      this.position++
    }
    if (offset !== end) {
      throw this.#damaged(from)
    }
    return this.#toEnd()
  }

  #isNotNewer(offset: number, sequence: number): boolean {
    this.#readHead(offset)
    return this.sequence <= sequence
  }

  /** Stands at the entry at `offset`; what it shares with the one before, it shares with the target. */
  #found(offset: number, target: Uint8Array, targetOffset: number): boolean {
    this.#readHead(offset)
    const shared = this.#shared
    this.#makeKeyRoom(shared)
    const key = this.key
    for (let i = 0; i < shared; i++) {
      key[i] = target[targetOffset + i] as number
    }
    this.#readKey()
    return true
  }

  /** Reads all of the entry at `offset` but its key, and checks that it lies within the block. */
  #readHead(offset: number): void {
    const bytes = this.block.bytes
    let at = offset + 3
    let shared = bytes[offset] as number
    let unshared = bytes[offset + 1] as number
    let valueSize = bytes[offset + 2] as number
    if ((shared | unshared | valueSize) >= 0x80) {
      shared = this.#varint(offset)
      at = offset + varintSizeBytes(shared)
      unshared = this.#varint(at)
      at += varintSizeBytes(unshared)
      valueSize = this.#varint(at)
      at += varintSizeBytes(valueSize)
    }
    const tag = bytes[at++] as number
    const sequenceSize = tag >>> 4
    let sequence = 0
    if (sequenceSize <= 3) {
      // Reads behind the sequence are harmless: restart points follow every entry.
      const word = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
      sequence = word & ((1 << (sequenceSize * 8)) - 1)
    } else {
      sequence = this.#longSequence(at, sequenceSize)
    }
    at += sequenceSize
    this.#offset = offset
    this.#shared = shared
    this.#unshared = unshared
    this.#suffixOffset = at
    this.sequence = sequence
    this.kind = tag & 15
    this.valueOffset = at + unshared
    this.valueSize = valueSize
    this.#nextOffset = at + unshared + valueSize
    if (this.#nextOffset > this.block.end || sequence > SEQUENCE_MAX || shared + unshared > KEY_SIZE_BYTES_MAX) {
      throw this.#damaged(offset)
    }
  }

  #varint(offset: number): number {
    const value = getVarint(this.block.bytes, offset, this.block.end)
    if (value < 0) {
      throw this.#damaged(this.#offset)
    }
    return value
  }

  #longSequence(offset: number, size: number): number {
    if (size > 7 || offset + size > this.block.end) {
      throw this.#damaged(offset)
    }
    const bytes = this.block.bytes
    let high = 0
    for (let i = size - 1; i >= 4; i--) {
      high = high * 256 + (bytes[offset + i] as number)
    }
    return high * 2 ** 32 + getUint32(bytes, offset)
  }

  /** Completes the key of the entry whose head was read; the part that it shares already stands in `key`. */
  #readKey(): void {
    const shared = this.#shared
    const unshared = this.#unshared
    this.keySize = shared + unshared
    this.#makeKeyRoom(shared + unshared)
    const key = this.key
    const bytes = this.block.bytes
    const suffix = this.#suffixOffset
    for (let i = 0; i < unshared; i++) {
      key[shared + i] = bytes[suffix + i] as number
    }
  }

  #makeKeyRoom(size: number): void {
    if (size > this.key.length) {
      const larger = new Uint8Array(Math.max(size, this.key.length * 4))
      larger.set(this.key)
      this.key = larger
    }
  }

  #toEnd(): boolean {
    this.#stackCount = 0
    this.#offset = this.block.end
    this.#nextOffset = this.block.end
    return false
  }

  #restartOffset(index: number): number {
    return this.block.start + getUint32(this.block.bytes, this.block.end + index * 4)
  }

  /** Puts the entries between the last restart point before this entry, and it, on the stack; false if there is none. */
  #fillStack(stack: BackwardStack): boolean {
    const stop = this.#offset
    if (stop <= this.block.start) {
      return false
    }
    let low = 0
    let high = this.block.restartCount - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#restartOffset(middle) < stop) {
        low = middle
      } else {
        high = middle - 1
      }
    }
    this.keySize = 0
    let offset = this.#restartOffset(low)
    stack.clear()
    while (offset < stop) {
      this.#readHead(offset)
      if (this.#shared > this.keySize) {
        throw this.#damaged(offset)
      }
      this.#readKey()
      stack.push(offset, this.key, this.keySize, this.sequence, this.kind, this.valueOffset, this.valueSize)
      offset = this.#nextOffset
    }
    if (offset !== stop) {
      // A restart point that is not where an entry begins.
      throw this.#damaged(stop)
    }
    this.#stackCount = stack.count
    return true
  }

  #damaged(offset: number): CorruptionError {
    return new CorruptionError(
      this.block.path,
      this.block.offset,
      `the entry at ${offset - this.block.start} of this block is malformed`,
    )
  }
}
