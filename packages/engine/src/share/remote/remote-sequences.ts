/**
 * The sequence numbers that a remote's snapshots and iterators read at, announced in shared memory: the owner's jobs keep
 * what they see. No message, and no turn of the loop. The order of the steps is that of `shared-layout.ts`.
 */
import type { HeldSlots, StoreCells } from '../shared-layout.ts'

export class RemoteSequences {
  readonly #cells: StoreCells
  readonly #slots: HeldSlots
  readonly #counts = new Map<number, number>()

  constructor(cells: StoreCells, slots: HeldSlots) {
    this.#cells = cells
    this.#slots = slots
  }

  /** Holds the newest visible sequence number. @throws BusyError if there is no room for it */
  holdNewest(): number {
    for (;;) {
      const listCount = this.#cells.listCount
      const sequence = this.#cells.visibleSequence
      if (this.#counts.has(sequence)) {
        this.hold(sequence)
        return sequence
      }
      this.#slots.put(sequence + 1)
      if (this.#cells.listCount === listCount) {
        this.#counts.set(sequence, 1)
        return sequence
      }
      this.#slots.remove(sequence + 1)
    }
  }

  /** Once more, one that is held. */
  hold(sequence: number): void {
    this.#counts.set(sequence, (this.#counts.get(sequence) ?? 0) + 1)
  }

  release(sequence: number): void {
    const count = this.#counts.get(sequence) ?? 0
    if (count > 1) {
      this.#counts.set(sequence, count - 1)
    } else {
      this.#counts.delete(sequence)
      this.#slots.remove(sequence + 1)
    }
  }
}
