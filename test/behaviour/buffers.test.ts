/** Bytes are copied: what a caller does to its own buffers, or to those it was given, changes nothing in the store. */
import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, test } from 'vitest'
import { WriteBatch, open } from 'varve'
import type { Store } from 'varve'
import { contentsOf } from '../harness/contents.ts'
import { componentsOf } from '../harness/executors.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

test('bytes passed in are copied before the call returns', async () => {
  const directory = scratchStorePath('buffers')
  const store = await open(directory)
  const [key, value] = [Buffer.from('key'), Buffer.from('value')]
  const written = store.put(key, value)
  key.fill(0)
  value.fill(0)
  await written
  const inBatch = Buffer.from('in-batch')
  const batch = new WriteBatch().put(inBatch, inBatch)
  inBatch.fill(0)
  await store.write(batch)
  const inArray = Buffer.from('in-array')
  const done = store.write([{ type: 'put', key: inArray, value: inArray }])
  inArray.fill(0)
  await done
  const expected = [
    ['in-array', 'in-array'],
    ['in-batch', 'in-batch'],
    ['key', 'value'],
  ]
  expect(await contentsOf(store)).toEqual(expected)
  await store.close()
  const again = await open(directory)
  expect(await contentsOf(again)).toEqual(expected)
  await again.close()
})

test('stalled writes are copied too', async () => {
  const store = await open(scratchStorePath('buffers'), { memtableSizeBytes: 16 * 1024, frozenMemtableCountMax: 1 })
  const value = Buffer.alloc(1000)
  const writes = Array.from({ length: 100 }, (_, i) => {
    value.fill(i)
    return store.put(`key-${i}`, value)
  })
  value.fill(0xff)
  await Promise.all(writes)
  for (let i = 0; i < 100; i++) {
    expect(store.getSync(`key-${i}`)).toEqual(Buffer.alloc(1000, i))
  }
  await store.close()
})

async function everyRead(store: Store): Promise<Buffer[]> {
  const snapshot = store.snapshot()
  const buffers = [
    await store.get('key'),
    store.getSync('key'),
    ...(await store.getMany(['key', 'key'])),
    await snapshot.get('key'),
  ]
  for await (const entry of store.entries()) {
    buffers.push(...entry)
  }
  for await (const entry of store.entries({ reverse: true })) {
    buffers.push(...entry)
  }
  const iterator = store.iterator()
  buffers.push(...(await iterator.nextMany(5)).flat())
  await iterator.close()
  snapshot.close()
  return buffers.filter((buffer) => buffer !== undefined)
}

test.each(['memtable', 'table', 'large value in a table'])('bytes given out are the caller’s: %s', async (where) => {
  const store = await open(scratchStorePath('buffers'))
  const value = where.startsWith('large') ? 'value '.repeat(20_000) : 'value'
  await store.put('key', value)
  if (where !== 'memtable') {
    await store.flush()
  }
  for (let round = 0; round < 3; round++) {
    const buffers = await everyRead(store)
    expect(buffers.length).toBe(11)
    for (const buffer of buffers) {
      expect(Buffer.isBuffer(buffer)).toBe(true)
      expect(['key', value]).toContain(buffer.toString())
    }
    buffers.forEach((buffer) => buffer.fill(0x21))
  }
  expect(await contentsOf(store)).toEqual([['key', value]])
  await store.compactRange()
  expect(await contentsOf(store)).toEqual([['key', value]])
  await store.close()
})

test('a buffer given out stays as it was, whatever is written later', async () => {
  const store = await open(scratchStorePath('buffers'), { memtableSizeBytes: 16 * 1024 })
  await store.put('key', Buffer.alloc(64, 1))
  const [early, sync] = [await store.get('key'), store.getSync('key')]
  for (let i = 0; i < 500; i++) {
    await store.put(`other-${i}`, Buffer.alloc(500, 2))
    await store.put('key', Buffer.alloc(64, 3))
  }
  await store.flush()
  expect(early).toEqual(Buffer.alloc(64, 1))
  expect(sync).toEqual(Buffer.alloc(64, 1))
  await store.close()
})

test('a read in the same turn as a write sees what was there before; after await, the write', async () => {
  const store = await open(scratchStorePath('buffers'))
  await store.put('key', 'old')
  const written = store.put('key', 'new')
  expect(store.getSync('key')?.toString()).toBe('old')
  const snapshot = store.snapshot()
  const [iterator, inFlight] = [store.iterator(), store.get('key')]
  await written
  expect(store.getSync('key')?.toString()).toBe('new')
  expect((await store.get('key'))?.toString()).toBe('new')
  expect((await inFlight)?.toString()).toBe('old')
  expect((await snapshot.get('key'))?.toString()).toBe('old')
  expect((await iterator.next())?.[1].toString()).toBe('old')
  await iterator.close()
  await store.close()
})

test('strings are UTF-8, and any Uint8Array will do', async () => {
  const store = await open(scratchStorePath('buffers'))
  const backing = new Uint8Array([9, 9, 0xc3, 0xa9, 9])
  await store.put('é', backing.subarray(1, 4))
  expect(store.getSync(backing.subarray(2, 4))).toEqual(Buffer.from([9, 0xc3, 0xa9]))
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7)
  await store.put(shared, shared)
  expect(await store.get(Buffer.from([7, 7]))).toEqual(Buffer.from([7, 7]))
  await store.close()
})

test('nothing of a large batch is held when its memtable has been flushed', async () => {
  v8.setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void
  const store = await open(scratchStorePath('buffers'), { memtableSizeBytes: 64 * 1024 }, componentsOf('inline'))
  const sizeBytes = 16 * 1024 * 1024
  await store.write(['a', 'b', 'c', 'd'].map((key) => ({ type: 'put', key, value: Buffer.alloc(sizeBytes) })))
  await store.flush()
  await expect
    .poll(
      () => {
        collect()
        return process.memoryUsage().arrayBuffers
      },
      { timeout: 10_000 },
    )
    .toBeLessThan(3 * sizeBytes)
  await store.close()
})
