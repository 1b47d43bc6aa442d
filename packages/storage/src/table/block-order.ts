/**
 * Blocks of one use lie in their file in the order of their keys. A cursor that enters them in this order, or in its
 * reverse, enters each once: an index that names a block twice, or blocks that overlap, would otherwise keep it busy for
 * as good as ever, whatever the checksums say.
 */
import { CorruptionError } from '../errors.ts'
import { endOf, type BlockHandle } from './table-format.ts'

const NONE = -1

export class BlockOrder {
  /** The block entered last. */
  #offset: number = NONE
  #end: number = NONE
  #wasReverse = false

  /** The next block may be any. */
  forget(): void {
    this.#offset = NONE
  }

  /** @throws CorruptionError unless the block may be entered behind (in reverse: before) the one entered last */
  check(handle: BlockHandle, isReverse: boolean, path: string): void {
    if (this.#offset === NONE) {
      return
    }
    // Turning round leads into the same block again.
    const isSame = handle.offset === this.#offset && isReverse !== this.#wasReverse
    const isInOrder = isReverse ? endOf(handle) <= this.#offset : handle.offset >= this.#end
    if (!isSame && !isInOrder) {
      throw new CorruptionError(path, handle.offset, 'an index names blocks out of order')
    }
  }

  enter(handle: BlockHandle, isReverse: boolean): void {
    this.#offset = handle.offset
    this.#end = endOf(handle)
    this.#wasReverse = isReverse
  }
}
