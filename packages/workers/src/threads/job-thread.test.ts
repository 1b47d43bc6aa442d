/** R14: whatever a thread does, its job ends in one result, and then the thread touches nothing any more. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { VarveError } from '@varve/storage'
import { afterEach, describe, expect, test } from 'vitest'
import { JobControl } from '../jobs/job-control.ts'
import type { JobRequest } from '../jobs/job-protocol.ts'
import type { JobPool } from './job-pool.ts'
import { PoolExecutor } from './pool-executor.ts'
import { poolOf, release, request } from '../test-support/obedient-pool.ts'

/** Above the time that a thread takes to start on a busy machine. */
const HUNG_AFTER_MS = 1500

const executors: PoolExecutor[] = []
function executorOn(pool: JobPool): PoolExecutor {
  const executor = new PoolExecutor(pool, { workerCountMax: 2 })
  executors.push(executor)
  return executor
}
afterEach(async () => {
  await Promise.all(executors.splice(0).map(async (executor) => await executor.close()))
})

/** How often the worker has written into the arena. */
function beatsOf(job: JobRequest): number {
  return job.type === 'flush' ? Atomics.load(new Int32Array(job.arena), 0) : 0
}

async function expectSilence(job: JobRequest): Promise<void> {
  const before = beatsOf(job)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(beatsOf(job)).toBe(before)
}

describe('a job that hangs', () => {
  for (const [verb, worker] of [
    ['spin', 'obedient-worker'],
    ['sleep', 'obedient-worker'],
    ['work', 'sleeping-worker'],
  ] as const) {
    test(`${verb} in ${worker}: it is told at once, ended, and its place is free`, async () => {
      const executor = executorOn(poolOf(worker, HUNG_AFTER_MS))
      const told: VarveError[] = []
      const hung = request('flush', verb)
      const result = await executor.run(hung, (error) => told.push(error))
      expect(result).toMatchObject({ ok: false, code: 'VARVE_INTERNAL', cancelled: false })
      expect(told.map((error) => error.message)).toEqual([
        `the flush of log 1 in ${verb} hung: its thread showed no progress for 1.5 s and is ended`,
      ])
      expect(result).toHaveProperty('message', told[0]?.message)
      await expectSilence(hung)
    })
  }

  test('only its own thread is ended', async () => {
    const executor = executorOn(poolOf('obedient-worker', HUNG_AFTER_MS))
    const slow = executor.run(request('compaction', 'slow'))
    expect(await executor.run(request('flush', 'spin'))).toMatchObject({ ok: false })
    expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    expect(await slow).toMatchObject({ ok: true })
  })

  test('slow is not hung', async () => {
    const executor = executorOn(poolOf('obedient-worker', HUNG_AFTER_MS))
    const told: VarveError[] = []
    expect(await executor.run(request('flush', 'slow'), (error) => told.push(error))).toMatchObject({ ok: true })
    expect(told).toEqual([])
  })

  test('close ends one that does not heed its cancel flag, and no other store notices', async () => {
    const pool = poolOf('obedient-worker', HUNG_AFTER_MS)
    const [one, other] = [executorOn(pool), executorOn(pool)]
    const hung = request('flush', 'spin')
    const running = one.run(hung)
    const theirs = other.run(request('compaction', 'slow'))
    while (beatsOf(hung) === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await one.close()
    await expectSilence(hung)
    expect(new JobControl(hung.control).isCancelled).toBe(true)
    expect(await running).toMatchObject({ ok: false, code: 'VARVE_INTERNAL' })
    expect(await theirs).toMatchObject({ ok: true })
    expect(await other.run(request('flush', 'work'))).toMatchObject({ ok: true })
  })
})

test('a job whose thread sits in a system call has failed only when that has returned', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-blocked-'))
  const pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
  const descriptor = openSync(pipe, 'r+')
  try {
    const executor = executorOn(poolOf('obedient-worker', HUNG_AFTER_MS))
    const job = request('flush', `blocked ${pipe}`)
    let state = 'running'
    const running = executor.run(job, () => {
      state = 'told'
    })
    const ended = running.then(() => {
      state = 'ended'
    })
    while (state === 'running') {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(state).toBe('told')
    // Its place is free meanwhile.
    expect(await executor.run(request('flush', 'work'))).toMatchObject({ ok: true })
    expect(await executor.run(request('compaction', 'work'))).toMatchObject({ ok: true })
    expect([state, beatsOf(job)]).toEqual(['told', 0])
    writeSync(descriptor, Buffer.alloc(8, 1))
    await ended
    expect(beatsOf(job)).toBe(0x01010101)
    expect(await running).toMatchObject({ ok: false, code: 'VARVE_INTERNAL' })
  } finally {
    closeSync(descriptor)
    rmSync(directory, { recursive: true })
  }
})

describe('what is no answer', () => {
  for (const kind of [
    'nothing',
    'text',
    'halfOutput',
    'halfFailure',
    'unknownCode',
    'negative',
    'lostEntry',
    'tableMissing',
    'foreignNumber',
    'emptyTable',
    'noBounds',
  ]) {
    test(`${kind}: the job has failed, and the next one gets a fresh thread`, async () => {
      const executor = executorOn(poolOf('obedient-worker'))
      const before = await executor.run(request('flush', 'work'))
      const result = await executor.run(request('flush', `garbage ${kind}`))
      expect(result).toMatchObject({ ok: false, code: 'VARVE_INTERNAL', cancelled: false })
      expect(result).toHaveProperty('message', expect.stringContaining('what is no result of it'))
      const after = await executor.run(request('flush', 'work'))
      expect(after).toMatchObject({ ok: true })
      // The stand-in answers with its thread's number.
      expect(after).not.toEqual(before)
    })
  }

  test('a second answer changes nothing, and its thread is not used again', async () => {
    const executor = executorOn(poolOf('obedient-worker'))
    const twice = await executor.run(request('flush', 'twice'))
    expect(twice).toMatchObject({ ok: true })
    const long = request('compaction', 'wait')
    const running = executor.run(long)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const next = await executor.run(request('flush', 'work'))
    expect(next).toMatchObject({ ok: true })
    expect(next).not.toEqual(twice)
    release(long)
    expect(await running).toMatchObject({ code: 'VARVE_ABORTED' })
  })
})
