/**
 * kill -9 in a loop on one directory (R1 to R7), in two directories at once. The same for hours, in one directory:
 *
 *     npm run crash -- --cycles 10000 --seed 5
 *
 * `VARVE_SEED` draws the same options, operations and times again; what dies when is still up to the machine.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { CrashDirectory } from '../harness/crash-directory.ts'
import { SeededRandom } from '../harness/random.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'
import { environmentCount, replayable, seedsOfRun } from '../harness/seeds.ts'

const CYCLE_COUNT = environmentCount('VARVE_CRASH_CYCLES', 100)
const LANE_COUNT = 2

test(
  `no acknowledged write is lost in ${CYCLE_COUNT} kills`,
  async () => {
    const seed = seedsOfRun(0).at(-1) ?? 0
    const lanes = Array.from({ length: LANE_COUNT }, (_, lane) =>
      runLane(seed + lane, Math.ceil(CYCLE_COUNT / LANE_COUNT)),
    )
    await Promise.allSettled(lanes)
    const counts = await replayable(seed, 'test/crash', () => Promise.all(lanes))
    const killCount = counts.reduce((sum, lane) => sum + lane.killCount, 0)
    expect(killCount).toBeGreaterThan(CYCLE_COUNT / 2)
    expect(counts.reduce((sum, lane) => sum + lane.acknowledgedCount, 0)).toBeGreaterThan(CYCLE_COUNT * 100)
  },
  60_000 + CYCLE_COUNT * 3000,
)

/** Cycles on a directory of its own. If one goes wrong, a copy of the directory stays behind. */
async function runLane(seed: number, cycleCount: number): Promise<CrashDirectory['counts']> {
  const directory = scratchStorePath('crash')
  const crash = new CrashDirectory(directory, new SeededRandom(seed))
  for (let cycle = 0; cycle < cycleCount; cycle++) {
    try {
      await crash.cycle()
    } catch (error) {
      const copy = path.join(os.tmpdir(), `varve-crash-${seed}`)
      fs.cpSync(directory, copy, { recursive: true })
      throw new Error(
        `cycle ${cycle}, directory kept as ${copy}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      )
    }
  }
  await crash.checkHere()
  return crash.counts
}
