/** What `stats` tells of snapshots, transactions and conflicts. */
import { createNodeEnv, type Env } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import { expect, test } from 'vitest'
import { open } from 'varve'
import { scratchStorePath } from '../harness/scratch-directory.ts'

test('a snapshot that nobody closes is named in stats, with its age by the clock of the Env', async () => {
  let nowMs = 1000
  const env: Env = { ...createNodeEnv(), clock: { nowMs: () => nowMs } }
  const components = { env, executor: createInlineExecutor(env) }
  const store = await open(scratchStorePath('snapshots'), {}, components)
  expect(store.stats().oldestSnapshots).toEqual([])
  await store.put('a', '1')
  const leaked = store.snapshot({ name: 'nightly export' })
  nowMs += 60_000
  await store.put('a', '2')
  const others = Array.from({ length: 20 }, () => store.snapshot())
  nowMs += 500
  const { oldestSnapshots, openSnapshotCount } = store.stats()
  expect(openSnapshotCount).toBe(21)
  expect(oldestSnapshots).toHaveLength(10)
  expect(oldestSnapshots.slice(0, 2)).toEqual([
    { sequence: 1, name: 'nightly export', ageMs: 60_500 },
    { sequence: 2, name: undefined, ageMs: 500 },
  ])
  leaked.close()
  leaked.close()
  expect(store.stats().oldestSnapshots[0]).toEqual({ sequence: 2, name: undefined, ageMs: 500 })
  await store.transaction((tx) => {
    expect(tx.getSync('a')?.toString()).toBe('2')
    others.forEach((snapshot) => snapshot.close())
    expect(store.stats().oldestSnapshots).toEqual([{ sequence: 2, name: 'transaction', ageMs: 0 }])
  })
  expect(store.stats().oldestSnapshots).toEqual([])
  expect(() => store.snapshot({ name: 7 } as never)).toThrow('the name of a snapshot must be a string')
  expect(() => store.snapshot({ label: 'x' } as never)).toThrow('a snapshot has no label')
  await store.transaction((tx) => tx.put('a', '3'))
  const stale = store.snapshot()
  await store.put('a', '4')
  await expect(store.put('a', '5', { ifUnchangedSince: stale })).rejects.toMatchObject({ code: 'VARVE_CONFLICT' })
  await expect(store.transaction(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(store.stats()).toMatchObject({
    transactions: { runningCount: 0, committedCount: 2, conflictCount: 0, failedCount: 1 },
    writes: { conflictCount: 1 },
  })
  await store.close()
})
