/** The rate of background writes, on real threads: kept by all jobs together, lifted where somebody waits for a flush. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createPoolExecutor } from '@varve/workers'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { expect, test } from 'vitest'
import { fill } from '../harness/contents.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const BYTES_PER_SECOND: number = 512 * KIB
const OPTIONS: StoreOptions = {
  memtableSizeBytes: 1024 * KIB,
  levelZeroTableCountTrigger: 2,
  backgroundBytesPerSecondMax: BYTES_PER_SECOND,
}
/** About a megabyte, in one memtable of several tables' chunks. */
const COUNT = 900

async function fillOnce(store: Store, prefix: string): Promise<void> {
  await fill(store, COUNT, KIB, prefix)
}

test('what is flushed because somebody waits for it does not keep to the rate, and compactions do', async () => {
  const store = await open(scratchStorePath('rate'), OPTIONS)
  await fillOnce(store, 'a')
  await store.flush()
  await fillOnce(store, 'b')
  const flushed = store.stats()
  expect(flushed.jobs.flush.totalMs, 'a megabyte at this rate takes two seconds').toBeLessThan(1500)
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
  await fillOnce(store, 'a')
  await store.flush()
  await fillOnce(store, 'b')
  await store.flush()
  while (store.stats().jobs.compaction.runningCount === 0) {
    await sleep(5)
  }
  await sleep(100)
  expect(store.stats().jobs.compaction).toMatchObject({ runningCount: 1, failedCount: 0 })
  await store.close()
  const again = await open(directory)
  expect(await again.has('b-000899')).toBe(true)
  await again.close()
})

test('a job that waits for the rate does not hang', async () => {
  const errors: unknown[] = []
  const executor = createPoolExecutor({ workerCountMax: 2, hungAfterMs: 600 })
  const store = await open(scratchStorePath('rate'), { ...OPTIONS, backgroundBytesPerSecondMax: 1 }, { executor })
  store.on('error', (error: unknown) => errors.push(error))
  await fillOnce(store, 'a')
  await store.flush()
  await fillOnce(store, 'b')
  await store.flush()
  await sleep(2000)
  expect(store.stats().jobs.compaction).toMatchObject({ runningCount: 1, failedCount: 0 })
  expect(errors).toEqual([])
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
