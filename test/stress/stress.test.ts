/** A short piece of `npm run stress`: longer by `VARVE_STRESS_SECONDS`. */
import { expect, test } from 'vitest'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import { environmentCount, replayable, seedsOfRun } from '../harness/seeds.ts'
import { StressRun } from '../harness/stress/stress-run.ts'
import { loadVarve } from '../harness/stress/varve-build.ts'

const SECONDS = environmentCount('VARVE_STRESS_SECONDS', 12)
const SEEDS = seedsOfRun(7)

test.each(SEEDS)(
  'threads that use one store at once, and die: what they see is right, and nothing is left (seed %i)',
  async (seed) => {
    const endMs = performance.now() + (SECONDS * 1000) / SEEDS.length
    const run = new StressRun(await loadVarve(), makeMemoryDirectory('stress'), seed)
    const findings = await replayable(seed, 'test/stress/stress.test.ts', () =>
      run.run(() => run.counts.roundCount === 0 || performance.now() < endMs),
    )
    expect(findings, `seed ${seed}; more of it: npm run stress -- --seed ${seed}`).toEqual([])
    expect(run.counts.operationCount).toBeGreaterThan(0)
  },
  SECONDS * 1000 + 120_000,
)
