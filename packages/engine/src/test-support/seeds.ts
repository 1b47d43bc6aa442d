/** Random tests that can be replayed: `VARVE_SEED` alone where it is set, else fixed seeds and one nobody has tried. */
import { randomInt } from 'node:crypto'

export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to `limit` - 1 (mulberry32). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0]
  }

  /** Bytes from the top down, so that 0xff is among them whatever the alphabet's size. */
  bytes(size: number, alphabet = 256): Buffer {
    return Buffer.from(Uint8Array.from({ length: size }, () => 255 - this.below(alphabet)))
  }
}

/** Runs `body` for each seed; an error that comes out of it names the seed. */
export function forEachSeed(fixedCount: number, body: (random: SeededRandom) => void): void {
  for (const seed of seedsOf(fixedCount)) {
    try {
      body(new SeededRandom(seed))
    } catch (error) {
      throw seedError(seed, error)
    }
  }
}

/** The same for what takes its time. */
export async function forEachSeedInTurn(
  fixedCount: number,
  body: (random: SeededRandom) => Promise<void>,
): Promise<void> {
  for (const seed of seedsOf(fixedCount)) {
    try {
      await body(new SeededRandom(seed))
    } catch (error) {
      throw seedError(seed, error)
    }
  }
}

function seedsOf(fixedCount: number): number[] {
  const given = process.env['VARVE_SEED']
  return given === undefined
    ? [...Array.from({ length: fixedCount }, (_, i) => i + 1), randomInt(2 ** 32)]
    : [Number(given)]
}

function seedError(seed: number, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error)
  return new Error(`with VARVE_SEED=${seed}: ${message}`, { cause: error })
}
