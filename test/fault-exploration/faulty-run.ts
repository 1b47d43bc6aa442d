/**
 * One history with one fault: performs it, lets the fault go, and checks R13. Then the store must work again, or say that
 * it can only be read and work after it is opened again; and what crashes at some moments leave must be right.
 */
import { IoError } from '@varve/storage'
import { SeededRandom } from '../harness/random.ts'
import type { Call, CallKind } from '../simulation/call.ts'
import { diskAfter, type Crash } from '../simulation/disk.ts'
import type { DiskSnapshot } from '../simulation/disk-snapshot.ts'
import { HangError, SimulatedEnv } from '../simulation/simulated-env.ts'
import { checkAfterCrash, type Moment } from './commit-order.ts'
import { ledgerFaults } from './disk-ledger.ts'
import { expectThat } from './expectation.ts'
import { FAULT_KINDS, plantFault, type FaultKind } from './fault-kind.ts'
import { drawHistory, keyAt, shortHistory, type Change, type History } from './history.ts'
import { DIRECTORY, HistoryRun, causes, contentsOf, openOn } from './history-run.ts'

const SHORT_DISTANCES = [0, 0, 1, 2, 4, 8] as const
const LONG_DISTANCES = [12, 20, 30, 50, 80] as const
/** Longer than all back-offs together while a fault lasts. */
const HEALING_TRY_COUNT = 100
const HEALING_PAUSE_MS = 500
/** Longer than the longest back-off. */
const REST_MS = 15_000
/** How many calls lie between failures of what is done at once. */
const AT_ONCE_CALL_COUNT = 12

const CHANGING: readonly CallKind[] = [
  'create',
  'write',
  'dataSync',
  'truncate',
  'rename',
  'remove',
  'makeDirectory',
  'syncDirectory',
]

interface CrashPoint {
  readonly what: string
  readonly snapshot: DiskSnapshot
  readonly moment: Moment
}

/** A history, and what calls it makes when nothing fails. */
export interface Exploration {
  readonly seed: number
  readonly history: History
  readonly trace: readonly Call[]
}

export async function explore(seed: number): Promise<Exploration> {
  const history = seed === 0 ? shortHistory() : drawHistory(seed)
  const run = new FaultyRun(seed, history)
  await run.perform()
  return { seed, history, trace: run.env.calls.trace.slice(0, run.historyCallCount) }
}

export async function runWithFault({ seed, history, trace }: Exploration, k: number, kind: FaultKind): Promise<void> {
  const run = new FaultyRun(seed, history)
  run.plant(kind, k, trace)
  await run.perform()
}

class FaultyRun {
  readonly env: SimulatedEnv
  /** Calls of the history, without what comes after it. */
  historyCallCount = 0
  readonly #seed: number
  readonly #history: History
  readonly #run: HistoryRun
  #random: SeededRandom
  readonly #crashPoints: CrashPoint[] = []
  #kind: FaultKind | undefined
  /** Calls after which a crash is tried, ascending. */
  #crashIndexes: number[] = []

  constructor(seed: number, history: History) {
    this.#seed = seed
    this.#history = history
    this.#random = new SeededRandom(seed)
    this.env = new SimulatedEnv(seed)
    this.env.calls.shortTransferChance = history.shortTransferChance
    this.#run = new HistoryRun(this.env, history)
  }

  plant(kind: FaultKind, k: number, trace: readonly Call[]): void {
    const { env } = this
    this.#kind = kind
    this.#random = new SeededRandom((this.#seed * 10_007 + k) * FAULT_KINDS.length + FAULT_KINDS.indexOf(kind))
    this.#run.isSpaceLimited = kind === 'budget'
    const tell = plantFault(env, kind, k, trace, this.#random)
    this.#crashIndexes = [k + this.#random.pick(SHORT_DISTANCES), k + this.#random.pick(LONG_DISTANCES)]
    env.calls.onCall = (moment, call) => {
      tell(moment, call)
      if (call.index >= (this.#crashIndexes[0] ?? Infinity) && moment === 'after') {
        this.#crashIndexes.shift()
        this.#mayCrash(`at call ${call.index}`)
      }
    }
  }

  async perform(): Promise<void> {
    const rejections: unknown[] = []
    const onRejection = (error: unknown): void => void rejections.push(error)
    process.on('unhandledRejection', onRejection)
    try {
      await this.#performAll()
      await new Promise((resolve) => setImmediate(resolve))
    } catch (error) {
      throw error instanceof HangError ? new HangError(`${error.message}\n${this.#lastCalls()}`) : error
    } finally {
      process.off('unhandledRejection', onRejection)
    }
    if (rejections.length > 0) {
      throw new Error('a promise was rejected, and nobody was there to hear it', { cause: rejections[0] })
    }
  }

  async #performAll(): Promise<void> {
    const { env } = this
    const run = this.#run
    await env.run(run.perform())
    this.#mayCrash('at the end of the history')
    this.historyCallCount = env.calls.trace.length
    env.calls.onCall = undefined
    env.calls.faults.liftAll()
    env.disk.capacityBytes = Infinity
    const isHealthy = await env.run(this.#heal())
    await env.run(this.#rest())
    if (isHealthy) {
      await this.#checkLedger('at rest')
    }
    await env.run(run.closeStore())
    this.#mayCrash('after closing')
    await this.#reopen()
    this.#checkTold()
    for (const point of this.#crashPoints) {
      await this.#checkCrash(point)
    }
  }

  /** No fault any more: writes must be taken again. Returns whether they are, without opening the store anew. */
  async #heal(): Promise<boolean> {
    const run = this.#run
    await run.settle()
    // Before anything is written again: what is there must become durable by itself.
    for (let tryCount = 0; tryCount < HEALING_TRY_COUNT && !(await run.sync()); tryCount++) {
      await run.pause(HEALING_PAUSE_MS)
      expectThat(
        tryCount < HEALING_TRY_COUNT - 1 || this.#mayStayReadOnly(),
        'the fault has gone, and no sync succeeds',
      )
    }
    for (let tryCount = 0; !(await run.write([probe(tryCount)], true)); tryCount++) {
      run.check()
      if (tryCount === HEALING_TRY_COUNT) {
        expectThat(this.#mayStayReadOnly(), 'the fault has gone, and the store takes no writes')
        await run.observe()
        return false
      }
      await run.pause(HEALING_PAUSE_MS)
    }
    this.#mayCrash('after healing')
    expectThat(run.readOnlyCount === 0 || run.recoveryCount > 0 || this.#mayStayReadOnly(), 'no recovery was told of')
    await run.store.flush()
    run.order.healed()
    await run.observe()
    return true
  }

  /** Only a manifest that could not be written, and then not replaced either. */
  #mayStayReadOnly(): boolean {
    const { failed } = this.env.calls.faults
    const touching = failed.filter(({ path, kind }) => /MANIFEST|CURRENT/.test(path) || kind === 'syncDirectory')
    return touching.length > 1 || this.#run.isSpaceLimited
  }

  async #rest(): Promise<void> {
    const run = this.#run
    await run.closeViews()
    await run.pause(REST_MS)
    await run.observe()
  }

  /** Files that could not be deleted, or whose descriptors could not be closed, are the next open's. */
  async #checkLedger(when: string): Promise<void> {
    const left = this.env.calls.faults.failed.some(({ kind }) => kind === 'remove' || kind === 'close')
    if (!left) {
      const faults = await this.env.run(ledgerFaults(this.env, DIRECTORY))
      expectThat(faults.length === 0, `${when}: ${faults.join('; ')}`)
    }
  }

  /** By a new process, without faults. */
  async #reopen(): Promise<void> {
    const env = new SimulatedEnv(this.#seed + 1, this.env.disk)
    const next = this.#run.continuedOn(env)
    await env.run(next.openStore())
    await env.run(next.pause(REST_MS))
    await env.idle()
    await env.run(next.observe())
    await env.run(next.verify())
    await env.run(next.closeStore())
    await env.idle()
    const faults = await env.run(ledgerFaults(env, DIRECTORY))
    expectThat(faults.length === 0, `after the next open and close: ${faults.join('; ')}`)
  }

  /**
   * Each failure is an event, or what a caller was answered with; of reads, closes or jobs that fail together, one is, and
   * so of the files and directories that are made durable at once, before a manifest comes into force.
   */
  #checkTold(): void {
    const told = this.#run.told.flatMap(causes).filter((error) => error instanceof IoError)
    const { failed } = this.env.calls.faults
    for (const { index, kind, path } of failed) {
      const isOne = path.endsWith('.sst') || !CHANGING.includes(kind)
      const atOnce = failed.filter((other) => Math.abs(other.index - index) <= AT_ONCE_CALL_COUNT)
      const isTold = isOne ? told.length > 0 : told.some((error) => atOnce.some((other) => other.path === error.path))
      expectThat(isTold, `${kind} of ${path} failed (call ${index}), and nobody was told`)
    }
  }

  #mayCrash(what: string): void {
    if (this.#kind !== undefined) {
      this.#crashPoints.push({ what, snapshot: this.env.disk.snapshot(), moment: this.#run.order.moment() })
    }
  }

  async #checkCrash({ what, snapshot, moment }: CrashPoint): Promise<void> {
    const seed = this.#random.uint32()
    const kept = this.#random.weighted({ process: 3, nothing: 3, subset: 3, ordered: 1 })
    const crash: Crash = kept === 'process' ? 'process-death' : { kept, seed }
    const env = new SimulatedEnv(seed, diskAfter(snapshot, crash))
    try {
      const found = await env.run(this.#contentsOn(env))
      checkAfterCrash(found, moment, kept !== 'process')
    } catch (error) {
      const how = kept === 'process' ? 'a death of the process' : `a loss of power that keeps ${kept}`
      throw new Error(`${how} ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }

  async #contentsOn(env: SimulatedEnv): Promise<Map<string, string>> {
    return await contentsOf(await openOn(env, this.#history))
  }

  #lastCalls(): string {
    return `calls that failed: ${this.env.calls.faults.failed
      .map(({ index, kind, path }) => `${index} ${kind} ${path}`)
      .slice(0, 10)
      .join(', ')}`
  }
}

function probe(tryCount: number): Change {
  return { type: 'put', key: keyAt(0), value: `probe ${tryCount};` }
}
