/**
 * An Env on a `SimulatedDisk`, for one life of one process: everything that happens follows from its seed and from what
 * is called. `run` turns the loop until a promise settles.
 */
import type { Env, Random } from '@varve/storage'
import { SeededRandom } from '../harness/random.ts'
import { SimulatedDisk } from './disk.ts'
import { JobFiles } from './job-files.ts'
import { SimulatedFiles } from './simulated-files.ts'
import { SimulatedLoop } from './simulated-loop.ts'
import { SystemCalls } from './system-calls.ts'

/** Something is waited for, and nothing is left that could happen; or too much happens without an end. */
export class HangError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'HangError'
  }
}

const STEPS_MAX = 1_000_000
/** The real loop must turn too, now and then: the test runner lives there. */
const STEPS_PER_REAL_TURN = 4096

export class SimulatedEnv implements Env {
  readonly disk: SimulatedDisk
  readonly files: SimulatedFiles
  /** What is called on the files: counts, traces, faults. */
  readonly calls: SystemCalls
  readonly clock: SimulatedLoop
  readonly scheduler: SimulatedLoop
  readonly random: Random
  /** The same, as jobs may use it. */
  readonly forJobs: Env

  constructor(seed: number, disk: SimulatedDisk = new SimulatedDisk()) {
    // Streams of their own, so that a draw in one place does not change what is drawn in another.
    const seeds = new SeededRandom(seed)
    const loop = new SimulatedLoop(seeds.uint32())
    this.disk = disk
    this.calls = new SystemCalls(disk, loop, new SeededRandom(seeds.uint32()))
    this.files = new SimulatedFiles(this.calls)
    this.clock = loop
    this.scheduler = loop
    this.random = new SeededRandom(seeds.uint32())
    this.forJobs = {
      files: new JobFiles(this.files, this.calls.misuse),
      clock: loop,
      scheduler: loop,
      random: this.random,
    }
  }

  /**
   * Turns the loop until `work` has settled.
   * @throws HangError; MisuseError, even if the caller swallowed it; what `work` rejects with
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    work.then(settle, settle)
    const stepsEnd = this.clock.stepCount + STEPS_MAX
    for (;;) {
      await (this.clock.stepCount % STEPS_PER_REAL_TURN === 0 ? realTurn() : promisesSettle())
      this.calls.misuse.rethrow()
      if (isSettled) {
        return await work
      }
      if (!this.clock.step()) {
        throw new HangError('something is waited for, and nothing is left that could happen')
      }
      if (this.clock.stepCount > stepsEnd) {
        throw new HangError(`no end after ${STEPS_MAX} steps; begun: ${this.clock.describe()}`)
      }
    }
  }

  /** Turns the loop until nothing is left to happen but timers that are not due. */
  async idle(): Promise<void> {
    await promisesSettle()
    while (this.clock.isBusy) {
      this.clock.step()
      await promisesSettle()
    }
    this.calls.misuse.rethrow()
  }
}

/**
 * Resolves when all promises have gone on that wait for promises alone: a tick that is asked for in a microtask comes
 * when no microtask is left. A turn of the real loop would do as well, and takes longer than most steps.
 */
async function promisesSettle(): Promise<void> {
  await Promise.resolve()
  await new Promise<void>((resolve) => process.nextTick(resolve))
}

function realTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
