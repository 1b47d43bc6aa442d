/**
 * Indexes of which few are drawn very often, as YCSB has it: Gray and others, "Quickly generating billion-record synthetic
 * databases" (1994), with a theta of 0.99, scattered over all indexes so that the popular ones are no neighbours.
 */
import type { Random } from './random.ts'

const THETA = 0.99
const UINT32_LIMIT = 2 ** 32
/** A prime that divides no count in use. */
const SCATTER_FACTOR = 2_654_435_761

export class Zipfian {
  readonly #random: Random
  readonly #count: number
  readonly #zeta: number
  readonly #eta: number
  readonly #alpha = 1 / (1 - THETA)
  readonly #secondLimit = 1 + 0.5 ** THETA

  constructor(random: Random, count: number) {
    this.#random = random
    this.#count = count
    this.#zeta = zetaOf(count)
    this.#eta = (1 - (2 / count) ** (1 - THETA)) / (1 - zetaOf(2) / this.#zeta)
  }

  /** From 0 to below the count; small ones are the popular ones. */
  nextRank(): number {
    const u = this.#random.uint32() / UINT32_LIMIT
    const uz = u * this.#zeta
    if (uz < 1) {
      return 0
    }
    if (uz < this.#secondLimit) {
      return Math.min(1, this.#count - 1)
    }
    return Math.min(this.#count - 1, Math.floor(this.#count * (this.#eta * u - this.#eta + 1) ** this.#alpha))
  }

  /** As `nextRank`, with the popular ones anywhere. */
  nextIndex(): number {
    return (this.nextRank() * SCATTER_FACTOR) % this.#count
  }
}

function zetaOf(count: number): number {
  let sum = 0
  for (let i = 1; i <= count; i++) {
    sum += i ** -THETA
  }
  return sum
}
