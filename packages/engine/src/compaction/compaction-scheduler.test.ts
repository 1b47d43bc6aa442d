import { CorruptionError, type VarveError } from '@varve/storage'
import { expect, test } from 'vitest'
import type { JobPart, JobRunner } from '../jobs/job-runner.ts'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { versionOf } from '../test-support/tables.ts'
import type { VersionSet } from '../version/version-set.ts'
import { CompactionScheduler } from './compaction-scheduler.ts'

const DAMAGED_NUMBER = 2

test('a table that cannot be compacted is given up after three tries, though others succeed between them', async () => {
  const env = new MemoryEnv()
  const version = versionOf({
    5: [
      { number: 1, smallest: 'a' },
      { number: 3, smallest: 'z' },
    ],
    6: [
      { number: DAMAGED_NUMBER, smallest: 'a', sizeBytes: 100_000, sequences: [0, 0] },
      { number: 4, smallest: 'z', sizeBytes: 100_000, sequences: [0, 0] },
    ],
  })
  const versions = { current: version, apply: () => Promise.resolve() } as unknown as VersionSet
  const runner = {
    compactionCountMax: 1,
    runParts: ([{ specification: job }]: [JobPart]) =>
      job.type === 'compaction' && job.runs.flat().some(({ number }) => number === DAMAGED_NUMBER)
        ? Promise.reject(new CorruptionError('000002.sst', 0, 'a test says so'))
        : Promise.resolve({ ok: true, tables: [] }),
  } as unknown as JobRunner
  const told: string[] = []
  const options = {
    levelZeroTableCountTrigger: 4,
    levelOneSizeBytes: 1000,
    levelSizeRatio: 10,
    compression: ['none'] as const,
    tableSizeBytes: 1 << 20,
    levelZeroTableCountMax: 24,
    compactionStrategy: 'leveled',
  } as const
  const scheduler = new CompactionScheduler(env, versions, runner, options, {
    isFlushing: () => false,
    onInstalled: () => undefined,
    onCompaction: () => told.push('done'),
    onRetry: () => told.push('failed'),
    onGiveUp: (error) => {
      told.push('given up')
      scheduler.stop(error)
    },
  })
  const rangeOf = (key: string): { lower: Buffer; upper: Buffer } => ({
    lower: Buffer.from(key),
    upper: Buffer.from(`${key}~`),
  })
  for (let round = 0; round < 3; round++) {
    await expect(scheduler.compactRange(rangeOf('a'))).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' })
    await env.pass(10_000)
    await scheduler.compactRange(rangeOf('z')).catch((error: VarveError) => told.push(error.code))
  }
  expect(told).toEqual(['failed', 'done', 'failed', 'done', 'given up', 'VARVE_CORRUPTION'])
  await scheduler.whenIdle()
})

test('a large compaction is split for all places, also those that others have at the time', async () => {
  const version = versionOf({
    5: [
      { number: 1, smallest: 'a' },
      { number: 2, smallest: 'x', largest: 'y', sizeBytes: 3000 },
      { number: 3, smallest: 'z', sizeBytes: 3000 },
    ],
    6: [
      { number: 4, smallest: 'a', sizeBytes: 100_000, sequences: [0, 0] },
      { number: 5, smallest: 'x', largest: 'z', sizeBytes: 100_000, sequences: [0, 0] },
    ],
  })
  const partCounts: number[] = []
  const ends: (() => void)[] = []
  const runner = {
    compactionCountMax: 2,
    oldestLiveSequence: 1,
    runParts: async (parts: readonly JobPart[]) => {
      partCounts.push(parts.length)
      await new Promise<void>((resolve) => ends.push(resolve))
      return { ok: true, tables: [] }
    },
    installed: () => undefined,
  } as unknown as JobRunner
  const versions = { current: version, apply: () => Promise.resolve() } as unknown as VersionSet
  const options = {
    levelZeroTableCountTrigger: 4,
    levelOneSizeBytes: 1 << 20,
    levelSizeRatio: 10,
    compression: ['none'] as const,
    tableSizeBytes: 1000,
    levelZeroTableCountMax: 24,
    compactionStrategy: 'leveled',
  } as const
  const scheduler = new CompactionScheduler(new MemoryEnv(), versions, runner, options, {
    isFlushing: () => false,
    onInstalled: () => undefined,
    onCompaction: () => undefined,
    onRetry: () => undefined,
    onGiveUp: () => undefined,
  })
  const ranges = [
    { lower: Buffer.from('a'), upper: Buffer.from('b') },
    { lower: Buffer.from('x'), upper: undefined },
  ]
  const done = ranges.map((range) => scheduler.compactRange(range))
  await new Promise((resolve) => setImmediate(resolve))
  expect(partCounts).toEqual([1, 2])
  ends.forEach((end) => end())
  await Promise.all(done)
})
