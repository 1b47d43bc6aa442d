/** Space that comes back within a minute without anyone asking: after deletions, overwrites, and closed snapshots. */
import { createInlineExecutor } from '@varve/workers'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { expect, test } from 'vitest'
import { contentsOf } from '../harness/contents.ts'
import { rejection } from '../harness/rejection.ts'
import { SimulatedEnv } from './simulated-env.ts'

const KIB = 1024
const OPTIONS = {
  memtableSizeBytes: 16 * KIB,
  tableSizeBytes: 16 * KIB,
  levelOneSizeBytes: 32 * KIB,
  blockSizeBytes: KIB,
} as const
const COUNT = 2000
const BATCH_COUNT = 50
const VALUE = 'v'.repeat(60)

const keyOf = (i: number): string => `key-${String(i).padStart(8, '0')}`
const sizeOf = (store: Store): number => store.stats().levels.reduce((sum, level) => sum + level.sizeBytes, 0)
const entryCountOf = (store: Store): number => store.stats().levels.reduce((sum, level) => sum + level.entryCount, 0)

async function put(store: Store, count: number, keyAt: (i: number) => number): Promise<void> {
  for (let at = 0; at < count; at += BATCH_COUNT) {
    const indices = Array.from({ length: BATCH_COUNT }, (_, i) => keyAt(at + i))
    await store.write(indices.map((i) => ({ type: 'put', key: keyOf(i), value: VALUE })))
  }
}

/** One store per place for compactions; `wait` lets time pass, a minute at most. */
async function onSimulatedStore(
  compactionCountMax: number,
  body: (
    store: Store,
    wait: (isSo: () => boolean) => Promise<boolean>,
    openAgain: () => Promise<Store>,
  ) => Promise<void>,
  options: StoreOptions = OPTIONS,
): Promise<void> {
  const env = new SimulatedEnv(compactionCountMax)
  const wait = async (isSo: () => boolean): Promise<boolean> => {
    for (const end = env.clock.nowMs() + 60_000; !isSo() && env.clock.nowMs() < end;) {
      await new Promise<void>((resolve) => void env.scheduler.after(200, resolve))
    }
    return isSo()
  }
  const work = async (): Promise<void> => {
    const openStore = async (): Promise<Store> => {
      const executor = createInlineExecutor(env.forJobs, undefined, compactionCountMax)
      return await open('/data/store', options, { env, executor })
    }
    let store = await openStore()
    await body(store, wait, async () => (store = await openStore()))
    expect((await store.verify()).findings).toEqual([])
    await store.close()
  }
  await env.run(work())
}

test.each([1, 3])(
  'after nine in ten were deleted the disk holds little more than the rest, %i at once',
  async (places) => {
    await onSimulatedStore(places, async (store, wait) => {
      await put(store, COUNT, (i) => (i * 7919) % COUNT)
      await store.compactRange()
      const live = sizeOf(store) / 10
      for (let at = 0; at < COUNT; at += BATCH_COUNT) {
        const indices = Array.from({ length: BATCH_COUNT }, (_, i) => at + i).filter((i) => i % 10 !== 0)
        await store.write(indices.map((i) => ({ type: 'delete', key: keyOf(i) })))
      }
      expect(await wait(() => sizeOf(store) < 1.3 * live), `${sizeOf(store)} bytes where ${live} live`).toBe(true)
      expect(await contentsOf(store)).toHaveLength(COUNT / 10)
    })
  },
)

const flushCountOf = (store: Store): number => store.stats().jobs.flush.count
const memtableSizeOf = (store: Store): number => store.stats().memory.kinds.arenas.sizeBytes

test('deletions that all lie in the active memtable let go of what they cover; then nothing runs', async () => {
  const body = async (store: Store, wait: (isSo: () => boolean) => Promise<boolean>): Promise<void> => {
    await put(store, COUNT, (i) => (i * 7919) % COUNT)
    await store.compactRange()
    const live = sizeOf(store) / 10
    const before = flushCountOf(store)
    for (let i = 0; i < COUNT; i++) {
      await (i % 10 === 0 ? undefined : store.delete(keyOf(i)))
    }
    expect(flushCountOf(store), 'they fit').toBe(before)
    const arenas = memtableSizeOf(store)
    expect(await wait(() => sizeOf(store) < 1.3 * live), `${sizeOf(store)} bytes where ${live} live`).toBe(true)
    expect(memtableSizeOf(store)).toBeLessThanOrEqual(arenas)
    const { flush, compaction } = store.stats().jobs
    expect(flush.count).toBe(before + 1)
    expect(await wait(() => store.stats().jobs.compaction.count > compaction.count)).toBe(false)
    expect(flushCountOf(store)).toBe(flush.count)
    expect(await contentsOf(store)).toHaveLength(COUNT / 10)
  }
  await onSimulatedStore(1, body, { ...OPTIONS, memtableSizeBytes: 256 * KIB })
})

test('a memtable that covers little is left alone', async () => {
  const body = async (store: Store, wait: (isSo: () => boolean) => Promise<boolean>): Promise<void> => {
    await put(store, COUNT, (i) => i)
    await store.compactRange()
    const before = flushCountOf(store)
    for (let i = 0; i < COUNT / 20; i++) {
      await store.delete(keyOf(i))
    }
    expect(await wait(() => flushCountOf(store) > before)).toBe(false)
  }
  await onSimulatedStore(1, body, { ...OPTIONS, memtableSizeBytes: 256 * KIB })
})

test.each([1, 3])('a store that is overwritten again and again settles at what lives, %i at once', async (places) => {
  await onSimulatedStore(places, async (store, wait) => {
    await put(store, COUNT / 4, (i) => i)
    await store.compactRange()
    const live = sizeOf(store)
    await put(store, COUNT * 2, (i) => (i * 7919) % (COUNT / 4))
    expect(await wait(() => sizeOf(store) < 1.2 * live), `${sizeOf(store)} bytes where ${live} live`).toBe(true)
    expect(await contentsOf(store)).toHaveLength(COUNT / 4)
  })
})

test('what a snapshot kept goes when it is closed; until then it is seen, and its write conflicts (R6)', async () => {
  await onSimulatedStore(1, async (store, wait) => {
    await put(store, 500, (i) => i)
    const snapshot = store.snapshot()
    await put(store, 500, (i) => i)
    await store.compactRange()
    expect(await wait(() => entryCountOf(store) < 1000)).toBe(false)
    const isSeen = await snapshot.get(keyOf(7))
    expect(isSeen?.toString()).toBe(VALUE)
    const stale = store.write([{ type: 'put', key: keyOf(7), value: '' }], { ifUnchangedSince: snapshot })
    await rejection('VARVE_CONFLICT', stale)
    snapshot.close()
    expect(await wait(() => entryCountOf(store) === 500), `${entryCountOf(store)} entries`).toBe(true)
    const later = store.snapshot()
    await store.write([{ type: 'put', key: keyOf(7), value: 'new' }], { ifUnchangedSince: later })
    later.close()
    expect((await store.get(keyOf(7)))?.toString()).toBe('new')
  })
})

test('what a snapshot kept goes when the store is opened without it', async () => {
  await onSimulatedStore(1, async (store, wait, openAgain) => {
    await put(store, 500, (i) => i)
    store.snapshot()
    await put(store, 500, (i) => i)
    await store.compactRange()
    expect(entryCountOf(store)).toBe(1000)
    await store.close()
    const again = await openAgain()
    expect(await wait(() => entryCountOf(again) === 500), `${entryCountOf(again)} entries`).toBe(true)
  })
})
