import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { createInlineExecutor } from '../inline-executor.ts'
import { JobControl } from '../jobs/job-control.ts'
import type { JobExecutor } from '../jobs/job-executor.ts'
import { JobPool } from './job-pool.ts'
import { PoolExecutor } from './pool-executor.ts'
import { JobFixture, described, randomLive, randomVersions, walImage } from '../test-support/job-fixture.ts'
import { poolOf, release, request } from '../test-support/obedient-pool.ts'
import { SeededRandom } from '../test-support/seeded-random.ts'

const executors: JobExecutor[] = []
function executorOn(pool: JobPool, workerCountMax = 2): JobExecutor {
  const executor = new PoolExecutor(pool, { workerCountMax })
  executors.push(executor)
  return executor
}
afterEach(async () => {
  await Promise.all(executors.splice(0).map(async (executor) => await executor.close()))
})

/** The real worker, as built: tests of other packages run on the build too. */
const BUILT_WORKER = new URL('../../dist/bundle/job-worker.js', import.meta.url)

describe('the built worker', () => {
  test('R12: gives what the same jobs give inline', async () => {
    const fixture = await JobFixture.create()
    const inline = createInlineExecutor(fixture.env)
    const pool = executorOn(new JobPool(BUILT_WORKER), 3)
    try {
      for (let seed = 1; seed <= 20; seed++) {
        const random = new SeededRandom(seed)
        const versions = randomVersions(random, 1, 1 + random.below(500))
        const live = randomLive(random, versions.length)
        const image = walImage(7, versions, 20)
        const contents = await Promise.all(
          [inline, pool].map(async (executor) => {
            const flushed = await executor.run(fixture.flushRequest(image, live))
            const runs = flushed.ok ? [flushed.tables] : []
            const compacted = await executor.run(fixture.compactionRequest(runs, live.slice(-1), true))
            const tables = flushed.ok && compacted.ok ? [flushed.tables, compacted.tables] : []
            return tables.map((list) => described(fixture.contents(list)))
          }),
        )
        expect(contents[0], `seed ${seed}`).toHaveLength(2)
        expect(contents[1], `seed ${seed}`).toEqual(contents[0])
      }
    } finally {
      await fixture.remove()
    }
  })

  test('a hostile arena is a failure as a value', async () => {
    const pool = executorOn(new JobPool(BUILT_WORKER))
    const failure = await pool.run(request('flush', '/nowhere'))
    expect(failure).toMatchObject({ ok: false, code: 'VARVE_CORRUPTION', path: '/nowhere/000001.wal', offset: 0 })
  })

  test('close cancels a job that runs', async () => {
    const fixture = await JobFixture.create()
    const executor = executorOn(new JobPool(BUILT_WORKER))
    const versions = randomVersions(new SeededRandom(1), 1, 100_000)
    const running = executor.run(fixture.flushRequest(walImage(7, versions, 1000), [100_000]))
    await executor.close()
    expect(await running).toMatchObject({ ok: false, code: 'VARVE_ABORTED', cancelled: true })
    await fixture.remove()
  })
})

test('a running job holds the process, an idle pool that was never closed does not', async () => {
  const program = fileURLToPath(new URL('../test-support/unclosed-pool.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 100_000 })
  expect(stdout).toBe('running\nflush ok\ncompaction ok\n')
})

describe('a worker that dies', () => {
  const cases = [
    ['throw', /thrown in the worker/],
    ['exit', /exited with code 3/],
    // Whether the error or the end of the thread is heard of first is up to the runtime.
    ['crash', /uncaught in the worker|exited with code 1/],
  ] as const
  for (const [directory, message] of cases) {
    test(`${directory}: the job fails, the next one runs`, async () => {
      const executor = executorOn(poolOf('obedient-worker'))
      const died = await executor.run(request('flush', directory))
      expect(died).toMatchObject({ ok: false, code: 'VARVE_INTERNAL', cancelled: false })
      expect(died).toHaveProperty('message', expect.stringMatching(message))
      expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    })
  }

  test('between jobs: the host does not notice', async () => {
    const executor = executorOn(poolOf('obedient-worker'))
    expect(await executor.run(request('flush', 'crash-idle'))).toMatchObject({ ok: true })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
  })

  test('while another runs: only its own job fails', async () => {
    const executor = executorOn(poolOf('obedient-worker'), 3)
    const long = request('compaction', 'wait')
    const running = executor.run(long)
    expect(await executor.run(request('flush', 'exit'))).toMatchObject({ ok: false })
    expect(await executor.run(request('flush', 'crash'))).toMatchObject({ ok: false })
    expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    release(long)
    expect(await running).toMatchObject({ code: 'VARVE_ABORTED' })
  })

  for (const worker of ['stillborn-worker', 'quitting-worker', 'missing-worker']) {
    test(`while it starts (${worker}): every job fails, none hangs`, async () => {
      const executor = executorOn(poolOf(worker), 3)
      for (let round = 0; round < 2; round++) {
        const types = ['flush', 'compaction', 'flush', 'flush'] as const
        const results = await Promise.all(types.map(async (type) => await executor.run(request(type, 'work'))))
        for (const result of results) {
          expect(result).toMatchObject({ ok: false, code: 'VARVE_INTERNAL', cancelled: false })
        }
      }
    })
  }
})

describe('order', () => {
  test('compactions leave a thread for flushes, and flushes overtake compactions that wait', async () => {
    const executor = executorOn(poolOf('obedient-worker'))
    expect(executor.compactionCountMax).toBe(1)
    const first = request('compaction', 'wait')
    const second = request('compaction', 'wait')
    const finished: string[] = []
    const running = [first, second].map(async (job, i) => {
      await executor.run(job)
      finished.push(`compaction ${i + 1}`)
    })
    for (let i = 0; i < 5; i++) {
      expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    }
    expect(finished).toEqual([])
    release(first)
    await running[0]
    expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    expect(finished).toEqual(['compaction 1'])
    release(second)
    await running[1]
  })

  test('compactions leave a core to a flush that runs, and one to the main thread; without one they use all but a thread', async () => {
    const whileFlushing = Math.max(1, availableParallelism() - 2)
    const executor = executorOn(poolOf('obedient-worker'), whileFlushing + 2)
    const flush = request('flush', 'wait')
    const flushing = executor.run(flush)
    const held = Array.from({ length: whileFlushing }, () => request('compaction', 'wait'))
    const compacting = held.map(async (job) => await executor.run(job))
    let hasEnded = false
    const last = executor.run(request('compaction', 'work')).then(() => {
      hasEnded = true
    })
    // Long enough for it to end if it were started; if it is not, any time will do.
    await pause(300)
    expect(hasEnded).toBe(false)
    release(flush)
    await flushing
    await last
    held.forEach((job) => release(job))
    await Promise.all(compacting)
  })

  test('a verification leaves the last thread to flushes, and lets a compaction that waits go first', async () => {
    const executor = executorOn(poolOf('obedient-worker'))
    const first = request('verify', 'wait')
    const finished: string[] = []
    const note = async (name: string, job: Promise<unknown>): Promise<void> => {
      await job
      finished.push(name)
    }
    const verifying = note('first verification', executor.run(first))
    const waiting = [
      note('second verification', executor.run(request('verify', 'work'))),
      note('compaction', executor.run(request('compaction', 'work'))),
    ]
    expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    expect(finished).toEqual([])
    release(first)
    await Promise.all([verifying, ...waiting])
    expect(finished).toEqual(['first verification', 'compaction', 'second verification'])
  })

  test('one worker asked for means two threads, so that a flush still passes a compaction', async () => {
    const executor = executorOn(poolOf('obedient-worker'), 1)
    const long = request('compaction', 'wait')
    const running = executor.run(long)
    expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    release(long)
    await running
  })
})

describe('handles', () => {
  test('close cancels the jobs of its own handle alone, and waits for them', async () => {
    const pool = poolOf('obedient-worker')
    const one = executorOn(pool, 3)
    const other = executorOn(pool, 3)
    const mine = request('flush', 'wait')
    // No flush: where there are two cores, flushes run one at a time, and the last one here would wait for it.
    const theirs = request('compaction', 'wait')
    const running = one.run(mine)
    const runningThere = other.run(theirs)
    const third = request('compaction', 'wait')
    const queued = one.run(third)
    const queuedLater = one.run(request('compaction', 'wait'))
    // The stand-in sleeps on its flag, where a real job polls: wake it as soon as close has set it.
    const closed = one.close()
    release(mine)
    release(third)
    expect(await running).toMatchObject({ ok: false, cancelled: true })
    expect(await queuedLater).toMatchObject({ ok: false, code: 'VARVE_ABORTED', cancelled: true })
    await queued
    await closed
    await one.close()
    expect(await one.run(request('flush', 'work'))).toMatchObject({ ok: false, code: 'VARVE_CLOSED' })
    expect(await other.run(request('flush', 'work'))).toMatchObject({ ok: true })
    expect(new JobControl(theirs.control).isCancelled).toBe(false)
    release(theirs)
    await runningThere
  })

  test('a thousand handles in turn share the same few threads', async () => {
    const pool = poolOf('obedient-worker')
    const threads = new Set<number>()
    for (let i = 0; i < 1000; i++) {
      const executor = new PoolExecutor(pool, { workerCountMax: 2 })
      if (i % 10 === 0) {
        const result = await executor.run(request('flush', 'work'))
        threads.add(result.ok ? result.durationMs : -1)
      }
      await executor.close()
    }
    expect(threads.has(-1)).toBe(false)
    expect(threads.size).toBe(1)
  })
})
