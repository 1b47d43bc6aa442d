/** What a `RemoteStore` promises beyond the answers, which `test/model/` compares: order, errors, bounds, fairness. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BusyError, ClosedError, ConflictError, CorruptionError, InvalidArgumentError, ReadOnlyError } from 'varve'
import { connect, open } from 'varve'
import type { ConnectOptions, RemoteStore, Store, StoreOptions } from 'varve'
import type { JobExecutor, JobResult } from '@varve/workers'
import { fill } from '../harness/contents.ts'
import { GatedExecutor } from '../harness/executors.ts'
import { codeOf, rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const TIGHT: StoreOptions = { memtableSizeBytes: 64 * KIB, frozenMemtableCountMax: 1, stalledSizeBytesMax: 64 * KIB }

async function openShared(
  options: StoreOptions = {},
  components: { readonly executor?: JobExecutor } = {},
  connectOptions: ConnectOptions = {},
): Promise<{ store: Store; remote: RemoteStore }> {
  const store = await open(scratchStorePath('share'), options, components)
  onTestFinished(() => store.close())
  return { store, remote: await connect(store.share(), connectOptions) }
}

test('a thread’s writes keep their order, whatever their kind', async () => {
  const { store, remote } = await openShared()
  for (let round = 0; round < 20; round++) {
    const snapshot = remote.snapshot()
    const writes = [
      remote.put('key', `${round} put`),
      remote.put('key', `${round} sync`, { sync: true }),
      remote.put('other', 'x', { ifUnchangedSince: snapshot }),
      remote.write([
        { type: 'delete', key: 'key' },
        { type: 'put', key: 'key', value: `${round} batch` },
      ]),
      remote.delete('key'),
      remote.put('key', `${round} last`),
    ]
    await Promise.all(writes)
    expect(String(await remote.get('key'))).toBe(`${round} last`)
    expect(String(store.getSync('key'))).toBe(`${round} last`)
    snapshot.close()
  }
})

test('what all threads send in one turn is one group', async () => {
  const { store, remote } = await openShared()
  const others = [await connect(store.share()), await connect(store.share())]
  await Promise.all([remote, ...others].map((each, i) => each.put(`warm-${i}`, 'x')))
  const before = store.stats().writes
  await Promise.all([remote, ...others].flatMap((each, i) => [each.put(`a-${i}`, '1'), each.put(`b-${i}`, '2')]))
  const after = store.stats().writes
  expect(after.operationCount - before.operationCount).toBe(6)
  expect(after.groupCount - before.groupCount).toBe(1)
})

test('sync means sync', async () => {
  const { store, remote } = await openShared()
  const syncCount = (): number => store.stats().writes.syncCount
  const before = syncCount()
  await remote.put('a', '1')
  expect(syncCount()).toBe(before)
  await remote.put('a', '2', { sync: true })
  expect(syncCount()).toBe(before + 1)
  await remote.put('a', '3')
  await remote.sync()
  expect(syncCount()).toBe(before + 2)
  await remote.write([], { sync: true })
  await remote.write([])
})

test('errors have their class, code, fields and cause', async () => {
  const failing: JobExecutor = {
    compactionCountMax: 1,
    run: () =>
      Promise.resolve<JobResult>({
        ok: false,
        code: 'VARVE_CORRUPTION',
        message: '/d/7.sst is damaged at offset 9: bent',
        stack: undefined,
        path: '/d/7.sst',
        offset: 9,
        systemCode: undefined,
        cancelled: false,
      }),
    close: () => Promise.resolve(),
  }
  const { remote } = await openShared({ valueSizeBytesMax: 10 }, { executor: failing })
  expect(await rejection('VARVE_INVALID_ARGUMENT', remote.put('a', 'x'.repeat(11)))).toBeInstanceOf(
    InvalidArgumentError,
  )
  const wrongBatch = remote.write([
    { type: 'put', key: 'a', value: '1' },
    { type: 'put', key: 7 as never, value: '1' },
  ])
  expect((await rejection('VARVE_INVALID_ARGUMENT', wrongBatch)).message).toContain('operation 1 of the batch')
  expect(await remote.get('a'), 'nothing of it').toBeUndefined()
  await rejection('VARVE_INVALID_ARGUMENT', remote.put('a', '1', { snc: true } as never))
  await rejection('VARVE_INVALID_ARGUMENT', () => remote.iterator({ gtt: 'a' } as never))

  const snapshot = remote.snapshot()
  await remote.put('a', '1')
  const conflict = await rejection('VARVE_CONFLICT', remote.put('a', '2', { ifUnchangedSince: snapshot }))
  expect(conflict).toBeInstanceOf(ConflictError)
  expect(Buffer.from((conflict as ConflictError).key).toString()).toBe('a')

  await rejection('VARVE_CORRUPTION', remote.flush())
  const readOnly = await rejection('VARVE_READ_ONLY', remote.put('b', '1'))
  expect(readOnly).toBeInstanceOf(ReadOnlyError)
  expect(readOnly.cause).toBeInstanceOf(CorruptionError)
  expect(readOnly.cause).toMatchObject({ code: 'VARVE_CORRUPTION', path: '/d/7.sst', offset: 9, what: 'bent' })
  expect(String(await remote.get('a')), 'reads go on').toBe('1')
})

test('damage that a remote finds itself names file and offset', async () => {
  const { store, remote } = await openShared()
  await fill(store, 500)
  await store.flush()
  const table = fs.readdirSync(store.directory).find((name) => name.endsWith('.sst')) ?? ''
  const file = path.join(store.directory, table)
  const bytes = fs.readFileSync(file)
  fs.writeFileSync(file, Buffer.concat([Buffer.alloc(1000, 0xab), bytes.subarray(1000)]))
  const error = await rejection('VARVE_CORRUPTION', remote.get('key-000000'))
  expect(error).toBeInstanceOf(CorruptionError)
  expect(error).toMatchObject({ path: file })
  expect((error as CorruptionError).offset).toBeLessThan(1000)
})

test('signals abort reads', async () => {
  const { store, remote } = await openShared()
  await fill(store, 100)
  const reason = new Error('enough')
  const aborted = AbortSignal.abort(reason)
  for (const call of [remote.get('a', { signal: aborted }), remote.getMany(['a'], { signal: aborted })]) {
    expect((await rejection('VARVE_ABORTED', call)).cause).toBe(reason)
  }
  const controller = new AbortController()
  const iterator = remote.iterator({ signal: controller.signal })
  expect(await iterator.nextMany(10)).toHaveLength(10)
  controller.abort(reason)
  expect((await rejection('VARVE_ABORTED', iterator.next())).cause).toBe(reason)
  await iterator.close()
})

test('a write that stalls blocks no read, no call and no close; other threads go on when there is room', async () => {
  const executor = new GatedExecutor()
  const { store, remote } = await openShared(TIGHT, { executor })
  const other = await connect(store.share())
  executor.shut('flush')
  const stalls: string[] = []
  store.on('stall', ({ phase }) => stalls.push(phase))
  const puts = Array.from({ length: 200 }, (_, i) => codeOf(remote.put(`key-${i}`, Buffer.alloc(KIB, i))))
  while (stalls.length === 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const stalled = codeOf(other.put('other', 'value'))
  expect((await remote.stats()).stalls.current).toBe('frozen-memtables')
  expect(await remote.get('missing')).toBeUndefined()
  await remote.close()
  const codes = await Promise.all(puts)
  expect(new Set(codes)).toEqual(new Set([undefined, 'VARVE_CLOSED']))
  executor.open('flush')
  expect(await stalled, 'the other thread’s write').toBeUndefined()
  expect(String(await other.get('other'))).toBe('value')
  for (const [i, code] of codes.entries()) {
    if (code === undefined) {
      expect(await other.get(`key-${i}`), `key-${i}`).toEqual(Buffer.alloc(KIB, i))
    }
  }
  expect(await other.get('key-199'), 'what stalled went with its thread').toBeUndefined()
})

test('writes that cannot be sent are bounded', async () => {
  const { remote } = await openShared(TIGHT)
  const puts = Array.from({ length: 3000 }, (_, i) => codeOf(remote.put(`key-${i}`, Buffer.alloc(KIB))))
  const codes = await Promise.all(puts)
  const refused = codes.indexOf('VARVE_BUSY')
  expect(refused).toBeGreaterThan(0)
  expect(new Set(codes)).toEqual(new Set([undefined, 'VARVE_BUSY']))
  expect(codes.filter((code) => code === undefined).length * KIB).toBeLessThan(1.2 * 1024 * KIB)
  await remote.put('later', 'there is room')
  const error = await rejection('VARVE_BUSY', Promise.all(puts.map((_, i) => remote.put(`x${i}`, Buffer.alloc(KIB)))))
  expect(error).toBeInstanceOf(BusyError)
})

test('after close all is answered with VARVE_CLOSED, and the store is as it was', async () => {
  const { store, remote } = await openShared()
  const accepted = remote.put('accepted', 'before close')
  const snapshot = remote.snapshot()
  const iterator = remote.iterator()
  const closed = remote.close()
  await accepted
  await closed
  await remote.close()
  const calls = [
    remote.put('a', 'b'),
    remote.write([]),
    remote.get('a'),
    remote.getMany(['a']),
    remote.has('a'),
    remote.sync(),
    remote.flush(),
    remote.clear(),
    remote.stats(),
    remote.approximateSize(),
    iterator.next(),
    snapshot.get('a'),
  ]
  for (const call of calls) {
    expect(await rejection('VARVE_CLOSED', call)).toBeInstanceOf(ClosedError)
  }
  for (const call of [
    () => remote.snapshot(),
    () => remote.iterator(),
    () => remote.share(),
    () => remote.getSync('a'),
  ]) {
    await rejection('VARVE_CLOSED', call)
  }
  expect(store.stats()).toMatchObject({ remoteStoreCount: 0, openSnapshotCount: 0 })
  expect(String(await store.get('accepted'))).toBe('before close')
})

test('snapshots belong to the handle that made them', async () => {
  const { store, remote } = await openShared()
  const other = await connect(store.share())
  const snapshot = other.snapshot()
  await rejection('VARVE_INVALID_ARGUMENT', remote.get('a', { snapshot }))
  await rejection('VARVE_INVALID_ARGUMENT', store.get('a', { snapshot }))
  await rejection('VARVE_INVALID_ARGUMENT', remote.put('a', 'b', { ifUnchangedSince: snapshot }))
  snapshot.close()
  await rejection('VARVE_CLOSED', other.get('a', { snapshot }))
})

test('tight loops of awaits let both sides’ loops turn', async () => {
  const { remote } = await openShared()
  await remote.put('key', 'value')
  for (const step of [() => remote.get('key'), () => remote.put('key', 'value'), () => remote.has('none')]) {
    let hasTurned = false
    const timer = setTimeout(() => (hasTurned = true), 5)
    for (let i = 0; i < 1_000_000 && !hasTurned; i++) {
      await step()
    }
    clearTimeout(timer)
    expect(hasTurned).toBe(true)
  }
})

test('caches of a remote keep to their own bound', async () => {
  const options: ConnectOptions = { blockCacheSizeBytes: 40 * KIB, openTableCountMax: 2 }
  const { store, remote } = await openShared({ tableSizeBytes: 32 * KIB }, {}, options)
  await fill(store, 3000)
  await store.compactRange()
  let count = 0
  for await (const key of remote.keys()) {
    count += key.length > 0 ? 1 : 0
  }
  expect(count).toBe(3000)
  const { remote: held } = await remote.stats()
  expect(held.blockCacheSizeBytes).toBeGreaterThan(0)
  expect(held.blockCacheSizeBytes).toBeLessThanOrEqual(40 * KIB)
  expect(held.openTableCount).toBeLessThanOrEqual(2)
  expect(store.stats().cache.missCount, 'the owner reads nothing for it').toBe(0)
})
