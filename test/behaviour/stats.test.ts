/** What stats() says, beside what was done: by jobs whose events say the same, and by files. */
import fs from 'node:fs'
import path from 'node:path'
import { open } from 'varve'
import type { CompactionEvent, FlushEvent, Store, StoreStats } from 'varve'
import { expect, test } from 'vitest'
import { fill } from '../harness/contents.ts'
import { componentsOf } from '../harness/executors.ts'
import { rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const OPTIONS = {
  memtableSizeBytes: 64 * KIB,
  tableSizeBytes: 32 * KIB,
  levelOneSizeBytes: 1024 * KIB,
  blockCacheSizeBytes: 0,
}

function tableFiles(directory: string): number[] {
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.sst'))
    .map((name) => fs.statSync(path.join(directory, name)).size)
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

interface Jobs {
  readonly flushes: FlushEvent[]
  readonly compactions: CompactionEvent[]
}

function watchJobs(store: Store): Jobs {
  const jobs: Jobs = { flushes: [], compactions: [] }
  store.on('flush', (event) => jobs.flushes.push(event))
  store.on('compaction', (event) => jobs.compactions.push(event))
  return jobs
}

function expectJobs(stats: StoreStats, { flushes, compactions }: Jobs): void {
  const merges = compactions.filter(({ isMove }) => !isMove)
  const written = (events: readonly { readonly bytesWritten: number }[]): number =>
    sum(events.map(({ bytesWritten }) => bytesWritten))
  expect(stats.jobs.flush).toMatchObject({ count: flushes.length, runningCount: 0, bytesWritten: written(flushes) })
  expect(stats.jobs.compaction).toMatchObject({ count: merges.length, runningCount: 0, bytesWritten: written(merges) })
  expect(stats.jobs.compaction.bytesRead).toBe(sum(merges.map(({ bytesRead }) => bytesRead)))
  expect(stats.jobs.compaction.totalMs).toBeCloseTo(sum(merges.map(({ durationMs }) => durationMs)))
  expect(stats.jobs.moveCount).toBe(compactions.length - merges.length)
  expect(stats.io.bytesWritten).toBe(stats.writes.walSizeBytes + written(flushes) + written(merges))
  expect(stats.writeAmplification).toBeCloseTo((written(flushes) + written(merges)) / stats.writes.userSizeBytes)
}

test('figures are those of events and files, since the open and since an earlier look', async () => {
  const directory = scratchStorePath('stats')
  const store = await open(directory, OPTIONS, componentsOf('inline'))
  const all = watchJobs(store)
  await fill(store, 2000, 100)
  await store.compactRange()
  await new Promise((resolve) => setImmediate(resolve))
  const first = store.stats()
  expectJobs(first, all)
  expect(first.writes.operationCount).toBe(2000)
  const held = [sum(first.levels.map((level) => level.tableCount)), sum(first.levels.map((level) => level.sizeBytes))]
  // Tables that nothing reads any more are deleted a little later.
  await expect.poll(() => [tableFiles(directory).length, sum(tableFiles(directory))], { timeout: 60_000 }).toEqual(held)
  expect(first).toMatchObject({ spaceAmplification: 1, readAmplification: 1, pendingCompactionSizeBytes: 0 })
  expect(first.jobs.flush.bytesRead, 'the logs').toBeGreaterThan(first.writes.userSizeBytes)

  const later = watchJobs(store)
  await fill(store, 500, 100, 'other')
  await store.flush()
  await new Promise((resolve) => setImmediate(resolve))
  const period = store.stats({ since: first })
  expectJobs(period, later)
  expect(period.writes.operationCount).toBe(500)
  expectJobs(store.stats(), all)
  expect(period.periodMs).toBeLessThan(store.stats().periodMs)
  await store.close()
})

test('verifications and what reads load count too', async () => {
  const store = await open(scratchStorePath('stats'), OPTIONS, componentsOf('inline'))
  await fill(store, 1000, 100)
  await store.compactRange()
  const before = store.stats()
  const tableCount = sum(before.levels.map((level) => level.tableCount))
  await store.verify()
  const verified = store.stats({ since: before })
  expect(verified.jobs.verify).toMatchObject({ count: tableCount, failedCount: 0, runningCount: 0, bytesWritten: 0 })
  expect(verified.io.bytesRead).toBe(sum(before.levels.map((level) => level.sizeBytes)))
  for await (const _entry of store.entries()) {
    continue
  }
  const { cache, io } = store.stats({ since: verified })
  expect(cache.loadedSizeBytes).toBeGreaterThan(100 * KIB)
  expect(io).toEqual({ bytesRead: cache.loadedSizeBytes, bytesWritten: 0 })
  await store.close()
})

test('figures of another store, or of an earlier open, are refused', async () => {
  const directory = scratchStorePath('stats')
  const earlier = await open(directory)
  const since = earlier.stats()
  await earlier.close()
  const store = await open(directory)
  const error = await rejection('VARVE_INVALID_ARGUMENT', async () => store.stats({ since }))
  expect(error.message).toContain('since')
  await store.close()
})
