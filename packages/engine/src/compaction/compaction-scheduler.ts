/**
 * Runs the compactions that the picker chooses, as many at once as the executor allows, and those that a user asks for.
 * Each ends in one edit: inputs out, outputs in. A failed one changes nothing and is chosen again after a back-off.
 */
import {
  AssertionError,
  toVarveError,
  type AddedTable,
  type DeletedTable,
  type Env,
  type VarveError,
} from '@varve/storage'
import type { JobOutput } from '@varve/workers'
import { isFree, tablesOf, type CompactionChoice } from './compaction-choice.ts'
import { partsOf } from './compaction-parts.ts'
import { bottomOf, pickCompaction, pickRange, pickTable, type PickerOptions } from './compaction-picker.ts'
import { pickReclaim } from './reclaim-picker.ts'
import { SlowTables } from './slow-tables.ts'
import type { TableHandle } from '../version/table-handle.ts'
import type { VersionSet } from '../version/version-set.ts'
import type { KeyRange, Version } from '../version/version.ts'
import { Backoff } from '../jobs/backoff.ts'
import { TRIES_MAX, isTransient, type JobRunner } from '../jobs/job-runner.ts'

export interface CompactionEvent {
  readonly level: number
  readonly outputLevel: number
  readonly inputTableCount: number
  readonly outputTableCount: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly entriesDropped: number
  readonly durationMs: number
  /** A table changed its level by an edit alone. */
  readonly isMove: boolean
}

/**
 * While memtables wait for their flush, only what is twice due is compacted: a burst of writes has the cores to itself,
 * and level 0 stays bounded.
 */
const SCORE_MIN_WHILE_FLUSHING = 2

/** Moves that wait for their edits: those behind them are chosen when they are done, by what is then. */
const MOVE_COUNT_MAX = 4

/** Nothing was flushed for so long, and nothing is due: time to get space back. */
const IDLE_DELAY_MS = 500
/** What waits for readers to end is looked at again after this. */
const BLOCKED_DELAY_MS = 5000

export interface CompactionSchedulerHooks {
  isFlushing(): boolean
  onInstalled(): void
  onCompaction(event: CompactionEvent): void
  onRetry(error: VarveError): void
  onGiveUp(error: VarveError): void
}

export class CompactionScheduler {
  readonly #env: Env
  readonly #versions: VersionSet
  readonly #runner: JobRunner
  readonly #options: PickerOptions
  readonly #hooks: CompactionSchedulerHooks
  readonly #backoff: Backoff
  readonly #running = new Map<CompactionChoice, Promise<void>>()
  readonly #slow = new SlowTables()
  /** Jobs that run or wait for a thread: a large compaction is split into several. */
  #placeCount = 0
  #moveCount = 0
  /** Ranges that a user asked for wait for a place; no other compaction starts before them. */
  #manualCount = 0
  /** Of each table the compactions that failed, not by the system; it is in none that succeeded, or it were gone. */
  readonly #failureCounts = new WeakMap<TableHandle, number>()
  #isPaused = false
  /** The newest run of level 0 that was seen: a newer one was flushed since. */
  #newestRun = -1
  /** Nothing was flushed for a while: space is got back until something is. */
  #isIdle = false
  #cancelIdleTimer: () => void = () => undefined
  /** Why nothing is compacted any more, or `undefined`. */
  #refusal: VarveError | undefined

  constructor(
    env: Env,
    versions: VersionSet,
    runner: JobRunner,
    options: PickerOptions,
    hooks: CompactionSchedulerHooks,
  ) {
    this.#env = env
    this.#versions = versions
    this.#runner = runner
    this.#options = options
    this.#hooks = hooks
    this.#backoff = new Backoff(env.scheduler)
  }

  get runningCount(): number {
    return this.#running.size
  }

  /** Whether a compaction runs, or waits to be tried again. */
  get isBusy(): boolean {
    return this.#running.size > 0 || this.#isPaused
  }

  get moveCount(): number {
    return this.#moveCount
  }

  /** Starts what is due. Called whenever a Version was installed. */
  schedule(): void {
    this.#noteFlush()
    while (
      this.#refusal === undefined &&
      !this.#isPaused &&
      this.#manualCount === 0 &&
      this.#placeCount < this.#runner.compactionCountMax &&
      this.#running.size < this.#runner.compactionCountMax + MOVE_COUNT_MAX
    ) {
      const choice = this.#pick()
      if (choice === undefined) {
        break
      }
      void this.#start(choice)
    }
    this.#watchIdleness()
  }

  #pick(): CompactionChoice | undefined {
    const { current } = this.#versions
    const isFlushing = this.#hooks.isFlushing()
    const choice = pickCompaction(current, this.#choices, this.#options, isFlushing ? SCORE_MIN_WHILE_FLUSHING : 1)
    if (choice !== undefined || isFlushing) {
      return choice
    }
    const { oldestLiveSequence } = this.#runner
    return (
      this.#slow.pick(current, this.#choices, this.#options, oldestLiveSequence) ??
      (this.#isIdle ? pickReclaim(current, this.#choices, this.#options, oldestLiveSequence) : undefined)
    )
  }

  /** A scan passed over thousands of tombstones up to `key`, and hardly anything else. */
  tombstonesPassed(key: Uint8Array): void {
    if (this.#slow.add(this.#versions.current, key, this.#runner.oldestLiveSequence)) {
      this.schedule()
    }
  }

  #noteFlush(): void {
    const newestRun = this.#versions.current.tablesOf(0)[0]?.run ?? -1
    if (newestRun > this.#newestRun) {
      this.#newestRun = newestRun
      this.#isIdle = false
    }
  }

  /** Sets a timer where space could be got back and nothing is under way; it does not hold the process. */
  #watchIdleness(): void {
    this.#cancelIdleTimer()
    this.#cancelIdleTimer = () => undefined
    const isBusy = this.#running.size > 0 || this.#isPaused || this.#manualCount > 0 || this.#hooks.isFlushing()
    if (this.#refusal !== undefined || isBusy) {
      return
    }
    if (pickReclaim(this.#versions.current, [], this.#options, Infinity) !== undefined) {
      const delayMs = this.#isIdle ? BLOCKED_DELAY_MS : IDLE_DELAY_MS
      this.#cancelIdleTimer = this.#env.scheduler.afterIdle(delayMs, () => {
        this.#isIdle = true
        this.schedule()
      })
    }
  }

  /**
   * Brings all that the range holds down to the deepest level that holds any of it. Tables that were there before are
   * written anew unless all of their entries have sequence 0: then they hold one put a key. Others may hold tombstones and
   * versions that were kept for snapshots which are gone, and no level below takes them.
   */
  async compactRange(range: KeyRange): Promise<void> {
    this.#manualCount++
    try {
      const bottom = bottomOf(this.#versions.current, this.#choices, this.#options, range)
      const before = this.#versions.current.overlapping(bottom, range)
      for (let level = 0; level < bottom; level++) {
        await this.#startWhenFree((version) => pickRange(version, this.#choices, this.#options, level, range))
      }
      for (const table of before.filter(({ metadata }) => metadata.largestSequence > 0)) {
        await this.#startWhenFree((version) => pickTable(version, bottom, table))
      }
    } catch (error) {
      // What was under way then failed because of that.
      throw this.#refusal ?? error
    } finally {
      this.#manualCount--
      this.schedule()
    }
  }

  /** Starts nothing more: a user who asks for it, or waits for it, is told the reason. */
  stop(reason: VarveError): void {
    this.#refusal ??= reason
    this.#cancelIdleTimer()
    this.#backoff.stop()
  }

  /** Resolves when nothing runs, once stopped. The executor cancels what does. */
  async whenIdle(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  /** Resolves when what `pick` chooses is done; at once if that is nothing. */
  async #startWhenFree(pick: (version: Version) => CompactionChoice | undefined): Promise<void> {
    for (;;) {
      if (this.#refusal !== undefined) {
        throw this.#refusal
      }
      const choice = pick(this.#versions.current)
      if (choice === undefined) {
        return
      }
      if (this.#placeCount < this.#runner.compactionCountMax && isFree(choice, this.#choices)) {
        // Written anew even where an edit would do: who asks wants what is dead to go.
        await this.#start({ ...choice, isMove: false })
        return
      }
      await Promise.race(this.#running.values())
    }
  }

  /** Never rejects where nobody listens: a failure is told to the hooks, and thrown only to who asked for the range. */
  #start(choice: CompactionChoice): Promise<void> {
    const tables = tablesOf(choice)
    for (const table of tables) {
      table.isCompacting = true
    }
    const done = this.#perform(choice).finally(() => {
      for (const table of tables) {
        table.isCompacting = false
      }
      this.#running.delete(choice)
    })
    this.#running.set(
      choice,
      done.then(
        () => this.#succeeded(),
        (error: unknown) => this.#failed(error, tables),
      ),
    )
    done.catch(() => undefined)
    return done
  }

  async #perform(choice: CompactionChoice): Promise<void> {
    const inputs = tablesOf(choice)
    if (choice.isMove) {
      const added = inputs.map((table) => ({ level: choice.outputLevel, run: table.run, table: table.metadata }))
      await this.#install(choice, added, undefined)
      this.#moveCount++
      this.#hooks.onCompaction(eventOf(choice, undefined))
      return
    }
    const entryCount = inputs.reduce((sum, table) => sum + table.metadata.entryCount, 0)
    // For all places, also those that are taken now: a part that waits for one begins before a whole would have ended.
    const parts = partsOf(choice, this.#runner.compactionCountMax, this.#options.tableSizeBytes)
    this.#placeCount += parts.length
    const output = await this.#runner.runParts(parts, entryCount).finally(() => {
      this.#placeCount -= parts.length
    })
    await this.#install(
      choice,
      output.tables.map((table) => ({ level: choice.outputLevel, run: choice.outputRun, table })),
      output,
    )
    this.#hooks.onCompaction(eventOf(choice, output))
  }

  async #install(choice: CompactionChoice, added: AddedTable[], output: JobOutput | undefined): Promise<void> {
    const deleted: DeletedTable[] = choice.runs.flatMap(({ level, tables }) =>
      tables.map((table) => ({ level, number: table.metadata.number })),
    )
    await this.#versions.apply({ deleted, added }, () => {
      if (output !== undefined) {
        this.#runner.installed(output)
      }
      this.#hooks.onInstalled()
    })
  }

  get #choices(): CompactionChoice[] {
    return [...this.#running.keys()]
  }

  #succeeded(): void {
    this.#backoff.reset()
    this.schedule()
  }

  async #failed(thrown: unknown, tables: readonly TableHandle[]): Promise<void> {
    const error = toVarveError(thrown)
    if (this.#refusal !== undefined) {
      return
    }
    const isHopeless = !isTransient(error) && this.#countFailure(tables) >= TRIES_MAX
    if (thrown instanceof AssertionError || isHopeless) {
      this.#hooks.onGiveUp(error)
      return
    }
    this.#hooks.onRetry(error)
    this.#isPaused = true
    await this.#backoff.wait()
    this.#isPaused = false
    this.schedule()
  }

  /** How often the table that failed most often has failed. Others succeed meanwhile, and say nothing of this one. */
  #countFailure(tables: readonly TableHandle[]): number {
    let most = 0
    for (const table of tables) {
      const count = (this.#failureCounts.get(table) ?? 0) + 1
      this.#failureCounts.set(table, count)
      most = Math.max(most, count)
    }
    return most
  }
}

function eventOf(choice: CompactionChoice, output: JobOutput | undefined): CompactionEvent {
  return {
    level: choice.level,
    outputLevel: choice.outputLevel,
    inputTableCount: tablesOf(choice).length,
    outputTableCount: output?.tables.length ?? tablesOf(choice).length,
    bytesRead: output?.bytesRead ?? 0,
    bytesWritten: output?.bytesWritten ?? 0,
    entriesDropped: output?.entriesDropped ?? 0,
    durationMs: output?.durationMs ?? 0,
    isMove: output === undefined,
  }
}
