/** What listeners may do: events come when the call that caused them is done with the store's state. */
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { envWithBrokenLogs } from '../harness/broken-logs.ts'
import { GatedExecutor } from '../harness/executors.ts'
import { codeOf } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const TIGHT: StoreOptions = { memtableSizeBytes: 64 * KIB, frozenMemtableCountMax: 1 }

/** Batches that fill several memtables; each has its own keys. */
async function writeBatches(store: Store, count: number): Promise<void> {
  const value = Buffer.alloc(20 * KIB, 1)
  const writes = Array.from({ length: count }, (_, i) =>
    store.write([
      { type: 'put', key: `${i}-a`, value },
      { type: 'put', key: `${i}-b`, value },
    ]),
  )
  await Promise.all(writes)
}

async function missingKeys(store: Store, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, i) => [`${i}-a`, `${i}-b`]).flat()
  const values = await store.getMany(keys)
  return keys.filter((_, i) => values[i] === undefined)
}

test.each(['put', 'write'] as const)('a %s by a listener of stalls harms no write', async (method) => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('events'), TIGHT, { executor })
  executor.shut('flush')
  const own: Promise<void>[] = []
  store.on('stall', ({ phase }) => {
    own.push(
      method === 'put'
        ? store.put(`own-${own.length}`, phase)
        : store.write([{ type: 'put', key: `own-${own.length}`, value: phase }]),
    )
  })
  const writes = writeBatches(store, 10)
  executor.open('flush')
  await writes
  await Promise.all(own)
  expect(await missingKeys(store, 10)).toEqual([])
  expect(own.length).toBeGreaterThan(0)
  expect(await store.get('own-0')).toBeDefined()
  await store.close()
})

test('writes by a listener of logs harm no write', async () => {
  const store = await open(scratchStorePath('events'), { ...TIGHT, frozenMemtableCountMax: 64 })
  const own: Promise<void>[] = []
  store.on('wal', ({ change, number }) => {
    if (change === 'frozen' && number > 0 && own.length < 20) {
      own.push(store.write([{ type: 'put', key: `own-${own.length}`, value: Buffer.alloc(50 * KIB) }]))
    }
  })
  await writeBatches(store, 10)
  await Promise.all(own)
  expect(own.length).toBeGreaterThan(0)
  expect(await missingKeys(store, 10)).toEqual([])
  await store.close()
})

test('a listener that is told of a recovery may write', async () => {
  let isBroken = false
  const store = await open(scratchStorePath('events'), {}, { env: envWithBrokenLogs(() => isBroken) })
  const written = new Promise<void>((resolve, reject) => {
    store.on('recovery', () => void store.put('told', 'yes').then(resolve, reject))
  })
  await store.put('before', '1')
  isBroken = true
  expect(await codeOf(store.put('lost', '2'))).toBe('VARVE_IO')
  expect(await codeOf(store.put('refused', '3'))).toBe('VARVE_READ_ONLY')
  isBroken = false
  await written
  const values = await store.getMany(['before', 'lost', 'refused', 'told'])
  expect(values.map(String)).toEqual(['1', 'undefined', 'undefined', 'yes'])
  await store.close()
})

test('a listener that closes the store while it closes closes it once', async () => {
  const executor = new GatedExecutor()
  const directory = scratchStorePath('events')
  const store = await open(directory, TIGHT, { executor })
  executor.shut('flush')
  const ends: Promise<void>[] = []
  store.on('stall', ({ phase }) => void (phase === 'end' && ends.push(store.close())))
  const writes = Promise.allSettled([writeBatches(store, 10)])
  const closed = store.close()
  executor.open('flush')
  await closed
  await writes
  expect(ends).toEqual([closed])
  await (await open(directory)).close()
})
