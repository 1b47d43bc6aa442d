/** Crashes that once broke a promise, each as small as it could be made. */
import { createInlineExecutor } from '@varve/workers'
import { open, type Store, type StoreOptions } from 'varve'
import { expect, test, vi } from 'vitest'
import { diskAfter, type SimulatedDisk } from '../simulation/disk.ts'
import type { DiskSnapshot } from '../simulation/disk-snapshot.ts'
import { SimulatedEnv } from '../simulation/simulated-env.ts'
import { auditStore } from './store-audit.ts'
import { DIRECTORY } from './store-life.ts'

const KEEPS_NOTHING = { kept: 'nothing', seed: 1 } as const

async function openOn(env: SimulatedEnv, options: StoreOptions = {}, directory = DIRECTORY): Promise<Store> {
  return await open(directory, options, { env, executor: createInlineExecutor(env.forJobs) })
}

async function valueOn(disk: SimulatedDisk, key: string, directory = DIRECTORY): Promise<string | undefined> {
  const env = new SimulatedEnv(9, disk)
  const read = async (): Promise<string | undefined> => {
    const store = await openOn(env, { createIfMissing: false }, directory)
    return (await store.get(key))?.toString()
  }
  return await env.run(read())
}

test('R1: a directory that somebody else made, and did not sync, is durable before a sync is acknowledged', async () => {
  const env = new SimulatedEnv(1)
  await env.run(env.files.makeDirectory(DIRECTORY))
  const next = new SimulatedEnv(2, env.disk.loseProcess())
  const write = async (): Promise<void> => {
    const store = await openOn(next)
    await store.put('key', 'value', { sync: true })
  }
  await next.run(write())
  expect(await valueOn(next.disk.losePower(KEEPS_NOTHING), 'key')).toBe('value')
})

test('R7: a log that was synced and flushed does not make damage of what is lost behind it', async () => {
  const env = new SimulatedEnv(1)
  const write = async (): Promise<void> => {
    const store = await openOn(env, { memtableSizeBytes: 4096 })
    await store.put('first', 'value', { sync: true })
    await store.flush()
    await Promise.all(['second', 'third'].map((key) => store.put(key, 'value')))
    await store.put('fourth', 'value')
  }
  await env.run(write())
  const snapshot = env.disk.snapshot()
  for (let seed = 0; seed < 40; seed++) {
    expect(await valueOn(diskAfter(snapshot, { kept: 'subset', seed }), 'first')).toBe('value')
  }
})

test('R1: a checkpoint that was renamed, and not synced, is durable before a sync in it is acknowledged', async () => {
  const copyDirectory = '/data/copies/1'
  const env = new SimulatedEnv(1)
  let renamed: DiskSnapshot | undefined
  env.calls.onCall = (moment, { kind, path }) => {
    if (moment === 'before' && kind === 'syncDirectory' && path === '/data/copies' && env.disk.find(copyDirectory)) {
      renamed ??= env.disk.snapshot()
    }
  }
  const make = async (): Promise<void> => {
    const store = await openOn(env)
    await store.put('key', 'value')
    await store.checkpoint(copyDirectory)
  }
  await env.run(make())
  expect(renamed).toBeDefined()
  const next = new SimulatedEnv(2, renamed && diskAfter(renamed, 'process-death'))
  const write = async (): Promise<void> => {
    const copy = await openOn(next, { createIfMissing: false }, copyDirectory)
    await copy.put('later', 'value', { sync: true })
  }
  await next.run(write())
  expect(await valueOn(next.disk.losePower(KEEPS_NOTHING), 'later', copyDirectory)).toBe('value')
})

test('R10: a flush that no edit can name, as no new log can be made, leaves no table when the store closes', async () => {
  const env = new SimulatedEnv(1)
  const work = async (): Promise<void> => {
    const store = await openOn(env)
    store.on('error', () => undefined)
    await store.put('key', 'value', { sync: true })
    env.calls.faults.add({ kinds: ['create'], path: /wal$/, count: Infinity, code: 'ENOSPC' })
    await store.close()
  }
  await env.run(work())
  env.calls.faults.liftAll()
  await env.run(auditStore(env.files, DIRECTORY))
  expect(await valueOn(env.disk.losePower(KEEPS_NOTHING), 'key')).toBe('value')
})

test('R8: a log with writes is no empty store where CURRENT is missing, though its first sequence is not the first of all', async () => {
  const env = new SimulatedEnv(1)
  const write = async (): Promise<void> => {
    const store = await openOn(env)
    await store.put('gone', 'value')
    await store.delete('gone')
    await store.compactRange()
    await store.compactRange()
    await store.put('key', 'value')
  }
  await env.run(write())
  await env.idle()
  const next = new SimulatedEnv(2, env.disk.loseProcess())
  expect([...next.disk.image().keys()].filter((path) => path.endsWith('.sst'))).toEqual([])
  await next.run(next.files.remove(`${DIRECTORY}/CURRENT`))
  await expect(next.run(openOn(next))).rejects.toMatchObject({
    code: 'VARVE_CORRUPTION',
    path: `${DIRECTORY}/CURRENT`,
  })
})

/** No memory of a size that only the index of many entries has. */
function refuseIndexes(): void {
  const Memory = SharedArrayBuffer
  vi.stubGlobal('SharedArrayBuffer', function allocate(sizeBytes: number): SharedArrayBuffer {
    if (sizeBytes > 4000 && sizeBytes < 16 * 1024) {
      throw new RangeError('Array buffer allocation failed')
    }
    return new Memory(sizeBytes)
  })
}

test.each([
  ['at once', false],
  ['when it has waited', true],
])('R5: a batch for whose index there is no memory %s leaves nothing, and harms no other', async (_when, isStalled) => {
  const env = new SimulatedEnv(1)
  const batch = Array.from({ length: 1000 }, (_, i) => ({ type: 'put', key: `batch-${i}`, value: '' }) as const)
  const work = async (): Promise<void> => {
    const store = await openOn(env, { memtableSizeBytes: 16 * 1024, frozenMemtableCountMax: 1 })
    store.on('error', () => undefined)
    env.calls.faults.add({ kinds: ['create'], path: /sst$/, count: Infinity, code: 'ENOSPC' })
    const before = Array.from({ length: isStalled ? 5 : 0 }, (_, i) => store.put(`${i}`, Buffer.alloc(7000)))
    refuseIndexes()
    try {
      const outcome = store.write(batch).catch((error: unknown) => error)
      env.calls.faults.liftAll()
      expect(await outcome).toBeInstanceOf(Error)
      await Promise.all(before)
    } finally {
      vi.unstubAllGlobals()
    }
    await store.put('later', 'value', { sync: true })
    expect(await store.getMany(['batch-0', 'batch-999', 'later'])).toEqual([undefined, undefined, Buffer.from('value')])
  }
  await env.run(work())
  expect(await valueOn(env.disk.losePower(KEEPS_NOTHING), 'later')).toBe('value')
  expect(await valueOn(env.disk.losePower(KEEPS_NOTHING), 'batch-0')).toBeUndefined()
})
