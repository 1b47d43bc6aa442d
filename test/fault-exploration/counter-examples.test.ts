/** What explorations of faults found, each kept as the shortest run that shows it. */
import { createInlineExecutor, type JobExecutor, type JobRequest, type JobResult } from '@varve/workers'
import { open, type Store } from 'varve'
import { expect, test } from 'vitest'
import { codeOf } from '../harness/rejection.ts'
import { SimulatedEnv } from '../simulation/simulated-env.ts'
import { ledgerFaults } from './disk-ledger.ts'

const DIRECTORY = '/data/store'

function openOn(env: SimulatedEnv): Promise<Store> {
  return open(DIRECTORY, { memtableSizeBytes: 4096 }, { env, executor: createInlineExecutor(env.forJobs) })
}

/** The path of the system's refusal, as the caller of `open` sees it. */
async function refusedPathOf(env: SimulatedEnv): Promise<unknown> {
  return await env.run(
    openOn(env).then(
      () => undefined,
      (error: { readonly path?: unknown }) => error.path,
    ),
  )
}

test('R1: a directory whose making was not made durable, as the system refused, is by the next open', async () => {
  const env = new SimulatedEnv(1)
  env.calls.faults.add({ kinds: ['syncDirectory'], path: /^\/data$/, code: 'EIO' })
  expect(await env.run(codeOf(openOn(env)))).toBe('VARVE_IO')
  const store = await env.run(openOn(env))
  await env.run(store.put('key', 'value', { sync: true }))
  const after = new SimulatedEnv(2, env.disk.losePower({ kept: 'nothing', seed: 1 }))
  const reopened = await after.run(openOn(after))
  expect(reopened.getSync('key')?.toString()).toBe('value')
})

test('R13: a directory that the system refuses to make for now is no wrong argument', async () => {
  const codes = (['EIO', 'ENOSPC', 'EACCES'] as const).map(async (code) => {
    const env = new SimulatedEnv(1)
    env.calls.faults.add({ kinds: ['makeDirectory'], code })
    return await env.run(codeOf(openOn(env)))
  })
  expect(await Promise.all(codes)).toEqual(['VARVE_IO', 'VARVE_IO', 'VARVE_INVALID_ARGUMENT'])
})

test('R13: a manifest that could not be written is told of, also if the one that takes its place is', async () => {
  const env = new SimulatedEnv(1)
  const store = await env.run(openOn(env))
  const told: string[] = []
  store.on('error', (error) => told.push(error.message))
  env.calls.faults.add({ kinds: ['dataSync'], path: /MANIFEST/, code: 'EIO' })
  await env.run(store.put('key', 'value'))
  await env.run(store.flush())
  expect(told).toEqual([expect.stringMatching(/^syncing .*MANIFEST-\d+ failed: EIO$/)])
  await env.run(store.put('key', 'other', { sync: true }))
})

test.each(['create', 'write', 'dataSync', 'rename'] as const)(
  'R13: a manifest is replaced at the second try if %s fails at the first, and nothing of that is left',
  async (kind) => {
    const env = new SimulatedEnv(1)
    const executor = createInlineExecutor(env.forJobs)
    const store = await env.run(open(DIRECTORY, {}, { env, executor, manifestRotationSizeBytes: 0 }))
    env.calls.faults.add({ kinds: [kind], path: /MANIFEST|CURRENT/, code: 'ENOSPC' })
    for (const value of ['one', 'two', 'three']) {
      await env.run(store.put('key', value))
      await env.run(store.flush())
    }
    expect(env.calls.faults.failed).toHaveLength(1)
    await env.idle()
    expect(await env.run(ledgerFaults(env, DIRECTORY))).toEqual([])
    await env.run(store.put('key', 'four', { sync: true }))
  },
)

test('R13: who waits for a flush is told when the store can only be read, though no log could be made', async () => {
  const env = new SimulatedEnv(1)
  const inline = createInlineExecutor(env.forJobs)
  let letGo: () => void = () => undefined
  const held = new Promise<void>((resolve) => (letGo = resolve))
  const executor: JobExecutor = {
    compactionCountMax: 1,
    async run(request: JobRequest): Promise<JobResult> {
      await (request.type === 'compaction' ? held : undefined)
      return await inline.run(request)
    },
    close: () => inline.close(),
  }
  const store = await env.run(open(DIRECTORY, {}, { env, executor }))
  for (const value of ['one', 'two']) {
    await env.run(store.put('key', value))
    await env.run(store.flush())
  }
  const compacted = codeOf(store.compactRange())
  await env.run(store.put('key', 'three'))
  await env.idle()
  // A log is made in vain, for which the flush waits; then the compaction fails at the manifest.
  env.calls.faults.add({ kinds: ['create'], path: /wal$/, code: 'EIO', count: Infinity })
  const flushed = codeOf(store.flush())
  await env.run(new Promise<void>((resolve) => env.scheduler.after(1000, resolve)))
  env.calls.faults.add({ kinds: ['write', 'create'], path: /MANIFEST|CURRENT/, code: 'EIO', count: Infinity })
  letGo()
  expect(await env.run(compacted)).toBe('VARVE_READ_ONLY')
  expect(await env.run(flushed)).toBe('VARVE_READ_ONLY')
  await env.run(store.close())
  env.calls.faults.liftAll()
  const reopened = await env.run(openOn(env))
  expect(reopened.getSync('key')?.toString()).toBe('three')
})

test('R13: an open that fails says what failed first, whatever fails when it lets go', async () => {
  const paths = ['000001.wal', 'MANIFEST-000002', 'CURRENT.tmp'].map(async (name) => {
    const env = new SimulatedEnv(1)
    env.calls.faults.add({ kinds: ['create'], path: new RegExp(`/${name}$`), code: 'EIO' })
    env.calls.faults.add({ kinds: ['close'], count: Number.POSITIVE_INFINITY, code: 'EIO' })
    return await refusedPathOf(env)
  })
  expect(await Promise.all(paths)).toEqual([
    `${DIRECTORY}/000001.wal`,
    `${DIRECTORY}/MANIFEST-000002`,
    `${DIRECTORY}/CURRENT.tmp`,
  ])
})

/** Says that each job has read an entry more than it has. */
class MiscountingExecutor implements JobExecutor {
  readonly compactionCountMax: number = 1
  readonly #inner: JobExecutor

  constructor(inner: JobExecutor) {
    this.#inner = inner
  }

  async run(request: JobRequest): Promise<JobResult> {
    const result = await this.#inner.run(request)
    return result.ok ? { ...result, entriesIn: result.entriesIn + 1 } : result
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }
}

test('R9: a job whose counts do not add up leaves no table, and the store can only be read', async () => {
  const env = new SimulatedEnv(1)
  const executor = new MiscountingExecutor(createInlineExecutor(env.forJobs))
  const store = await env.run(open(DIRECTORY, {}, { env, executor }))
  const told: string[] = []
  store.on('error', ({ message }) => told.push(message))
  await env.run(store.put('key', 'value'))
  await expect(env.run(store.flush())).rejects.toThrow('a job reads all entries of its inputs')
  await expect(env.run(store.put('key', 'other'))).rejects.toMatchObject({ code: 'VARVE_READ_ONLY' })
  await env.idle()
  expect(await env.run(ledgerFaults(env, DIRECTORY))).toEqual([])
  expect(store.getSync('key')?.toString()).toBe('value')
  expect(told).toHaveLength(1)
})

test('R7: a log that could not be synced when the store closed is not said to have been closed cleanly', async () => {
  const env = new SimulatedEnv(1)
  const store = await env.run(openOn(env))
  const told: string[] = []
  store.on('error', ({ message }) => told.push(message))
  await env.run(store.put('key', 'value'))
  env.calls.faults.add({ kinds: ['dataSync'], path: /wal$/, code: 'EIO', effect: 'dropped' })
  env.calls.faults.add({ kinds: ['create'], path: /sst$/, count: Number.POSITIVE_INFINITY, code: 'ENOSPC' })
  await env.run(store.close())
  expect(told.length).toBeGreaterThan(1)
  const after = new SimulatedEnv(2, env.disk.losePower({ kept: 'nothing', seed: 1 }))
  const reopened = await after.run(openOn(after))
  expect(reopened.getSync('key')).toBeUndefined()
})
