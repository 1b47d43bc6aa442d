/**
 * Hostile bytes for decoders. Whatever they get, they return, or throw an error that says where: never one of the
 * language's own, never after more steps or memory than the bytes account for. `VARVE_FUZZ_MINUTES` goes on for so long.
 */
import { putUint32 } from '../coding.ts'
import { createNodeEnv } from '../env/node-env.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { SeededRandom } from '../table/test-support/random-entries.ts'

const FIRST_SEED = 1_000_000
/** Values that decoders stumble over, as bytes: varints that are huge, cut off or too long, and words. */
const HOSTILE: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x80, 0x80, 0x80, 0x80, 0x00],
  [0xff, 0xff, 0xff, 0x7f],
  [0x80, 0x80, 0x04],
  [0xff, 0x7f],
  [0x00],
  [0x7f],
  [0x80],
  [0x01, 0x00, 0x00, 0x00],
  [0x00, 0x00, 0x00, 0x80],
  [0xff, 0xff, 0xff, 0x3f],
  [0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00],
]

/** Runs `body` with `count` seeds, or as long as the environment says; an error names the seed that repeats it. */
export async function fuzz(count: number, body: (random: SeededRandom) => void | Promise<void>): Promise<void> {
  const given = process.env['VARVE_SEED']
  const minutes = Number(process.env['VARVE_FUZZ_MINUTES'] ?? 0)
  const { clock } = createNodeEnv()
  const deadlineMs = clock.nowMs() + minutes * 60_000
  for (let i = 0; given === undefined ? i < count || clock.nowMs() < deadlineMs : i < 1; i++) {
    const seed = given === undefined ? FIRST_SEED + i : Number(given)
    try {
      await body(new SeededRandom(seed))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new Error(`with VARVE_SEED=${seed}: ${message}`, { cause: error })
    }
  }
}

export const FUZZ_TIMEOUT_MS: number = 60_000 + Number(process.env['VARVE_FUZZ_MINUTES'] ?? 0) * 70_000

/** A copy with one to three changes of the kinds that decoders stumble over, between `start` and `end`. */
export function mutated(random: SeededRandom, bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const copy = bytes.slice()
  const size = Math.max(1, end - start)
  for (let i = 0; i <= random.below(3); i++) {
    // The first and last bytes hold heads and restart points more often than those between.
    const near = Math.min(size, 24)
    const at =
      start + ([random.below(size), random.below(near), size - 1 - random.below(near)][random.below(3)] as number)
    change(random, copy, start, end, at)
  }
  return copy
}

function change(random: SeededRandom, bytes: Uint8Array, start: number, end: number, at: number): void {
  switch (random.below(5)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
      return
    case 1:
      bytes[at] = random.below(256)
      return
    case 2: {
      const hostile = HOSTILE[random.below(HOSTILE.length)] as readonly number[]
      bytes.set(hostile.slice(0, end - at), at)
      return
    }
    case 3: {
      const size = Math.min(random.below(40), end - at)
      bytes.copyWithin(at, start + random.below(Math.max(1, end - start - size)), start + random.below(end - start))
      return
    }
    default:
      if (at + 4 <= end) {
        putUint32(bytes, at, random.below(2 * (end - start)))
      }
  }
}

/** What `decode` returns, or `undefined` if it throws an error that says where. Anything else is thrown on. */
export function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    checkTyped(error)
    return undefined
  }
}

export function checkTyped(error: unknown): void {
  const isTyped =
    error instanceof UnsupportedError ||
    (error instanceof CorruptionError && error.path !== '' && Number.isSafeInteger(error.offset) && error.offset >= 0)
  if (!isTyped) {
    throw error
  }
}
