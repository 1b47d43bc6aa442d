/**
 * R13: any fault at any call of the file system leaves the store usable, read-only or cleanly failed, and R1 to R11 hold.
 * `faulty-run.ts` says what is checked. In one short history every call fails, once and until the fault is lifted; in
 * others, from a seed that nobody has tried too, each call with a kind of fault that is drawn.
 */
import { test } from 'vitest'
import { SeededRandom } from '../harness/random.ts'
import { environmentCount, seedsOfRun } from '../harness/seeds.ts'
import { FAULT_KINDS, isApt, type FaultKind } from './fault-kind.ts'
import { explore, runWithFault, type Exploration } from './faulty-run.ts'

const PATH = 'test/fault-exploration/fault-exploration.test.ts'
const RUN_COUNT = environmentCount('VARVE_FAULT_RUNS', 60)
/** `VARVE_FAULT=12/34/eio`: the run of the history with the seed 12 in which the 34th call fails with EIO, and no other. */
const ONLY = process.env['VARVE_FAULT']
const WHOLE_SEED = 0
const WHOLE_KINDS: readonly FaultKind[] = ['eio', 'enospc', 'eioLasting', 'enospcLasting']
const HISTORY_COUNT_MIN = 10
const TIMEOUT_MS = 300_000
const TIMEOUT_MS_PER_RUN = 500

function aptKinds({ trace }: Exploration, k: number): FaultKind[] {
  const call = trace[k - 1]
  if (call === undefined) {
    throw new Error(`the history makes ${trace.length} calls, and no call ${k}`)
  }
  return FAULT_KINDS.filter((kind) => isApt(kind, call))
}

async function runNamed(exploration: Exploration, k: number, kind: FaultKind): Promise<void> {
  try {
    await runWithFault(exploration, k, kind)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const command = `VARVE_FAULT=${exploration.seed}/${k}/${kind} npx vitest run ${PATH}`
    throw new Error(
      `${message}\n\nthe fault ${kind} at call ${k} of the history ${exploration.seed}; replay: ${command}`,
      {
        cause: error,
      },
    )
  }
}

async function runGiven(name: string): Promise<void> {
  const [seed, k, kindName] = name.split('/')
  const kind = FAULT_KINDS.find((each) => each === kindName)
  if (kind === undefined) {
    throw new Error(`VARVE_FAULT is ${name}, and not a seed/call/kind with a kind of ${FAULT_KINDS.join(', ')}`)
  }
  await runNamed(await explore(Number(seed)), Number(k), kind)
}

/** Every call of history after history, with one kind of fault each, until so many runs are done. */
async function runMany(firstSeed: number, runCount: number): Promise<void> {
  const random = new SeededRandom(firstSeed)
  let left = runCount
  for (let seed = firstSeed; left > 0; seed++) {
    const exploration = await explore(seed)
    // Not only the first histories, and not only their first calls, if there are few runs.
    const stride = Math.max(1, Math.ceil((exploration.trace.length * HISTORY_COUNT_MIN) / runCount))
    for (let k = 1 + random.below(stride); k <= exploration.trace.length && left > 0; k += stride) {
      await runNamed(exploration, k, random.pick(aptKinds(exploration, k)))
      left--
    }
  }
}

if (ONLY !== undefined) {
  test(`the fault ${ONLY}`, { timeout: TIMEOUT_MS }, () => runGiven(ONLY))
} else {
  test('R13: EIO and ENOSPC at every call of a history, once and until lifted', { timeout: TIMEOUT_MS }, async () => {
    const exploration = await explore(WHOLE_SEED)
    for (let k = 1; k <= exploration.trace.length; k++) {
      for (const kind of aptKinds(exploration, k).filter((each) => WHOLE_KINDS.includes(each))) {
        await runNamed(exploration, k, kind)
      }
    }
  })

  test.each(seedsOfRun(1000))(
    'R13: a fault at any call of any history, from seed %i',
    { timeout: TIMEOUT_MS + RUN_COUNT * TIMEOUT_MS_PER_RUN },
    (seed) => runMany(seed, RUN_COUNT),
  )
}
