/** The rate of background writes, on real threads: kept by all jobs together, lifted where somebody waits for a flush. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createPoolExecutor } from '@varve/workers'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { expect, test } from 'vitest'
import { fill } from '../harness/contents.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const BYTES_PER_SECOND: number = 1024 * KIB
const OPTIONS: StoreOptions = {
  memtableSizeBytes: 4096 * KIB,
  levelZeroTableCountTrigger: 2,
  compression: 'none',
  backgroundBytesPerSecondMax: BYTES_PER_SECOND,
}
/** About two megabytes, in one memtable: a table of two chunks. */
const COUNT = 1900

/** The same keys each time: tables that do not overlap would only be moved. */
async function fillOnce(store: Store): Promise<void> {
  await fill(store, COUNT, KIB)
}

test('compactions keep to the rate', async () => {
  const store = await open(scratchStorePath('rate'), OPTIONS)
  await fillOnce(store)
  await store.flush()
  await fillOnce(store)
  const flushed = store.stats()
  const startMs = performance.now()
  await store.compactRange()
  const { jobs } = store.stats({ since: flushed })
  const leastMs = (jobs.compaction.bytesWritten - 1024 * KIB) / (BYTES_PER_SECOND / 1000)
  expect(performance.now() - startMs).toBeGreaterThan(leastMs * 0.9)
  expect(jobs.compaction.bytesWritten).toBeGreaterThan(1500 * KIB)
  await store.close()
})

test('closing ends a job that waits for the rate, and reads what was acknowledged afterwards', async () => {
  const directory = scratchStorePath('rate')
  const store = await open(directory, { ...OPTIONS, backgroundBytesPerSecondMax: 1 })
  await fillOnce(store)
  await store.flush()
  await fillOnce(store)
  await store.flush()
  while (store.stats().jobs.compaction.runningCount === 0) {
    await sleep(5)
  }
  await sleep(100)
  // It may be split over the threads that there are.
  const { runningCount, failedCount } = store.stats().jobs.compaction
  expect(runningCount).toBeGreaterThan(0)
  expect(failedCount).toBe(0)
  await store.close()
  const again = await open(directory)
  expect(await again.has('key-001899')).toBe(true)
  await again.close()
})

test('a job that waits for the rate does not hang', async () => {
  const errors: string[] = []
  const executor = createPoolExecutor({ workerCountMax: 2, hungAfterMs: 1500 })
  const store = await open(scratchStorePath('rate'), { ...OPTIONS, backgroundBytesPerSecondMax: 1 }, { executor })
  store.on('error', ({ message }) => errors.push(message))
  await fillOnce(store)
  await store.flush()
  await fillOnce(store)
  await store.flush()
  await sleep(3000)
  expect(store.stats().jobs.compaction).toMatchObject({ runningCount: 1, failedCount: 0 })
  // Where a thread takes long to start, that is another matter.
  expect(errors.filter((message) => message.includes('compaction'))).toEqual([])
  await store.close()
})

test('a flush that waits for the rate goes on at once when writers wait for it', async () => {
  const store = await open(scratchStorePath('rate'), {
    ...OPTIONS,
    memtableSizeBytes: 2048 * KIB,
    frozenMemtableCountMax: 1,
    levelZeroTableCountTrigger: 1000,
    levelZeroTableCountMax: 1000,
    backgroundBytesPerSecondMax: 1,
  })
  const startMs = performance.now()
  // Six memtables: at a byte a second the second chunk of the first one would take days.
  await fill(store, 11_000, KIB, 'a')
  expect(performance.now() - startMs).toBeLessThan(25_000)
  expect(store.stats().stalls.causes['frozen-memtables'].delay.count).toBeGreaterThan(0)
  await store.close()
})
