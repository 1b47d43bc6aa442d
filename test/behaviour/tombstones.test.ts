/** A scan over nothing but tombstones: bounded, counted, and not slow for ever. */
import { setImmediate } from 'node:timers/promises'
import { createNodeEnv, type Env } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import { expect, test } from 'vitest'
import { connect, open, type Store, type StoreOptions } from 'varve'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const COUNT = 12_000
const keyOf = (i: number): string => `key-${String(i).padStart(6, '0')}`

interface Turns {
  /** Immediates so far. */
  count: number
  /** Lets the time pass after which an idle store gets space back. */
  passIdleTime: () => void
}

/** A clock that goes on at every look, so that slices of time have the same length on every machine. */
function tickingEnv(): { env: Env; turns: Turns } {
  const node = createNodeEnv()
  const turns: Turns = { count: 0, passIdleTime: () => undefined }
  let nowMs = 0
  const scheduler = {
    ...node.scheduler,
    after: node.scheduler.after.bind(node.scheduler),
    immediate: (callback: () => void) => {
      turns.count++
      node.scheduler.immediate(callback)
    },
    afterIdle: (_delayMs: number, callback: () => void) => {
      turns.passIdleTime = callback
      return () => {
        turns.passIdleTime = () => undefined
      }
    },
  }
  return { env: { ...node, scheduler, clock: { nowMs: () => (nowMs += 0.25) } }, turns }
}

/** Two keys at the ends of `COUNT` tombstones in tables. */
async function openDeleted(options: StoreOptions): Promise<{ store: Store; turns: Turns }> {
  const { env, turns } = tickingEnv()
  const executor = createInlineExecutor(env)
  const store = await open(scratchStorePath('tombstones'), options, { env, executor })
  const keys = Array.from({ length: COUNT }, (_, i) => keyOf(i))
  await store.write(['a', ...keys, 'z'].map((key) => ({ type: 'put', key, value: 'value' })))
  await store.compactRange()
  await store.write(keys.map((key) => ({ type: 'delete', key })))
  await store.flush()
  return { store, turns }
}

function tombstoneCountOf(store: Store): number {
  return store.stats().levels.reduce((sum, level) => sum + level.tombstoneCount, 0)
}

async function untilNoTombstones(store: Store): Promise<void> {
  for (let turn = 0; tombstoneCountOf(store) > 0; turn++) {
    expect(turn, 'turns of the loop that it may take').toBeLessThan(5000)
    await setImmediate()
  }
}

test.each([false, true])(
  'a scan lets the loop turn, counts, and has the tables compacted (reverse: %s)',
  async (reverse) => {
    const { store, turns } = await openDeleted({ tableSizeBytes: 65_536, levelZeroTableCountTrigger: 24 })
    expect(tombstoneCountOf(store)).toBe(COUNT)
    const before = turns.count
    const iterator = store.iterator({ reverse })
    const entries = await iterator.nextMany(10)
    await iterator.close()
    expect(entries.map(([key]) => key.toString())).toEqual(reverse ? ['z', 'a'] : ['a', 'z'])
    const { tombstoneCount } = store.stats().scans
    // A look at the clock takes a quarter of a millisecond and comes every 32 tombstones; two milliseconds are a slice,
    // and a block that has to be loaded ends one too.
    expect(turns.count - before).toBeGreaterThan(tombstoneCount / (32 * 16))
    // The compaction that the first thousands of them called for may be done before the scan is.
    expect(tombstoneCount).toBeGreaterThanOrEqual(4096)
    expect(tombstoneCount).toBeLessThanOrEqual(COUNT)
    await untilNoTombstones(store)
    expect(await store.iterator().nextMany(10)).toEqual(entries.toSorted(([a], [b]) => Buffer.compare(a, b)))
    expect(store.stats().scans.tombstoneCount, 'the next one meets none').toBe(tombstoneCount)
    await store.close()
  },
)

test('scans of another thread call for compactions too', async () => {
  const { store } = await openDeleted({ tableSizeBytes: 65_536, levelZeroTableCountTrigger: 24 })
  const remote = await connect(store.share())
  const iterator = remote.iterator()
  expect((await iterator.nextMany(10)).map(([key]) => key.toString())).toEqual(['a', 'z'])
  await iterator.close()
  await untilNoTombstones(store)
  expect(store.stats().scans.tombstoneCount).toBeGreaterThanOrEqual(4096)
  await remote.close()
  await store.close()
})

test('tombstones that a snapshot needs stay until it is closed', async () => {
  const { env, turns } = tickingEnv()
  const store = await open(
    scratchStorePath('tombstones'),
    { tableSizeBytes: 65_536, levelZeroTableCountTrigger: 24 },
    { env, executor: createInlineExecutor(env) },
  )
  const keys = Array.from({ length: COUNT }, (_, i) => keyOf(i))
  await store.write(keys.map((key) => ({ type: 'put', key, value: 'value' })))
  const snapshot = store.snapshot()
  await store.write(keys.map((key) => ({ type: 'delete', key })))
  await store.compactRange()
  for (let i = 0; i < 3; i++) {
    expect(await store.iterator().nextMany(1)).toEqual([])
  }
  const { jobs } = store.stats()
  for (let i = 0; i < 20; i++) {
    await setImmediate()
  }
  expect(store.stats().jobs.compaction.count, 'nothing is done in vain').toBe(jobs.compaction.count)
  expect(tombstoneCountOf(store)).toBe(COUNT)
  const iterator = snapshot.iterator()
  expect((await iterator.nextMany(COUNT + 1)).length).toBe(COUNT)
  snapshot.close()
  await setImmediate()
  expect(tombstoneCountOf(store), 'its iterator still reads at it').toBe(COUNT)
  await iterator.close()
  // The iterators above are still open, and read at a sequence at which there is nothing.
  turns.passIdleTime()
  await untilNoTombstones(store)
  expect(store.stats().levels.every(({ entryCount }) => entryCount === 0)).toBe(true)
  await store.close()
})
