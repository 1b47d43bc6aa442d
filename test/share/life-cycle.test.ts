/** Threads that use one store: how they come, how they go, and what is let go with them. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import { promisify } from 'node:util'
import { Piscina } from 'piscina'
import { expect, test, vi } from 'vitest'
import { connect, open } from 'varve'
import type { Store } from 'varve'
import { fill } from '../harness/contents.ts'
import { codeOf, rejection } from '../harness/rejection.ts'
import { runChild } from '../harness/child.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'
import { ShareThread } from '../harness/share-thread.ts'
import type { StoreProcessPlan } from '../harness/store-process-plan.ts'

const run = promisify(execFile)
/** Compactions that are under way have files that nothing names yet. */
const PATIENCE = { timeout: 20_000, interval: 20 }
const ENGINE_URL = new URL('../../packages/engine/dist/bundle/index.js', import.meta.url).href

function tableNames(store: Store): string[] {
  return readdirSync(store.directory).filter((name) => name.endsWith('.sst'))
}

/** Tables that the current Version names. */
function tableCount(store: Store): number {
  return store.stats().levels.reduce((sum, level) => sum + level.tableCount, 0)
}

/** Keeps a thread from turning, until it is released; then it reads the key `spun` before it turns. */
async function spin(thread: ShareThread): Promise<{ spun: Promise<unknown>; release: () => void }> {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const spun = thread.do({ do: 'spin', cell })
  await sleep(50)
  return {
    spun,
    release: () => {
      Atomics.store(cell, 0, 1)
      Atomics.notify(cell, 0)
    },
  }
}

/** Has a thread hold what is in a table now, and compacts all of it away. */
async function holdAndCompact(store: Store, thread: ShareThread): Promise<void> {
  await fill(store, 2000)
  await store.flush()
  expect(await thread.do({ do: 'hold' })).toEqual(['key-000000', expect.stringContaining('value 0 ')])
  await store.clear()
  await store.compactRange()
}

test.each(['terminate', 'exit', 'throw'] as const)('a thread that ends by %s holds nothing any more', async (how) => {
  const store = await open(scratchStorePath('share'))
  const thread = await ShareThread.start(store.share())
  await holdAndCompact(store, thread)
  expect(store.stats().remoteStoreCount).toBe(1)
  expect(await thread.do({ do: 'readHeld', key: 'key-000007' })).toMatch(/^value 7 /)
  expect(tableCount(store), 'what the snapshot sees stays').toBeGreaterThan(0)
  if (how === 'terminate') {
    await thread.terminate()
  } else {
    thread.do({ do: how }).catch(() => undefined)
  }
  const failure = await thread.ended
  expect(failure?.message).toBe(how === 'throw' ? 'thrown on purpose' : undefined)
  await vi.waitFor(() => expect(store.stats().remoteStoreCount).toBe(0), PATIENCE)
  await store.clear()
  await store.compactRange()
  await vi.waitFor(() => expect(tableNames(store)).toHaveLength(tableCount(store)), PATIENCE)
  expect(tableCount(store)).toBe(0)
  await store.close()
})

test('files stay while a remote reads them, and go when it has taken in what replaced them', async () => {
  const store = await open(scratchStorePath('share'))
  await fill(store, 2000)
  await store.flush()
  const thread = await ShareThread.start(store.share())
  expect(await thread.do({ do: 'get', keys: ['key-000100'] })).toMatch(/^value 100 /)
  const before = tableNames(store)
  const { spun, release } = await spin(thread)
  await store.put('spun', 'round')
  await fill(store, 2000, 50)
  await store.compactRange()
  expect(tableNames(store), 'the thread has not turned').toEqual(expect.arrayContaining(before))
  release()
  expect(await spun, 'it sees the newest all the same').toBe('round')
  await vi.waitFor(() => expect(tableNames(store)).toHaveLength(tableCount(store)), PATIENCE)
  expect(await thread.do({ do: 'get', keys: ['key-000100'] })).toMatch(/^value 100 /)
  await thread.terminate()
  await store.close()
})

test('a thread that takes nothing in for many views is posted no more, and asks for the newest', async () => {
  const store = await open(scratchStorePath('share'), { memtableSizeBytes: 4096, levelZeroTableCountTrigger: 2 })
  const thread = await ShareThread.start(store.share())
  await store.put('spun', 'before')
  const { spun, release } = await spin(thread)
  for (let i = 0; i < 45; i++) {
    await store.put(`key-${i}`, 'x'.repeat(100))
    await store.flush()
  }
  await store.put('spun', 'after')
  await store.flush()
  release()
  expect(await spun).toBe('after')
  expect(await thread.do({ do: 'get', keys: ['key-44'] })).toBe('x'.repeat(100))
  await vi.waitFor(() => expect(tableNames(store)).toHaveLength(tableCount(store)), PATIENCE)
  await thread.terminate()
  await store.close()
})

test('closing the store rejects what is pending and all that comes, in every thread', async () => {
  const store = await open(scratchStorePath('share'))
  const thread = await ShareThread.start(store.share())
  const here = await connect(store.share())
  const unused = store.share()
  await here.put('a', 'b')
  const iterator = here.iterator()
  const snapshot = here.snapshot()
  const flushed = codeOf(here.flush())
  await store.close()
  expect([undefined, 'VARVE_CLOSED']).toContain(await flushed)
  await rejection('VARVE_CLOSED', here.put('a', 'c'))
  await rejection('VARVE_CLOSED', here.get('a'))
  await rejection('VARVE_CLOSED', here.stats())
  await rejection('VARVE_CLOSED', iterator.next())
  await rejection('VARVE_CLOSED', snapshot.get('a'))
  await rejection('VARVE_CLOSED', connect(unused))
  await expect(thread.do({ do: 'put', key: 'a', value: 'd' })).rejects.toMatchObject({ code: 'VARVE_CLOSED' })
  await here.close()
  await thread.do({ do: 'close' })
  expect(() => store.share()).toThrow('is closed')
  await thread.terminate()
})

test('handles are passed on to further threads', async () => {
  const store = await open(scratchStorePath('share'))
  const first = await connect(store.share())
  const second = await ShareThread.start(first.share())
  const third = await connect((await connect(first.share())).share())
  await second.do({ do: 'put', key: 'from', value: 'second' })
  expect((await third.get('from'))?.toString()).toBe('second')
  await first.close()
  await third.put('from', 'third')
  expect(await second.do({ do: 'get', keys: ['from'] }), 'it does not depend on the one it came from').toBe('third')
  expect(store.stats().remoteStoreCount).toBe(3)
  await second.terminate()
  await store.close()
})

test('a port that leads nowhere is refused', async () => {
  const { port1, port2 } = new MessageChannel()
  port1.close()
  await rejection('VARVE_CLOSED', connect(port2))
  await rejection('VARVE_INVALID_ARGUMENT', connect('port' as never))
  const store = await open(scratchStorePath('share'))
  await rejection('VARVE_INVALID_ARGUMENT', connect(store.share(), { blockCacheSizeBytes: -1 }))
  await rejection('VARVE_INVALID_ARGUMENT', connect(store.share(), { cacheSizeBytes: 1 } as never))
  await store.close()
})

test('a shared store and its threads do not hold the process; pending calls do', async () => {
  const directory = scratchStorePath('share')
  const worker = `
    import { workerData } from 'node:worker_threads'
    const { connect } = await import(${JSON.stringify(ENGINE_URL)})
    const store = await connect(workerData)
    await store.get('a')
    store.put('pending', 'call').then(() => console.log('acknowledged'))`
  const script = `
    import { Worker } from 'node:worker_threads'
    import { open } from ${JSON.stringify(ENGINE_URL)}
    const store = await open(${JSON.stringify(directory)})
    store.share()
    const port = store.share()
    new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)})), {
      workerData: port, transferList: [port] })`
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
  expect({ stdout, stderr }).toEqual({ stdout: 'acknowledged\n', stderr: '' })
})

test('tasks of a pool of the user’s own use the store', async () => {
  const store = await open(scratchStorePath('share'))
  const pool = new Piscina({
    filename: fileURLToPath(new URL('../harness/dist/children/share-task.js', import.meta.url)),
    maxThreads: 2,
    atomics: 'disabled',
  })
  const tasks = Array.from({ length: 6 }, (_, i) => {
    const port = store.share()
    return pool.run({ port, prefix: `task-${i}/`, count: 50 }, { transferList: [port], name: 'run' }) as Promise<number>
  })
  expect(await Promise.all(tasks)).toEqual([50, 50, 50, 50, 50, 50])
  await vi.waitFor(() => expect(store.stats().remoteStoreCount).toBe(0), PATIENCE)
  expect((await store.get('task-5/49'))?.toString()).toBe('49')
  await pool.destroy()
  await store.close()
})

test('a process of its own is refused, with advice', async () => {
  const directory = scratchStorePath('share')
  const store = await open(directory)
  const refused = await runChild('store-process', { directory, task: 'close' } satisfies StoreProcessPlan)
  expect(refused.lines).toEqual([`refused VARVE_LOCKED ${process.pid}`])
  expect((await rejection('VARVE_LOCKED', open(directory))).message).toMatch(/store\.share\(\).*connect/)
  await store.close()
})
