/** A whole store on the simulated Env: the same seed gives the same run, byte for byte and call for call. */
import { createHash } from 'node:crypto'
import { createInlineExecutor } from '@varve/workers'
import { open, type Store } from 'varve'
import { expect, test } from 'vitest'
import { SeededRandom } from '../harness/random.ts'
import type { SimulatedDisk } from './disk.ts'
import { SimulatedEnv } from './simulated-env.ts'

const DIRECTORY = '/data/store'
const OPTIONS = { memtableSizeBytes: 4096, blockSizeBytes: 256, tableSizeBytes: 4096, levelOneSizeBytes: 8192 } as const

function openOn(env: SimulatedEnv): Promise<Store> {
  return open(DIRECTORY, OPTIONS, { env, executor: createInlineExecutor(env.forJobs) })
}

async function work(env: SimulatedEnv): Promise<void> {
  const random = new SeededRandom(7)
  const store = await openOn(env)
  const pending: Promise<void>[] = []
  for (let i = 0; i < 400; i++) {
    const key = `key ${random.below(100)}`
    pending.push(
      random.chance(0.2)
        ? store.delete(key)
        : store.put(key, random.bytes(random.below(80)), { sync: random.chance(0.1) }),
    )
    if (random.chance(0.3)) {
      await pending.at(-1)
    }
  }
  await Promise.all(pending)
  await store.compactRange()
  await store.close()
}

function digestOf(disk: SimulatedDisk): string {
  const hash = createHash('sha256')
  for (const [path, bytes] of disk.image()) {
    hash.update(`${path} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

async function runWith(seed: number): Promise<{ image: string; trace: string }> {
  const env = new SimulatedEnv(seed)
  await env.run(work(env))
  expect(env.calls.openCount).toBe(0)
  return { image: digestOf(env.disk), trace: env.calls.traceText() }
}

test('one seed gives one image and one trace, and another seed others', async () => {
  const first = await runWith(1)
  expect(await runWith(1)).toEqual(first)
  const other = await runWith(2)
  expect(other.image).not.toBe(first.image)
  expect(other.trace).not.toBe(first.trace)
})

test('what was closed in good order survives a loss of power that keeps nothing', async () => {
  const env = new SimulatedEnv(3)
  await env.run(work(env))
  const after = new SimulatedEnv(4, env.disk.losePower({ kept: 'nothing', seed: 1 }))
  const read = async (): Promise<number> => {
    const store = await openOn(after)
    const entries = await store.iterator().nextMany(1000)
    await store.close()
    return entries.length
  }
  expect(await after.run(read())).toBeGreaterThan(30)
})
