/** Conditional writes that have to wait: for room, for the disk, or for both. */
import { IoError, createNodeEnv, type Env } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { expect, test } from 'vitest'
import { contentsOf } from '../harness/contents.ts'
import { GatedExecutor } from '../harness/executors.ts'
import { codeOf, rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const TIGHT: StoreOptions = { memtableSizeBytes: 64 * KIB, frozenMemtableCountMax: 1, blockCacheSizeBytes: 0 }
const VALUE = Buffer.alloc(40 * KIB)

const keysOf = async (store: Store): Promise<string[]> => (await contentsOf(store)).map(([key]) => key)

/** The code and, of conflicts, the key that a write ends with. */
async function endOf(write: Promise<void>): Promise<string> {
  const error: unknown = await write.catch((thrown: unknown) => thrown)
  const { code, key } = (error ?? { code: 'done' }) as { code: string; key?: Uint8Array }
  return key === undefined ? code : `${code} ${Buffer.from(key).toString()}`
}

/** Jobs get files that never fail; of the store's own, reads of tables fail or wait when the test says so. */
class TableReads {
  readonly env: Env = createNodeEnv()
  isBroken = false
  gate: Promise<void> = Promise.resolve()
  waitingCount = 0

  constructor() {
    const openFile = this.env.files.open.bind(this.env.files)
    this.env.files.open = async (path, mode) => {
      const file = await openFile(path, mode)
      const read = file.read.bind(file)
      file.read = async (into, offset, length, position) => {
        if (path.endsWith('.sst')) {
          this.waitingCount++
          await this.gate
          this.waitingCount--
          if (this.isBroken) {
            throw new IoError('reading', path, new Error('broken on purpose'))
          }
        }
        return await read(into, offset, length, position)
      }
      return file
    }
  }
}

test('a stalled write is checked when it is admitted, behind those that stalled before it', async () => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('conditional'), TIGHT, { executor })
  await store.put('a', 'old')
  const since = store.snapshot()
  executor.shut('flush')
  const writes = [store.put('f1', VALUE), store.put('g', VALUE), store.put('h', VALUE)]
  expect(store.stats().stalls.current).toBe('frozen-memtables')
  const clear = endOf(store.put('b', 'mine', { ifUnchangedSince: since, unchangedRanges: [{ lt: 'f' }] }))
  // Its key lies between those of the table that the flush makes: whether it is there takes a look into it.
  const between = endOf(store.put('c', 'mine', { ifUnchangedSince: since, unchangedKeys: ['b1', 'f0'] }))
  const change = store.put('a', 'new')
  const late = endOf(store.put('d', 'mine', { ifUnchangedSince: since, unchangedKeys: ['a'] }))
  const alsoLate = endOf(store.put('d', 'mine', { ifUnchangedSince: since, unchangedRanges: [{ prefix: 'h' }] }))
  const flushed = endOf(store.put('d', 'mine', { ifUnchangedSince: since, unchangedRanges: [{ prefix: 'f' }] }))
  const behind = store.put('e', 'behind')
  executor.open('flush')
  await Promise.all([...writes, change, behind])
  expect(await Promise.all([clear, between, late, alsoLate, flushed])).toEqual([
    'done',
    'done',
    'VARVE_CONFLICT a',
    'VARVE_CONFLICT h',
    'VARVE_CONFLICT f1',
  ])
  expect(await keysOf(store)).toEqual(['a', 'b', 'c', 'e', 'f1', 'g', 'h'])
  await store.close()
})

/** A store in which a table holds newer keys than the snapshot, and a first stalled write would have to look into it. */
async function stalledBeforeTable(
  reads: TableReads,
  executor: GatedExecutor,
  store: Store,
): Promise<Promise<string>[]> {
  const since = store.snapshot()
  await store.write([
    { type: 'put', key: 'f1', value: 'new' },
    { type: 'put', key: 'f9', value: 'new' },
  ])
  await store.flush()
  executor.shut('flush')
  const filling = [store.put('x', VALUE), store.put('y', VALUE)]
  await Promise.all(filling)
  const ends = [
    endOf(store.put('z', VALUE)),
    endOf(store.put('f5', VALUE, { ifUnchangedSince: since })),
    endOf(store.put('f5', 'behind')),
  ]
  expect(store.stats().memory.kinds.stalledWrites.count).toBe(3)
  expect(reads.waitingCount).toBe(0)
  return ends
}

test.each([
  ['and is admitted', false, ['done', 'done', 'done'], 'behind'],
  ['and fails alone where that cannot be read; those behind it go on', true, ['done', 'VARVE_IO', 'done'], 'behind'],
])('a stalled write that needs the disk holds up those behind it, %s', async (_name, isBroken, expected, value) => {
  const [reads, executor] = [new TableReads(), new GatedExecutor()]
  const store = await open(scratchStorePath('conditional'), TIGHT, { env: reads.env, executor })
  const ends = await stalledBeforeTable(reads, executor, store)
  let release = (): void => undefined
  reads.gate = new Promise((resolve) => (release = resolve))
  executor.open('flush')
  await expect.poll(() => reads.waitingCount).toBe(1)
  const late = store.put('late', 'value')
  expect(store.stats().memory.kinds.stalledWrites.count).toBe(3)
  reads.isBroken = isBroken
  release()
  expect(await Promise.all(ends)).toEqual(expected)
  await late
  reads.isBroken = false
  expect(String(await store.get('f5'))).toBe(value)
  await store.close()
})

test('closing while a stalled write waits for the disk rejects it, and waits for the disk', async () => {
  const [reads, executor] = [new TableReads(), new GatedExecutor()]
  const directory = scratchStorePath('conditional')
  const store = await open(directory, TIGHT, { env: reads.env, executor })
  const ends = await stalledBeforeTable(reads, executor, store)
  let release = (): void => undefined
  reads.gate = new Promise((resolve) => (release = resolve))
  executor.open('flush')
  await expect.poll(() => reads.waitingCount).toBe(1)
  let isClosed = false
  const closed = store.close().then(() => (isClosed = true))
  expect(await ends[2]).toBe('VARVE_CLOSED')
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(isClosed).toBe(false)
  release()
  await closed
  expect(await Promise.all(ends)).toEqual(['done', 'VARVE_CLOSED', 'VARVE_CLOSED'])
  const again = await open(directory)
  expect(await keysOf(again)).toEqual(['f1', 'f9', 'x', 'y', 'z'])
  await again.close()
})

test('a write that is not stalled and needs the disk: later writes may go first, and it is checked against them', async () => {
  const reads = new TableReads()
  const executor = createInlineExecutor(createNodeEnv())
  const store = await open(scratchStorePath('conditional'), { blockCacheSizeBytes: 0 }, { env: reads.env, executor })
  const since = store.snapshot()
  await store.write(['a', 'm', 'z'].map((key) => ({ type: 'put', key, value: 'new' })))
  await store.flush()
  let release = (): void => undefined
  reads.gate = new Promise((resolve) => (release = resolve))
  const ends = ['b', 'c', 'd'].map((key) => endOf(store.put(key, 'mine', { ifUnchangedSince: since })))
  await store.put('b', 'first')
  void store.put('c', 'first too')
  release()
  expect(await Promise.all(ends)).toEqual(['VARVE_CONFLICT b', 'VARVE_CONFLICT c', 'done'])
  reads.isBroken = true
  const unread = await rejection('VARVE_IO', store.put('e', 'mine', { ifUnchangedSince: since }))
  expect(unread).toBeInstanceOf(IoError)
  reads.isBroken = false
  expect(await keysOf(store)).toEqual(['a', 'b', 'c', 'd', 'm', 'z'])
  await store.close()
})

test('conditional writes that wait for the disk are bounded', async () => {
  const reads = new TableReads()
  const executor = createInlineExecutor(createNodeEnv())
  const options = { blockCacheSizeBytes: 0, stalledSizeBytesMax: 100 * KIB }
  const store = await open(scratchStorePath('conditional'), options, { env: reads.env, executor })
  const since = store.snapshot()
  await store.write(['a', 'z'].map((key) => ({ type: 'put', key, value: 'new' })))
  await store.flush()
  let release = (): void => undefined
  reads.gate = new Promise((resolve) => (release = resolve))
  const large = endOf(store.put('b', Buffer.alloc(200 * KIB), { ifUnchangedSince: since }))
  expect(await codeOf(store.put('c', 'mine', { ifUnchangedSince: since }))).toBe('VARVE_BUSY')
  release()
  expect(await large).toBe('done')
  const ends = ['c', 'd', 'e', 'f'].map((key) => endOf(store.put(key, VALUE, { ifUnchangedSince: since })))
  expect(await Promise.all(ends)).toEqual(['done', 'done', 'VARVE_BUSY', 'VARVE_BUSY'])
  expect(await keysOf(store)).toEqual(['a', 'b', 'c', 'd', 'z'])
  await store.close()
})

test('a stalled write is rejected by closing, and its snapshot is let go of', async () => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('conditional'), TIGHT, { executor })
  const since = store.snapshot()
  executor.shut('flush')
  const writes = Promise.allSettled([store.put('f', VALUE), store.put('g', VALUE), store.put('h', VALUE)])
  const stalled = codeOf(store.put('b', 'mine', { ifUnchangedSince: since }))
  const closed = store.close()
  executor.open('flush')
  await closed
  expect(await stalled).toBe('VARVE_CLOSED')
  await writes
  expect(await codeOf(store.put('b', 'mine', { ifUnchangedSince: since }))).toBe('VARVE_CLOSED')
})
