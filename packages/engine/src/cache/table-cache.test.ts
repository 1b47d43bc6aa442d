import { AssertionError, CorruptionError, ROLE_DATA, isNotFound } from '@varve/storage'
import { expect, test } from 'vitest'
import { MemoryEnv, settle } from '../test-support/memory-env.ts'
import { forEachSeedInTurn } from '../test-support/seeds.ts'
import { putOf, writeTable } from '../test-support/tables.ts'
import { TableHandle } from '../version/table-handle.ts'
import { BlockCache } from './block-cache.ts'
import { TableCache } from './table-cache.ts'

interface Fixture {
  readonly env: MemoryEnv
  readonly blocks: BlockCache
  readonly tables: TableCache
  readonly handles: readonly TableHandle[]
  readonly failures: unknown[]
}

function setUp(tableCount: number, openCountMax: number): Fixture {
  const env = new MemoryEnv()
  const blocks = new BlockCache(1024 * 1024)
  const failures: unknown[] = []
  const handles = Array.from({ length: tableCount }, (_, i) => writeTable(env, i + 1, [putOf(`key ${i}`, 'value')]))
  return {
    env,
    blocks,
    tables: new TableCache(env, '/d', openCountMax, blocks, (error) => failures.push(error)),
    handles,
    failures,
  }
}

const isOpen = (handle: TableHandle): boolean => handle.reader !== undefined

test('a table is opened once, whoever asks and however often', async () => {
  const { env, tables, handles } = setUp(1, 10)
  const [handle] = handles as [TableHandle]
  expect(tables.readerOf(handle)).toBeUndefined()
  const readers = await Promise.all([tables.open(handle), tables.open(handle), tables.open(handle)])
  readers.push(await tables.open(handle), tables.openSync(handle))
  expect(new Set(readers).size).toBe(1)
  expect(tables.readerOf(handle)).toBe(readers[0])
  expect([env.files.openCount, tables.openCount]).toEqual([1, 1])
  expect(tables.memorySizeBytes).toBe(readers[0]?.memorySizeBytes)
})

test('a synchronous read that is faster than an asynchronous opening leaves one open file', async () => {
  const { env, tables, handles } = setUp(1, 10)
  const [handle] = handles as [TableHandle]
  const release = env.files.hold('read')
  const opening = tables.open(handle)
  await settle()
  const reader = tables.openSync(handle)
  release()
  expect(await opening).toBe(reader)
  expect([env.files.openCount, tables.openCount, tables.memorySizeBytes]).toEqual([1, 1, reader.memorySizeBytes])
})

test('at most so many tables are open; one that is used between all others is rarely closed', () => {
  const { env, tables, handles } = setUp(100, 5)
  const [favourite, ...others] = handles as [TableHandle, ...TableHandle[]]
  let openingCount = 0
  for (const handle of others) {
    if (tables.readerOf(favourite) === undefined) {
      openingCount++
      tables.openSync(favourite)
    }
    tables.openSync(handle)
    expect(isOpen(handle), 'the one just opened stays').toBe(true)
    expect(tables.openCount).toBeLessThanOrEqual(5)
    expect(env.files.openCount).toBe(tables.openCount)
  }
  // Were use not heeded, it would be closed each time that five others are opened.
  expect(openingCount).toBeLessThanOrEqual(5)
  expect(handles.filter(isOpen)).toHaveLength(5)
})

test('a table on which a read is in flight is never closed, even beyond the bound', async () => {
  const { env, tables, handles } = setUp(6, 2)
  const [first, second, third, ...others] = handles as [TableHandle, TableHandle, TableHandle]
  const size = firstBlockSize(tables, first)
  tables.openSync(second)
  const release = env.files.hold('read')
  const reads = [first, second, third].map((handle) => tables.readBlock(handle, 0, size, ROLE_DATA))
  await settle()
  for (const handle of others as TableHandle[]) {
    tables.openSync(handle)
  }
  expect([isOpen(first), isOpen(second)]).toEqual([true, true])
  expect(() => tables.forget(first)).toThrow(AssertionError)
  release()
  await Promise.all(reads)
  expect([first, second, third].map(({ pinCount }) => pinCount)).toEqual([0, 0, 0])
})

test('random reads, openings and forgettings never use a closed file, and leave none open', async () => {
  await forEachSeedInTurn(10, async (random) => {
    const { env, tables, handles } = setUp(12, 3)
    const sizes = new Map(handles.map((handle) => [handle, firstBlockSize(tables, handle)]))
    const reads: Promise<unknown>[] = []
    for (let i = 0; i < 200; i++) {
      const handle = handles[random.below(handles.length)] as TableHandle
      const size = sizes.get(handle) ?? 0
      switch (random.below(6)) {
        case 0:
          tables.readBlockSync(handle, 0, size, ROLE_DATA)
          break
        case 1:
          if (handle.pinCount === 0) {
            tables.forget(handle)
          }
          break
        case 2:
          await settle()
          break
        default:
          reads.push(tables.readBlock(handle, 0, size, ROLE_DATA))
      }
      expect(tables.openCount).toBe(handles.filter(isOpen).length)
    }
    await Promise.all(reads)
    tables.closeAll()
    expect([env.files.openCount, tables.openCount, tables.memorySizeBytes]).toEqual([0, 0, 0])
  })
})

test('forgetting a table closes it and drops its blocks', () => {
  const { env, blocks, tables, handles } = setUp(2, 10)
  for (const handle of handles) {
    blocks.put(handle.metadata.number, tables.readBlockSync(handle, 0, firstBlockSize(tables, handle), ROLE_DATA))
  }
  tables.forget(handles[0] as TableHandle)
  expect(handles.map(isOpen)).toEqual([false, true])
  expect([blocks.count, env.files.openCount]).toEqual([1, 1])
  tables.forget(handles[0] as TableHandle)
  expect(tables.openCount, 'again is nothing').toBe(1)
})

test('a table that cannot be opened leaves no file open, and the next try is a new one', async () => {
  const { env, tables, handles } = setUp(1, 10)
  const [handle] = handles as [TableHandle]
  const path = '/d/000001.sst'
  const bytes = env.files.bytesOf(path)
  env.files.set(path, bytes.subarray(0, bytes.length - 1))
  await expect(tables.open(handle)).rejects.toThrow(CorruptionError)
  expect(() => tables.openSync(handle)).toThrow(CorruptionError)
  await env.files.remove(path)
  const error: unknown = await tables.open(handle).catch((thrown: unknown) => thrown)
  expect(isNotFound(error)).toBe(true)
  expect([env.files.openCount, tables.openCount, handle.pinCount]).toEqual([0, 0, 0])
  env.files.set(path, bytes)
  await tables.open(handle)
  expect(tables.openCount).toBe(1)
})

test('a file that cannot be closed is told of, and its table is closed all the same', () => {
  const { tables, handles, failures } = setUp(1, 10)
  const [handle] = handles as [TableHandle]
  const error = new Error('EIO')
  Object.assign(tables.openSync(handle).file, {
    closeSync: () => {
      throw error
    },
  })
  tables.closeAll()
  expect(failures).toEqual([error])
  expect([isOpen(handle), tables.openCount, tables.memorySizeBytes]).toEqual([false, 0, 0])
})

/** The tables are of one data block, which begins the file: its size is found by trying. */
function firstBlockSize(tables: TableCache, handle: TableHandle): number {
  const { bodySizeBytes } = tables.openSync(handle)
  for (let size = 1; size < bodySizeBytes; size++) {
    try {
      tables.readBlockSync(handle, 0, size, ROLE_DATA)
      return size
    } catch (error) {
      if (!(error instanceof CorruptionError)) {
        throw error
      }
    }
  }
  throw new Error('there is no block')
}

test('R8: a table that is not the one that the manifest means is not read, though its checksums are right', async () => {
  const { env, tables, handles } = setUp(1, 10)
  const [handle] = handles as [TableHandle]
  const other = new TableHandle({ ...handle.metadata, largestKey: Buffer.from('key 1') }, 0)
  expect(() => tables.openSync(other)).toThrow(CorruptionError)
  await expect(tables.open(other)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', path: '/d/000001.sst' })
  expect([env.files.openCount, tables.openCount]).toEqual([0, 0])
})
