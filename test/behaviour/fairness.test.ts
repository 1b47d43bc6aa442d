/** No loop of awaited calls may keep the event loop from turning: timers and immediates must still fire (DESIGN 3.5). */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { open } from 'varve'
import type { RangeIterator, Store } from 'varve'
import { fill } from '../harness/contents.ts'

/** A loop that is let turn every 2 ms fires so often in 30 ms. */
const FIRED_COUNT_MIN = 8
/** Of processor time, so that a machine that does other things too is no failure. */
const RUN_CPU_US_MAX = 250_000

const THOUSAND_KEYS = Array.from({ length: 1000 }, (_, i) => `key-${String(i * 5).padStart(6, '0')}`)

let store: Store

beforeAll(async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-test-fairness-'))
  store = await open(directory, { memtableSizeBytes: 1024 * 1024 })
  await fill(store, 5000)
  await store.flush()
  await fill(store, 2000, 50, 'recent')
  await store.getMany(['key-000001', 'recent-000001'])
  return async () => {
    await store.close()
    fs.rmSync(directory, { recursive: true })
  }
})

/** How often a timer and an immediate fired while `step` was awaited in a tight loop. */
async function firedDuring(
  step: (i: number) => Promise<unknown>,
): Promise<{ timers: number; immediates: number; steps: number }> {
  const fired = { timers: 0, immediates: 0, steps: 0 }
  const timer = setInterval(() => fired.timers++, 1)
  let immediate = setImmediate(function again() {
    fired.immediates++
    immediate = setImmediate(again)
  })
  const before = process.cpuUsage()
  const hasTime = (): boolean => {
    const { user, system } = process.cpuUsage(before)
    return user + system < RUN_CPU_US_MAX
  }
  while (Math.min(fired.timers, fired.immediates) <= FIRED_COUNT_MIN && hasTime()) {
    await step(fired.steps)
    fired.steps++
  }
  clearInterval(timer)
  clearImmediate(immediate)
  return fired
}

/** Steps for ever: begins anew at the end. */
function endless(begin: () => RangeIterator, step: (iterator: RangeIterator) => Promise<boolean>): () => Promise<void> {
  let iterator = begin()
  return async () => {
    if (!(await step(iterator))) {
      await iterator.close()
      iterator = begin()
    }
  }
}

const LOOPS: readonly [string, () => (i: number) => Promise<unknown>][] = [
  ['put', () => (i) => store.put(`tight-${i % 1000}`, 'value')],
  ['delete', () => (i) => store.delete(`tight-${i % 1000}`)],
  ['write', () => (i) => store.write([{ type: 'put', key: `tight-${i % 1000}`, value: 'value' }])],
  ['write of nothing', () => () => store.write([])],
  ['get from the memtable', () => (i) => store.get(`recent-${String(i % 2000).padStart(6, '0')}`)],
  ['get from the cache', () => (i) => store.get(`key-${String(i % 5000).padStart(6, '0')}`)],
  ['get of a missing key', () => (i) => store.get(`missing-${i}`)],
  ['has', () => () => store.has('key-000001')],
  ['getMany', () => () => store.getMany(['key-000001', 'recent-000001', 'missing'])],
  ['getMany of a thousand keys', () => () => store.getMany(THOUSAND_KEYS)],
  [
    'next',
    () =>
      endless(
        () => store.iterator(),
        async (iterator) => (await iterator.next()) !== undefined,
      ),
  ],
  [
    'next in reverse',
    () =>
      endless(
        () => store.iterator({ reverse: true }),
        async (iterator) => (await iterator.next()) !== undefined,
      ),
  ],
  [
    'nextMany',
    () =>
      endless(
        () => store.iterator(),
        async (iterator) => (await iterator.nextMany(3)).length > 0,
      ),
  ],
  [
    'nextMany of thousands',
    () =>
      endless(
        () => store.iterator(),
        async (iterator) => (await iterator.nextMany(3000)).length > 0,
      ),
  ],
  [
    'next of an ended iterator',
    () =>
      endless(
        () => store.iterator({ limit: 0 }),
        async (iterator) => (await iterator.next()) === undefined,
      ),
  ],
  ['close of an iterator', () => () => store.iterator().close()],
  [
    'a whole loop of entries',
    () => async () => {
      for await (const _entry of store.entries({ limit: 100 })) {
        continue
      }
    },
  ],
  [
    'get of a snapshot',
    () => async () => {
      const snapshot = store.snapshot()
      await snapshot.get('key-000001')
      snapshot.close()
    },
  ],
  ['sync of nothing', () => () => store.sync()],
  ['flush of nothing', () => () => store.flush()],
  ['approximateSize', () => () => store.approximateSize()],
]

test.each(LOOPS)('a tight loop of %s lets timers and immediates fire', async (_name, makeStep) => {
  const fired = await firedDuring(makeStep())
  expect(fired.steps).toBeGreaterThan(0)
  expect(fired.immediates).toBeGreaterThan(FIRED_COUNT_MIN)
  expect(fired.timers).toBeGreaterThan(FIRED_COUNT_MIN)
})

test('calls that fail let the loop turn too', async () => {
  const fired = await firedDuring(() => store.put(null as unknown as string, '').catch(() => undefined))
  expect(fired.timers).toBeGreaterThan(FIRED_COUNT_MIN)
})
