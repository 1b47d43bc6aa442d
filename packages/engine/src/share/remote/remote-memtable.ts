/** A memtable of the owner, as a remote reads it: same arena, same index, in shared memory. Never written. */
import { HashIndex } from '../../memtable/hash-index.ts'
import { ReadableMemtable } from '../../memtable/readable-memtable.ts'
import type { SharedMemtable } from '../messages.ts'

export class RemoteMemtable extends ReadableMemtable {
  readonly #committed: Int32Array

  constructor(firstSequence: number, { arena, index, indexCapacity, committed }: SharedMemtable) {
    const bytes = Buffer.from(arena)
    super(bytes, new HashIndex(bytes, indexCapacity, index), firstSequence)
    this.#committed = new Int32Array(committed)
  }

  override visibleCount(sequence: number): number {
    return Math.max(0, Math.min(sequence + 1 - this.firstSequence, Atomics.load(this.#committed, 0)))
  }
}
