/** Builds blocks of entries, one after the other, in a buffer. Nothing is allocated an entry. */
import { assert } from '../assert.ts'
import { putUint32, putVarint } from '../coding.ts'
import { ArrayCopier } from './array-copier.ts'
import type { BlockBuffer } from './block-buffer.ts'
import { RESTART_INTERVAL } from './table-format.ts'

/** Three sizes of at most five bytes each, the tag, and the sequence. */
export const ENTRY_HEAD_SIZE_BYTES_MAX = 23

/** Below this a loop copies faster than the runtime's own function does. */
const LOOP_COPY_SIZE_BYTES_MAX = 32

export class BlockBuilder {
  readonly #buffer: BlockBuffer
  readonly #copier = new ArrayCopier()
  #restarts: Uint32Array = new Uint32Array(64)
  #restartCount = 0
  #entryCount = 0

  constructor(buffer: BlockBuffer) {
    this.#buffer = buffer
  }

  get entryCount(): number {
    return this.#entryCount
  }

  /** What the block would take if it were finished now. */
  get sizeBytes(): number {
    return this.#buffer.end - this.#buffer.start + this.#restartCount * 4 + 4
  }

  /** `shared` is the size of the longest prefix in common with the key added before, in this block or another. */
  add(
    key: Uint8Array,
    keyOffset: number,
    keySize: number,
    shared: number,
    sequence: number,
    kind: number,
    value: Uint8Array,
    valueOffset: number,
    valueSize: number,
  ): void {
    const buffer = this.#buffer
    buffer.makeRoom(keySize + valueSize + ENTRY_HEAD_SIZE_BYTES_MAX)
    const bytes = buffer.bytes
    let at = buffer.end
    let sharedSize = shared
    if (this.#entryCount % RESTART_INTERVAL === 0) {
      sharedSize = 0
      this.#addRestart(at - buffer.start)
    }
    this.#entryCount++
    const unshared = keySize - sharedSize
    if ((sharedSize | unshared | valueSize) < 0x80) {
      bytes[at] = sharedSize
      bytes[at + 1] = unshared
      bytes[at + 2] = valueSize
      at += 3
    } else {
      at = putVarint(bytes, putVarint(bytes, putVarint(bytes, at, sharedSize), unshared), valueSize)
    }
    at = putTagAndSequence(bytes, at, kind, sequence)
    const suffixOffset = keyOffset + sharedSize
    if (unshared <= LOOP_COPY_SIZE_BYTES_MAX) {
      for (let i = 0; i < unshared; i++) {
        bytes[at + i] = key[suffixOffset + i] as number
      }
    } else {
      this.#copier.copy(bytes, at, key, suffixOffset, unshared)
    }
    at += unshared
    if (valueSize > 0) {
      this.#copier.copy(bytes, at, value, valueOffset, valueSize)
    }
    buffer.end = at + valueSize
  }

  /** Writes the restart points behind the entries: the block stands from the buffer's `start` to its `end`. */
  finish(): void {
    assert(this.#entryCount > 0, 'a block has an entry')
    const buffer = this.#buffer
    buffer.makeRoom(this.#restartCount * 4 + 4)
    for (let i = 0; i < this.#restartCount; i++) {
      putUint32(buffer.bytes, buffer.end, this.#restarts[i] as number)
      buffer.end += 4
    }
    putUint32(buffer.bytes, buffer.end, this.#restartCount)
    buffer.end += 4
    this.#restartCount = 0
    this.#entryCount = 0
  }

  #addRestart(offset: number): void {
    if (this.#restartCount === this.#restarts.length) {
      const larger = new Uint32Array(this.#restarts.length * 2)
      larger.set(this.#restarts)
      this.#restarts = larger
    }
    this.#restarts[this.#restartCount++] = offset
  }
}

function putTagAndSequence(bytes: Uint8Array, offset: number, kind: number, sequence: number): number {
  let at = offset + 1
  let rest = sequence
  while (rest > 0xffffffff) {
    bytes[at++] = rest % 256
    rest = Math.floor(rest / 256)
  }
  while (rest > 0) {
    bytes[at++] = rest & 0xff
    rest >>>= 8
  }
  bytes[offset] = kind | ((at - offset - 1) << 4)
  return at
}
