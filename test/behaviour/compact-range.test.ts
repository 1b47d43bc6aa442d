/** What `compactRange` leaves behind. */
import { createNodeEnv } from '@varve/storage'
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { Store } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const entryCount = (store: Store): number => store.stats().levels.reduce((sum, level) => sum + level.entryCount, 0)

test('what a snapshot kept in the deepest level goes when the snapshot is gone (R4 meanwhile)', async () => {
  const env = createNodeEnv()
  // Space is not got back unasked.
  const scheduler = { ...env.scheduler, afterIdle: () => () => undefined }
  const store = await open(scratchStorePath('compact-range'), {}, { env: { ...env, scheduler } })
  await fill(store, 2000)
  const snapshot = store.snapshot()
  await store.clear()
  await store.compactRange()
  expect(entryCount(store), 'the snapshot sees them, and tombstones hide them').toBe(4000)
  expect([await store.has('key-000007'), await snapshot.has('key-000007')]).toEqual([false, true])
  snapshot.close()
  await store.compactRange({ prefix: 'other' })
  expect(entryCount(store), 'not in the range').toBe(4000)
  await store.compactRange()
  expect(entryCount(store)).toBe(0)
  expect(await contentsOf(store)).toEqual([])
  await store.close()
})

test('a table of the deepest level without tombstones is left as it is', async () => {
  const store = await open(scratchStorePath('compact-range'))
  await fill(store, 1000)
  await store.compactRange()
  const { bytesWritten } = store.stats().jobs.compaction
  await store.compactRange()
  expect(store.stats().jobs.compaction.bytesWritten).toBe(bytesWritten)
  await store.close()
})
