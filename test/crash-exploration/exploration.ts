/**
 * Runs a history, crashes it at every call, and recovers and checks several of the states that each crash may leave; some
 * recoveries are crashed again, and some recovered stores written to and crashed again. All of it follows from the
 * history's seed, so that one state can be looked at alone.
 */
import { JobMemory } from '@varve/workers'
import { SeededRandom } from '../harness/random.ts'
import { diskAfter, type Crash } from '../simulation/disk.ts'
import { SimulatedEnv } from '../simulation/simulated-env.ts'
import { CrashRecorder, type CrashPoint } from './crash-point.ts'
import { drawAftermath, type History } from './history.ts'
import { KnownDisks } from './known-disks.ts'
import { NO_BOUNDS, StoreLife } from './store-life.ts'

/** A crash, a crash of the recovery from it, and so on. */
const DEPTH_MAX = 3

/** One crash state of a history: a place, and which of the states that a crash there may leave. */
export interface StateChoice {
  readonly pointIndex: number
  readonly crashIndex: number
}

export class StateFailure extends Error {
  readonly history: History
  readonly choice: StateChoice | undefined

  constructor(history: History, choice: StateChoice | undefined, story: readonly string[], cause: unknown) {
    super([cause instanceof Error ? cause.message : String(cause), ...story].join('\n  '), { cause })
    this.name = 'StateFailure'
    this.history = history
    this.choice = choice
  }
}

export class Exploration {
  readonly #history: History
  readonly #memory: JobMemory
  readonly #knownDisks = new KnownDisks()
  /** How many crash states were checked. */
  stateCount = 0
  /** How many of them were recovered; the others left a disk that was known. */
  recoveredCount = 0
  pointCount = 0

  constructor(history: History, memory: JobMemory = new JobMemory()) {
    this.#history = history
    this.#memory = memory
  }

  /** @throws StateFailure */
  async run(only?: StateChoice): Promise<void> {
    const points = await this.#runHistory()
    this.pointCount = points.length
    for (const [pointIndex, point] of points.entries()) {
      for (const crashIndex of [0, 1, 2, 3]) {
        if (only === undefined || (only.pointIndex === pointIndex && only.crashIndex === crashIndex)) {
          await this.#explore({ pointIndex, crashIndex }, point)
        }
      }
    }
  }

  async #runHistory(): Promise<CrashPoint[]> {
    const history = this.#history
    const life = new StoreLife(new SimulatedEnv(history.seed), history, 'first', this.#memory)
    const recorder = new CrashRecorder(life)
    try {
      await life.env.run(life.recover(NO_BOUNDS, 'power-loss'))
      await life.env.run(life.run(history.steps))
      await life.env.run(history.endsClosed ? life.close() : life.settleTries())
      await life.audit()
    } catch (error) {
      throw new StateFailure(history, undefined, ['in the history itself'], error)
    }
    return [...recorder.points, recorder.now()]
  }

  async #explore(choice: StateChoice, point: CrashPoint): Promise<void> {
    const random = new SeededRandom(this.#history.seed + 2 ** 32 * (choice.pointIndex * 4 + choice.crashIndex + 1))
    const story: string[] = []
    try {
      await this.#recover(point, crashOf(choice, random), random, 1, story)
    } catch (error) {
      throw new StateFailure(this.#history, choice, story, error)
    }
  }

  async #recover(point: CrashPoint, crash: Crash, random: SeededRandom, depth: number, story: string[]): Promise<void> {
    story.push(`crash ${crashText(crash)} before ${point.place}`)
    const disk = diskAfter(point.snapshot, crash)
    // Of a checkpoint more must be known than how much is in the store; and who is in a deeper life has a story.
    const mayBeKnown = depth === 1 && crash !== 'process-death' && point.bounds.copies.length === 0
    const fingerprint = mayBeKnown ? this.#knownDisks.fingerprint(disk) : undefined
    this.stateCount++
    if (fingerprint !== undefined && this.#knownDisks.check(fingerprint, point.bounds)) {
      return
    }
    const env = new SimulatedEnv(random.uint32(), disk)
    const life = new StoreLife(env, this.#history, `life-${depth}-${random.below(1000)}`, this.#memory)
    const recorder = new CrashRecorder(life, random)
    const count = await env.run(life.recover(point.bounds, crash === 'process-death' ? crash : 'power-loss'))
    this.recoveredCount++
    if (fingerprint !== undefined) {
      this.#knownDisks.add(fingerprint, point.bounds, count)
    }
    const next = random.weighted({ nothing: 5, aftermath: 3, audit: 1, close: 1 })
    if (next === 'aftermath') {
      await env.run(life.run(drawAftermath(random, this.#history)))
    } else if (next === 'close') {
      await env.run(life.close())
    }
    if (next === 'audit' || next === 'close') {
      await life.audit()
    }
    if (depth === DEPTH_MAX) {
      return
    }
    const { length } = story
    if (recorder.opening !== undefined && random.chance(0.25)) {
      await this.#recover(recorder.opening, drawCrash(random), random, depth + 1, story)
      story.length = length
    }
    if (next === 'aftermath' || next === 'close') {
      const again = recorder.running !== undefined && random.chance(0.5) ? recorder.running : recorder.now()
      await this.#recover(again, drawCrash(random), random, depth + 1, story)
      story.length = length
    }
  }
}

/** The death of the process, two subsets of what was not synced, and one of the plainer losses in turn. */
function crashOf({ pointIndex, crashIndex }: StateChoice, random: SeededRandom): Crash {
  const seed = random.uint32()
  switch (crashIndex) {
    case 0:
      return 'process-death'
    case 1:
      return { kept: (['nothing', 'ordered', 'everything', 'ordered'] as const)[pointIndex % 4] ?? 'nothing', seed }
    default:
      return { kept: 'subset', seed }
  }
}

function drawCrash(random: SeededRandom): Crash {
  const kept = random.weighted({ nothing: 2, subset: 4, ordered: 1, everything: 1, death: 2 })
  return kept === 'death' ? 'process-death' : { kept, seed: random.uint32() }
}

function crashText(crash: Crash): string {
  return crash === 'process-death' ? 'by the death of the process' : `by a loss of power that keeps ${crash.kept}`
}
