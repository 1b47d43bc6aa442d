/**
 * The sequence numbers that snapshots and iterators read at. Flushes and compactions keep every version that one of
 * them sees.
 */
export class LiveSequences {
  /** Sequences that readers in other threads hold, at the time when it is asked. */
  others: () => readonly number[] = () => []
  /** How many readers hold a sequence. Sequences come in ascending order, so the keys of the Map do, mostly. */
  readonly #counts = new Map<number, number>()

  get count(): number {
    let sum = 0
    for (const count of this.#counts.values()) {
      sum += count
    }
    return sum
  }

  hold(sequence: number): void {
    this.#counts.set(sequence, (this.#counts.get(sequence) ?? 0) + 1)
  }

  release(sequence: number): void {
    const count = this.#counts.get(sequence) ?? 0
    if (count > 1) {
      this.#counts.set(sequence, count - 1)
    } else {
      this.#counts.delete(sequence)
    }
  }

  /** Ascending, `visibleSequence` last. */
  list(visibleSequence: number): number[] {
    return [...new Set([...this.others(), ...this.#counts.keys(), visibleSequence])].toSorted((a, b) => a - b)
  }
}
