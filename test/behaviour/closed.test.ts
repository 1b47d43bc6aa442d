/** After close every method says so; closing is idempotent and loses nothing. */
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { Store } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import { GatedExecutor } from '../harness/executors.ts'
import { codeOf, rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const CALLS: readonly [string, (store: Store) => unknown][] = [
  ['put', (store) => store.put('a', 'b')],
  ['delete', (store) => store.delete('a')],
  ['write', (store) => store.write([{ type: 'put', key: 'a', value: 'b' }])],
  ['write of nothing', (store) => store.write([])],
  ['sync', (store) => store.sync()],
  ['get', (store) => store.get('a')],
  ['getSync', (store) => store.getSync('a')],
  ['getMany', (store) => store.getMany(['a'])],
  ['has', (store) => store.has('a')],
  ['iterator', (store) => store.iterator()],
  ['entries', (store) => store.entries().next()],
  ['keys', (store) => store.keys().next()],
  ['values', (store) => store.values().next()],
  ['clear', (store) => store.clear()],
  ['snapshot', (store) => store.snapshot()],
  ['flush', (store) => store.flush()],
  ['compactRange', (store) => store.compactRange()],
  ['approximateSize', (store) => store.approximateSize()],
  ['checkpoint', (store) => store.checkpoint(`${store.directory}-copy`)],
  ['verify', (store) => store.verify()],
]

test.each(CALLS)('%s on a closed store is VARVE_CLOSED', async (_name, call) => {
  const store = await open(scratchStorePath('closed'))
  await store.put('a', 'b')
  await store.close()
  await rejection('VARVE_CLOSED', () => call(store))
})

test.each(CALLS)('%s on a store that is closing is VARVE_CLOSED, or done', async (_name, call) => {
  const store = await open(scratchStorePath('closed'))
  await store.put('a', 'b')
  const closed = store.close()
  const code = await codeOf((async () => await call(store))())
  expect([undefined, 'VARVE_CLOSED']).toContain(code)
  await closed
})

test('close is idempotent, and concurrent closes are one', async () => {
  const directory = scratchStorePath('closed')
  const store = await open(directory)
  await store.put('a', 'b')
  await Promise.all([store.close(), store.close(), store.close()])
  await store.close()
  const again = await open(directory)
  expect(again.getSync('a')?.toString()).toBe('b')
  await again.close()
})

test('writes in flight are acknowledged or rejected, and what is acknowledged is there', async () => {
  const directory = scratchStorePath('closed')
  const store = await open(directory, { memtableSizeBytes: 64 * 1024 })
  const writes = Array.from({ length: 2000 }, (_, i) =>
    codeOf(store.put(`key-${i}`, Buffer.alloc(200, i), { sync: i % 50 === 0 })),
  )
  const closed = store.close()
  const late = codeOf(store.put('late', ''))
  const codes = await Promise.all(writes)
  await closed
  expect(await late).toBe('VARVE_CLOSED')
  expect([...new Set(codes)].filter((code) => code !== undefined && code !== 'VARVE_CLOSED')).toEqual([])
  expect(codes[0]).toBeUndefined()
  const again = await open(directory)
  for (const [i, code] of codes.entries()) {
    const value = await again.get(`key-${i}`)
    expect(value !== undefined, `key-${i}, which ended with ${code}`).toBe(code === undefined)
  }
  await again.close()
})

test('reads in flight end with their answer or with VARVE_CLOSED', async () => {
  const store = await open(scratchStorePath('closed'), { blockCacheSizeBytes: 0 })
  const entries = await fill(store, 500)
  await store.flush()
  const reads = entries.map(([key]) =>
    store.get(key).then(
      (value) => value?.toString('latin1'),
      (error: { code: string }) => error.code,
    ),
  )
  await store.close()
  for (const [i, answer] of (await Promise.all(reads)).entries()) {
    expect([entries[i]?.[1], 'VARVE_CLOSED']).toContain(answer)
  }
})

test('open iterators and snapshots get VARVE_CLOSED, and can still be closed', async () => {
  const store = await open(scratchStorePath('closed'))
  await fill(store, 100)
  const snapshot = store.snapshot()
  const [iterator, ofSnapshot] = [store.iterator(), snapshot.iterator({ reverse: true })]
  await iterator.next()
  const loop = (async () => {
    for await (const _entry of store.entries()) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  const loopCode = codeOf(loop)
  await store.close()
  expect(await loopCode).toBe('VARVE_CLOSED')
  await rejection('VARVE_CLOSED', () => iterator.next())
  await rejection('VARVE_CLOSED', () => iterator.nextMany(3))
  await rejection('VARVE_CLOSED', () => iterator.seek('key'))
  await rejection('VARVE_CLOSED', () => ofSnapshot.next())
  await rejection('VARVE_CLOSED', () => snapshot.get('key-000001'))
  await rejection('VARVE_CLOSED', () => snapshot.getSync('key-000001'))
  await rejection('VARVE_CLOSED', () => snapshot.getMany(['key-000001']))
  await rejection('VARVE_CLOSED', () => snapshot.has('key-000001'))
  await rejection('VARVE_CLOSED', () => snapshot.iterator())
  await rejection('VARVE_CLOSED', () => snapshot.entries().next())
  await iterator.close()
  await ofSnapshot.close()
  snapshot.close()
})

test('a closed iterator or snapshot says so; closing twice is fine; the store goes on', async () => {
  const store = await open(scratchStorePath('closed'))
  await fill(store, 10)
  const snapshot = store.snapshot()
  const iterator = snapshot.iterator()
  await iterator.next()
  await Promise.all([iterator.close(), iterator.close()])
  await rejection('VARVE_CLOSED', () => iterator.next())
  snapshot.close()
  snapshot.close()
  await rejection('VARVE_CLOSED', () => snapshot.get('key-000001'))
  await rejection('VARVE_CLOSED', () => store.get('key-000001', { snapshot }))
  await rejection('VARVE_CLOSED', () => store.iterator({ snapshot }))
  expect(store.stats()).toMatchObject({ openIteratorCount: 0, openSnapshotCount: 0 })
  expect(store.getSync('key-000001')).toBeDefined()
  await store.close()
})

test('a loop that is left early, or breaks, leaves no iterator open', async () => {
  const store = await open(scratchStorePath('closed'))
  await fill(store, 100)
  for await (const _entry of store.entries()) {
    break
  }
  for await (const _key of store.keys({ limit: 3 })) {
    continue
  }
  await expect(
    (async () => {
      for await (const _value of store.values()) {
        throw new Error('out')
      }
    })(),
  ).rejects.toThrow('out')
  for await (const _entry of store.iterator()) {
    break
  }
  for (const unused of [store.entries(), store.keys(), store.values({ reverse: true })]) {
    await unused.return?.()
  }
  expect(store.stats().openIteratorCount).toBe(0)
  await store.close()
})

test('flush and compactRange in flight end when the store closes', async () => {
  const directory = scratchStorePath('closed')
  const executor = new GatedExecutor()
  const store = await open(directory, {}, { executor })
  const entries = await fill(store, 1000)
  executor.shut('compaction')
  await store.flush()
  const [flushed, compacted] = [codeOf(store.flush()), codeOf(store.compactRange())]
  setTimeout(() => executor.open('compaction'), 50)
  await store.close()
  for (const code of [await flushed, await compacted]) {
    expect([undefined, 'VARVE_CLOSED', 'VARVE_ABORTED']).toContain(code)
  }
  const again = await open(directory)
  expect(await contentsOf(again)).toEqual(entries)
  await again.close()
})

test('Symbol.asyncDispose and Symbol.dispose close', async () => {
  const store = await open(scratchStorePath('closed'))
  const disposable = store as unknown as { [Symbol.asyncDispose](): Promise<void> }
  const snapshot = store.snapshot() as unknown as { [Symbol.dispose](): void }
  snapshot[Symbol.dispose]()
  expect(store.stats().openSnapshotCount).toBe(0)
  await disposable[Symbol.asyncDispose]()
  await rejection('VARVE_CLOSED', () => store.get('a'))
})
