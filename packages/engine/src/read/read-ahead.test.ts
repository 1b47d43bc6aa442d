import { AT_ENTRY, CorruptionError, NEEDS_BLOCK, ROLE_DATA } from '@varve/storage'
import { expect, test } from 'vitest'
import { BlockCache } from '../cache/block-cache.ts'
import { TableCache } from '../cache/table-cache.ts'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { putOf, writeTable } from '../test-support/tables.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { ReadContext } from './read-context.ts'
import { RunCursor } from './run-cursor.ts'

const COUNT = 10_000
const CACHE_SIZE_BYTES = 16 * 1024 * 1024

interface Fixture {
  readonly env: MemoryEnv
  readonly run: readonly TableHandle[]
}

const nameOf = (i: number): string => `key ${String(i).padStart(6, '0')}`

/** Two tables of data blocks of about 256 bytes. */
function setUp(): Fixture {
  const env = new MemoryEnv()
  const entries = Array.from({ length: COUNT }, (_, i) => putOf(nameOf(i), `value ${i}`, 7))
  const half = COUNT / 2
  return { env, run: [writeTable(env, 1, entries.slice(0, half)), writeTable(env, 2, entries.slice(half))] }
}

interface Scanned {
  readonly keys: string[]
  /** How often the scan had to wait. */
  readonly loadCount: number
  readonly tables: TableCache
}

async function scan({ env, run }: Fixture, isReverse: boolean, fillCache: boolean, cache: number): Promise<Scanned> {
  const tables = new TableCache(env, '/d', 10, new BlockCache(cache), () => {})
  const context = new ReadContext(tables, { isReverse, fillCache })
  const cursor = new RunCursor(run, context, 10, isReverse)
  const keys: string[] = []
  let loadCount = 0
  let status = cursor.start()
  while (status === AT_ENTRY || status === NEEDS_BLOCK) {
    if (status === NEEDS_BLOCK) {
      loadCount++
      await context.load()
      status = cursor.resume()
    } else {
      keys.push(Buffer.from(cursor.keyBytes.subarray(0, cursor.keySize)).toString())
      const value = cursor.valueBytes.subarray(cursor.valueOffset, cursor.valueOffset + cursor.valueSize)
      if (Buffer.from(value).toString() !== `value ${Number(keys.at(-1)?.slice(4))}`) {
        throw new Error(`the value of ${keys.at(-1)} is wrong`)
      }
      status = cursor.advance()
    }
  }
  context.forgetReadAhead()
  return { keys, loadCount, tables }
}

test('a scan that reads ahead has all entries in order, waits rarely, and fills the cache only if it is to', async () => {
  const fixture = setUp()
  const names = Array.from({ length: COUNT }, (_, i) => nameOf(i))
  for (const isReverse of [false, true]) {
    for (const fillCache of [false, true]) {
      for (const cacheSizeBytes of [0, CACHE_SIZE_BYTES]) {
        const { keys, loadCount, tables } = await scan(fixture, isReverse, fillCache, cacheSizeBytes)
        expect(keys).toEqual(isReverse ? names.toReversed() : names)
        expect(loadCount).toBeLessThan(100)
        const { blocks } = tables
        const dataCount = blocks.count
        expect(dataCount > 500).toBe(fillCache && cacheSizeBytes > 0)
        expect(blocks.missCountOf(ROLE_DATA)).toBeGreaterThan(500)
        expect(tables.readAheadSizeBytes).toBe(0)
      }
    }
  }
})

test('blocks that were read ahead are checked before they are used', async () => {
  const fixture = setUp()
  const path = '/d/000001.sst'
  const bytes = Buffer.from(fixture.env.files.bytesOf(path))
  bytes[60_000] = (bytes[60_000] as number) ^ 1
  fixture.env.files.set(path, bytes)
  await expect(scan(fixture, false, true, CACHE_SIZE_BYTES)).rejects.toThrow(CorruptionError)
  await expect(scan(fixture, true, false, 0)).rejects.toThrow(CorruptionError)
})

test('scans at rest keep 8 MiB of what they read ahead between them, the others nothing', async () => {
  const { env, run } = setUp()
  const tables = new TableCache(env, '/d', 10, new BlockCache(0), () => {})
  const contexts: ReadContext[] = []
  let refusedCount = 0
  for (let i = 0; i < 300; i++) {
    const context = new ReadContext(tables, { isReverse: false, fillCache: true })
    contexts.push(context)
    const cursor = new RunCursor(run, context, 10, false)
    let status = cursor.start()
    for (let entryCount = 0; entryCount < 1200;) {
      if (status === NEEDS_BLOCK) {
        await context.load()
        status = cursor.resume()
      } else {
        entryCount++
        status = cursor.advance()
      }
    }
    context.clear()
    refusedCount += context.rest() ? 0 : 1
    expect(tables.readAheadSizeBytes).toBeLessThanOrEqual(8 * 1024 * 1024)
  }
  expect(refusedCount).toBeGreaterThan(0)
  expect(refusedCount).toBeLessThan(300)
  for (const context of contexts) {
    context.forgetReadAhead()
  }
  expect(tables.readAheadSizeBytes).toBe(0)
})
