/** Random tests that can be replayed: `VARVE_SEED` alone where it is set, else fixed seeds and one nobody has tried. */
import { randomInt } from 'node:crypto'
import { SeededRandom } from '../table/test-support/random-entries.ts'

/** Runs `body` for each seed; an error that comes out of it names the seed. */
export function forEachSeed(fixedCount: number, body: (random: SeededRandom) => void): void {
  for (const seed of seedsOf(fixedCount)) {
    try {
      body(new SeededRandom(seed))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new Error(`with VARVE_SEED=${seed}: ${message}`, { cause: error })
    }
  }
}

function seedsOf(fixedCount: number): number[] {
  const given = process.env['VARVE_SEED']
  return given === undefined
    ? [...Array.from({ length: fixedCount }, (_, i) => i + 1), randomInt(2 ** 32)]
    : [Number(given)]
}
