/**
 * Figures of a store between two moments: counters as differences, and what follows from them; everything else is as of
 * the later moment. Pure: who asks for periods of one store does not change what others see.
 */
import { InvalidArgumentError, type Clock } from '@varve/storage'
import { checkNames } from './options.ts'
import { cacheUseOf, writeAmplificationOf, type CacheUseStats, type StoreStats } from './store-stats.ts'
import { STALL_CAUSES, type StallCause, type StallKind, type StallStats, type StallTally } from './write/stall-log.ts'

export interface StatsOptions {
  /** Count since this was returned by `stats`, whether with `since` or without. */
  readonly since?: StoreStats | undefined
}

const STATS_OPTION_NAMES: ReadonlySet<string> = new Set(['since'])

export class StatsPeriods {
  readonly #clock: Clock
  readonly #openedMs: number
  /** By what was returned: what was counted up to then. It goes when the caller lets go of it. */
  readonly #totals = new WeakMap<StoreStats, StoreStats>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#openedMs = clock.nowMs()
  }

  /** @throws InvalidArgumentError if `since` was not returned by this store */
  take(counted: Omit<StoreStats, 'periodMs'>, options: StatsOptions = {}): StoreStats {
    checkNames(options, STATS_OPTION_NAMES, 'what stats() takes')
    const total = { periodMs: this.#clock.nowMs() - this.#openedMs, ...counted }
    const { since } = options
    if (since === undefined) {
      this.#totals.set(total, total)
      return total
    }
    const before = this.#totals.get(since)
    if (before === undefined) {
      throw new InvalidArgumentError('since must be what stats() of this store has returned since it was opened')
    }
    const period = statsSince(before, total)
    this.#totals.set(period, total)
    return period
  }
}

/** Both count since the same open. */
function statsSince(earlier: StoreStats, later: StoreStats): StoreStats {
  const writes = differenceOf(later.writes, earlier.writes)
  const jobs = {
    flush: jobDifference(later.jobs.flush, earlier.jobs.flush),
    compaction: jobDifference(later.jobs.compaction, earlier.jobs.compaction),
    verify: jobDifference(later.jobs.verify, earlier.jobs.verify),
    moveCount: later.jobs.moveCount - earlier.jobs.moveCount,
  }
  return {
    ...later,
    periodMs: later.periodMs - earlier.periodMs,
    writes,
    writeAmplification: writeAmplificationOf(jobs, writes.userSizeBytes),
    io: differenceOf(later.io, earlier.io),
    stalls: stallDifference(later.stalls, earlier.stalls),
    scans: differenceOf(later.scans, earlier.scans),
    cache: cacheDifference(later.cache, earlier.cache),
    jobs,
    transactions: {
      ...differenceOf(later.transactions, earlier.transactions),
      runningCount: later.transactions.runningCount,
    },
  }
}

type JobFigures = StoreStats['jobs']['flush']

function jobDifference(later: JobFigures, earlier: JobFigures): JobFigures {
  return { ...differenceOf(later, earlier), runningCount: later.runningCount }
}

type CacheFigures = StoreStats['cache']

function cacheDifference(later: CacheFigures, earlier: CacheFigures): CacheFigures {
  const { sizeBytes, sizeBytesMax } = later
  return {
    ...differenceOf(later, earlier),
    index: useDifference(later.index, earlier.index),
    filter: useDifference(later.filter, earlier.filter),
    data: useDifference(later.data, earlier.data),
    sizeBytes,
    sizeBytesMax,
  }
}

function useDifference(later: CacheUseStats, earlier: CacheUseStats): CacheUseStats {
  return cacheUseOf(later.hitCount - earlier.hitCount, later.missCount - earlier.missCount)
}

function stallDifference(later: StallStats, earlier: StallStats): StallStats {
  const tallyOf = (cause: StallCause, kind: StallKind): StallTally =>
    differenceOf(later.causes[cause][kind], earlier.causes[cause][kind])
  const causes = Object.fromEntries(
    STALL_CAUSES.map((cause) => [cause, { delay: tallyOf(cause, 'delay'), stop: tallyOf(cause, 'stop') }]),
  ) as Record<StallCause, Record<StallKind, StallTally>>
  const { count, totalMs } = differenceOf<StallTally>(later, earlier)
  return { ...later, count, totalMs, causes }
}

/** Of each number; what else there is stays as it is later. */
function differenceOf<Figures extends object>(later: Figures, earlier: Figures): Figures {
  const entries = Object.entries(later).map(([name, value]: [string, unknown]) => {
    const before: unknown = earlier[name as keyof Figures]
    return [name, typeof value === 'number' && typeof before === 'number' ? value - before : value]
  })
  return Object.fromEntries(entries) as Figures
}
