/** Which seeds a random test runs with, and what a failure says so that it can be run again. */
import { randomInt } from 'node:crypto'

/** `VARVE_SEED` alone where it is set; else one fixed seed, and one that nobody has tried. */
export function seedsOfRun(fixed: number): number[] {
  const given = process.env['VARVE_SEED']
  return given === undefined ? [fixed, randomInt(2 ** 32)] : [Number(given)]
}

/** Runs `body`; an error that comes out of it names the seed and the command that replays it. */
export async function replayable<T>(seed: number, testPath: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`${message}\n\nseed ${seed}; replay: VARVE_SEED=${seed} npx vitest run ${testPath}`, {
      cause: error,
    })
  }
}

/** A whole number from the environment. */
export function environmentCount(name: string, otherwise: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') {
    return otherwise
  }
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new Error(`${name} is ${text}, which is no whole number`)
  }
  return count
}
