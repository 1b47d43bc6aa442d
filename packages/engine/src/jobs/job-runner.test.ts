import { JobControl, type JobExecutor, type JobOutput, type JobRequest, type JobResult } from '@varve/workers'
import { expect, test } from 'vitest'
import { MemoryEnv, settle } from '../test-support/memory-env.ts'
import { metadataOf } from '../test-support/tables.ts'
import { JobRunner, type JobPart } from './job-runner.ts'
import { ObsoleteFiles } from './obsolete-files.ts'

const TABLE = { blockSizeBytes: 4096, bloomBitsPerKey: 10, compression: ['none'] as const, tableSizeBytes: 1000 }

/** Holds every job until the test ends it. */
class HeldJobs implements JobExecutor {
  readonly compactionCountMax = 4
  readonly requests: Extract<JobRequest, { type: 'compaction' }>[] = []
  readonly #ends: ((result: JobResult) => void)[] = []

  run(request: JobRequest): Promise<JobResult> {
    if (request.type === 'compaction') {
      this.requests.push(request)
    }
    return new Promise((resolve) => this.#ends.push(resolve))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** It has written one table of as many entries as it read, less those that it dropped. */
  succeed(index: number, entriesIn: number, entriesDropped = 0): void {
    const number = this.requests[index]?.outputNumbers.first ?? 0
    const entryCount = entriesIn - entriesDropped
    const tables = [metadataOf({ number, entryCount })]
    const counts = { entriesIn, entriesOut: entryCount, entriesDropped, bytesRead: 10, bytesWritten: 7, durationMs: 3 }
    this.#ends[index]?.({ ok: true, tables, ...counts })
  }

  fail(index: number, code: 'VARVE_IO' | 'VARVE_ABORTED'): void {
    const cancelled = code === 'VARVE_ABORTED'
    const message = `part ${index} fails`
    const nowhere = { stack: undefined, path: undefined, offset: undefined, systemCode: undefined }
    this.#ends[index]?.({ ok: false, code, message, cancelled, ...nowhere })
  }
}

function startTwo(entriesIn: number): {
  jobs: HeldJobs
  runner: JobRunner
  output: Promise<JobOutput>
  removed: string[]
} {
  const env = new MemoryEnv()
  const jobs = new HeldJobs()
  const removed: string[] = []
  const files = { remove: (path: string) => Promise.resolve(void removed.push(path)) }
  let next = 100
  const runner = new JobRunner({
    env,
    directory: '/d',
    table: TABLE,
    executor: jobs,
    versions: { takeFileNumbers: (count) => (next += count) - count },
    obsoleteFiles: new ObsoleteFiles(files as unknown as typeof env.files, () => undefined),
    liveSequences: () => [7],
    onHung: () => undefined,
  })
  const specification = { type: 'compaction', runs: [], isBottom: true, grandparents: [], outputLevel: 1 } as const
  const part: JobPart = { specification, inputSizeBytes: 500 }
  const output = runner.runParts([part, part], entriesIn)
  output.catch(() => undefined)
  return { jobs, runner, output, removed }
}

test('parts count as one job: tables in their order, counts in sum, numbers of their own', async () => {
  const { jobs, runner, output } = startTwo(30)
  expect(runner.statsOf('compaction').runningCount).toBe(2)
  jobs.succeed(1, 20, 5)
  await settle()
  jobs.succeed(0, 10)
  const { tables, entriesIn, entriesOut, entriesDropped, bytesRead, bytesWritten } = await output
  expect(tables.map(({ number }) => number)).toEqual([100, 103])
  expect([entriesIn, entriesOut, entriesDropped, bytesRead, bytesWritten]).toEqual([30, 25, 5, 20, 14])
  expect(runner.statsOf('compaction')).toMatchObject({ count: 1, runningCount: 0, failedCount: 0 })
  expect(runner.isUnnamedOutput(103)).toBe(true)
  runner.installed(await output)
  expect(runner.isUnnamedOutput(103)).toBe(false)
})

test('if a part fails the others are cancelled, and nothing that any of them wrote stays', async () => {
  const { jobs, runner, output, removed } = startTwo(30)
  jobs.fail(1, 'VARVE_IO')
  await settle()
  const controls = jobs.requests.map(({ control }) => new JobControl(control).isCancelled)
  expect(controls[0], 'the other one is told to stop').toBe(true)
  expect(removed, 'while a thread may still write').toEqual([])
  jobs.fail(0, 'VARVE_ABORTED')
  await expect(output).rejects.toMatchObject({ code: 'VARVE_IO', message: expect.stringContaining('part 1') as string })
  await settle()
  expect(removed).toHaveLength(6)
  expect(runner.statsOf('compaction')).toMatchObject({ count: 0, runningCount: 0, failedCount: 1 })
  expect(runner.isUnnamedOutput(100)).toBe(false)
})

test('an entry that no part has read, or two have, is noticed (R9)', async () => {
  for (const readTwice of [-1, 1]) {
    const { jobs, output, removed } = startTwo(30)
    jobs.succeed(0, 10)
    jobs.succeed(1, 20 + readTwice)
    await expect(output).rejects.toThrow('a job reads all entries of its inputs')
    await settle()
    expect(removed).toHaveLength(6)
  }
})
