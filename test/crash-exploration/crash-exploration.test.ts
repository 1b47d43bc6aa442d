/**
 * Crashes stores at every call of the file system, recovers and checks what may be left, and crashes again (R1 to R7, R9
 * to R11). Histories have the seeds from the first one on, until so many states were checked:
 *
 *     VARVE_SEED=1 npx vitest run test/crash-exploration/crash-exploration.test.ts                    from history 1 on
 *     VARVE_SEED=1 VARVE_CRASH_POINT=17.2 npx vitest run test/crash-exploration/crash-exploration.test.ts    one state
 *     VARVE_CRASH_REDUCE=1 ...                                                  makes the history that fails shorter
 */
import { JobMemory } from '@varve/workers'
import { expect, test } from 'vitest'
import { environmentCount, seedsOfRun } from '../harness/seeds.ts'
import { Exploration, StateFailure, type StateChoice } from './exploration.ts'
import { drawHistory, type History } from './history.ts'
import { reduceHistory } from './reduction.ts'

const STATE_COUNT = environmentCount('VARVE_CRASH_STATES', 10_000)
/** Of the states that a test must check, so that it shows where a long run has come to. */
const REPORT_STATE_COUNT = 50_000
const FIRST_SEED = 1
const PATH = 'test/crash-exploration/crash-exploration.test.ts'

const memory = new JobMemory()

async function failureOf(history: History, only?: StateChoice): Promise<StateFailure | undefined> {
  try {
    await new Exploration(history, memory).run(only)
    return undefined
  } catch (error) {
    if (error instanceof StateFailure) {
      return error
    }
    throw error
  }
}

/** What went wrong, and how to see it again. */
async function tell(failure: StateFailure): Promise<Error> {
  const { history, choice, message } = failure
  const point = choice === undefined ? '' : `VARVE_CRASH_POINT=${choice.pointIndex}.${choice.crashIndex} `
  const lines = [message, `replay: VARVE_SEED=${history.seed} ${point}npx vitest run ${PATH}`]
  if (process.env['VARVE_CRASH_REDUCE'] === '1') {
    const reduced = await reduceHistory(failure, (shorter) => failureOf(shorter))
    lines.push(`reduced: ${reduced.message}`, JSON.stringify(reduced.history))
  }
  return new Error(lines.join('\n'), { cause: failure })
}

function chosenState(): StateChoice | undefined {
  const match = /^(\d+)\.(\d)$/.exec(process.env['VARVE_CRASH_POINT'] ?? '')
  return match === null ? undefined : { pointIndex: Number(match[1]), crashIndex: Number(match[2]) }
}

/** Explores history after history; returns how many states were checked. */
async function exploreFrom(firstSeed: number, stateCountMin: number): Promise<number> {
  const only = chosenState()
  let [stateCount, recoveredCount] = [0, 0]
  for (let seed = firstSeed; stateCount < stateCountMin; seed++) {
    const exploration = new Exploration(drawHistory(seed), memory)
    try {
      await exploration.run(only)
    } catch (error) {
      throw error instanceof StateFailure ? await tell(error) : error
    }
    const before = stateCount
    stateCount += exploration.stateCount
    recoveredCount += exploration.recoveredCount
    if (Math.floor(before / REPORT_STATE_COUNT) < Math.floor(stateCount / REPORT_STATE_COUNT)) {
      process.stdout.write(
        `${stateCount} crash states checked, ${recoveredCount} recovered; to go on from here: VARVE_SEED=${seed + 1}\n`,
      )
    }
    if (only !== undefined) {
      break
    }
  }
  return stateCount
}

const seeds = seedsOfRun(FIRST_SEED)

test.each(seeds)(
  'every crash leaves what was promised; from history %i on',
  async (seed) => {
    const stateCount = await exploreFrom(seed, STATE_COUNT / seeds.length)
    expect(stateCount).toBeGreaterThan(0)
  },
  120_000 + STATE_COUNT * 50,
)
