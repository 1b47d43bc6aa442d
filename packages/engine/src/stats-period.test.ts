import { InvalidArgumentError } from '@varve/storage'
import { expect, test } from 'vitest'
import { StatsPeriods, type StatsOptions } from './stats-period.ts'
import type { CacheUseStats, StoreStats } from './store-stats.ts'
import { MemoryEnv } from './test-support/memory-env.ts'
import type { StallTally } from './write/stall-log.ts'

type Counted = Omit<StoreStats, 'periodMs'>

/** Figures of which every counter is `n` times something of its own, and everything else says when it was taken. */
function countedAt(n: number): Counted {
  let nextFactor = 1
  const counter = (): number => n * nextFactor++
  const job = (): StoreStats['jobs']['flush'] => ({
    count: counter(),
    runningCount: 7000 + n,
    failedCount: counter(),
    totalMs: counter(),
    elapsedMs: counter(),
    bytesRead: counter(),
    bytesWritten: counter(),
  })
  const use = (): CacheUseStats => {
    const [hitCount, missCount] = [counter(), counter()]
    return { hitCount, missCount, hitRate: hitCount / (hitCount + missCount) }
  }
  const tally = (): StallTally => ({ count: counter(), totalMs: counter() })
  const kinds = (): Record<'delay' | 'stop', StallTally> => ({ delay: tally(), stop: tally() })
  return {
    levels: [
      {
        level: 0,
        tableCount: 8000 + n,
        sizeBytes: 1,
        entryCount: 1,
        tombstoneCount: 0,
        rawSizeBytes: 1,
        codec: 'none',
      },
    ],
    writes: {
      operationCount: counter(),
      userSizeBytes: counter(),
      walSizeBytes: counter(),
      groupCount: counter(),
      syncCount: counter(),
      conflictCount: counter(),
    },
    writeAmplification: 1,
    spaceAmplification: 1 + n,
    readAmplification: 2 + n,
    io: { bytesRead: counter(), bytesWritten: counter() },
    stalls: {
      count: counter(),
      totalMs: counter(),
      current: 'level-zero-tables',
      currentKind: 'stop',
      causes: { 'frozen-memtables': kinds(), 'level-zero-tables': kinds(), 'pending-compaction': kinds() },
    },
    scans: { tombstoneCount: counter() },
    pendingCompactionSizeBytes: 9000 + n,
    memory: { totalSizeBytes: 9000 + n, kinds: {} as StoreStats['memory']['kinds'] },
    cache: {
      hitCount: counter(),
      missCount: counter(),
      index: use(),
      filter: use(),
      data: use(),
      loadedSizeBytes: counter(),
      sizeBytes: 9000 + n,
      sizeBytesMax: 10_000,
    },
    jobs: { flush: job(), compaction: job(), verify: job(), moveCount: counter() },
    sequence: 9000 + n,
    openIteratorCount: 9000 + n,
    openSnapshotCount: 9000 + n,
    oldestSnapshots: [],
    transactions: {
      runningCount: 7000 + n,
      committedCount: counter(),
      conflictCount: counter(),
      failedCount: counter(),
    },
    remoteStoreCount: 9000 + n,
  }
}

/** What is to come out: the counters of `n` times their factors, the rest as of `at`. */
function expectedOf(n: number, at: number, periodMs: number): object {
  const counters = JSON.stringify(countedAt(n))
  const gauges =
    /"(runningCount|tableCount|sizeBytes|totalSizeBytes|sequence|open\w+Count|remoteStoreCount|pending\w+|\w+Amplification)":\d+/g
  const now = [...JSON.stringify(countedAt(at)).matchAll(gauges)].map(([text]) => text)
  const figures = JSON.parse(counters.replace(gauges, () => now.shift() ?? '')) as Counted
  const { flush, compaction } = figures.jobs
  const writeAmplification = (flush.bytesWritten + compaction.bytesWritten) / figures.writes.userSizeBytes
  return { periodMs, ...figures, writeAmplification }
}

test('without since, counters are those since the open', async () => {
  const env = new MemoryEnv()
  const periods = new StatsPeriods(env.clock)
  await env.pass(1500)
  expect(periods.take(countedAt(3))).toEqual({ periodMs: 1500, ...countedAt(3) })
})

test('with since, every counter is a difference and nothing else is; periods follow each other', async () => {
  const env = new MemoryEnv()
  const periods = new StatsPeriods(env.clock)
  await env.pass(1000)
  const first = periods.take(countedAt(2))
  await env.pass(500)
  const second = periods.take(countedAt(7), { since: first })
  expect(second).toEqual(expectedOf(5, 7, 500))
  await env.pass(20)
  expect(periods.take(countedAt(8), { since: second }), 'since a period means since its end').toEqual(
    expectedOf(1, 8, 20),
  )
  expect(periods.take(countedAt(8), { since: first }), 'another caller').toEqual(expectedOf(6, 8, 520))
})

test('since must come from this store, and no other option is there', () => {
  const env = new MemoryEnv()
  const periods = new StatsPeriods(env.clock)
  const own = periods.take(countedAt(1))
  const other = new StatsPeriods(env.clock).take(countedAt(1))
  for (const since of [other, { ...own }, JSON.parse(JSON.stringify(own)), 5, 'x', {}, null]) {
    expect(() => periods.take(countedAt(2), { since } as StatsOptions)).toThrow(InvalidArgumentError)
  }
  expect(() => periods.take(countedAt(2), { sinse: own } as StatsOptions)).toThrow(/stats\(\) takes has no sinse/)
  expect(periods.take(countedAt(2), { since: undefined }).periodMs).toBe(0)
})
