import { afterEach, beforeEach, expect, test } from 'vitest'
import { createInlineExecutor } from './inline-executor.ts'
import type { JobResult } from './jobs/job-protocol.ts'
import { JobFixture, randomVersions, walImage } from './test-support/job-fixture.ts'
import { SeededRandom } from './test-support/seeded-random.ts'

let fixture: JobFixture
beforeEach(async () => {
  fixture = await JobFixture.create()
})
afterEach(async () => await fixture.remove())

const image = walImage(7, randomVersions(new SeededRandom(1), 1, 100), 10)

/** An Env whose turns of the loop the test takes itself. */
function steppedEnv(): { env: JobFixture['env']; step: () => void; waiting: () => number } {
  const callbacks: (() => void)[] = []
  const scheduler = { ...fixture.env.scheduler, immediate: (callback: () => void) => void callbacks.push(callback) }
  return { env: { ...fixture.env, scheduler }, step: () => callbacks.shift()?.(), waiting: () => callbacks.length }
}

test('flushes go first, one job a turn', async () => {
  const { env, step, waiting } = steppedEnv()
  const executor = createInlineExecutor(env)
  const done: string[] = []
  const note = (name: string, job: Promise<JobResult>): Promise<void> =>
    job.then((result) => void done.push(`${name} ${result.ok ? 'ok' : result.code}`))
  const jobs = [
    note('compaction 1', executor.run(fixture.compactionRequest([], [100], true))),
    note('flush 1', executor.run(fixture.flushRequest(image, [100]))),
    note('compaction 2', executor.run(fixture.compactionRequest([], [100], true))),
    note('flush 2', executor.run(fixture.flushRequest(image, [100]))),
  ]
  for (let i = 0; i < 4; i++) {
    expect(waiting()).toBe(1)
    step()
  }
  expect(waiting()).toBe(0)
  await Promise.all(jobs)
  expect(done).toEqual(['flush 1 ok', 'flush 2 ok', 'compaction 1 ok', 'compaction 2 ok'])
})

test('close gives up what waits, and later jobs fail', async () => {
  const { env, step } = steppedEnv()
  const executor = createInlineExecutor(env)
  const waiting = executor.run(fixture.flushRequest(image, [100]))
  await executor.close()
  await executor.close()
  step()
  expect(await waiting).toMatchObject({ ok: false, code: 'VARVE_ABORTED', cancelled: true })
  const late = await executor.run(fixture.flushRequest(image, [100]))
  expect(late).toMatchObject({ ok: false, code: 'VARVE_CLOSED', cancelled: true })
  expect(await fixture.env.files.list(fixture.directory)).toEqual([])
})
