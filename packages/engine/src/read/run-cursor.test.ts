import { AT_END, AT_ENTRY, compareKeys } from '@varve/storage'
import { expect, test } from 'vitest'
import { BlockCache } from '../cache/block-cache.ts'
import { TableCache } from '../cache/table-cache.ts'
import { randomEntries, visibleAt, walkAgainst } from '../test-support/cursors.ts'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { forEachSeed, type SeededRandom } from '../test-support/seeds.ts'
import { inTableOrder, putOf, writeTable, type TestEntry } from '../test-support/tables.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { ReadContext } from './read-context.ts'
import { RunCursor } from './run-cursor.ts'

/** Entries cut into the tables of one run: all versions of a key are in one of them. */
function writeRun(env: MemoryEnv, entries: readonly TestEntry[], random: SeededRandom): TableHandle[] {
  const tables: TestEntry[][] = []
  let before: TestEntry | undefined
  for (const entry of inTableOrder(entries)) {
    const isNewKey = before === undefined || compareKeys(before.key, entry.key) !== 0
    if (tables.length === 0 || (isNewKey && random.below(15) === 0)) {
      tables.push([])
    }
    tables.at(-1)?.push(entry)
    before = entry
  }
  return tables.map((table, i) => writeTable(env, i + 1, table, { blockSizeBytes: 64 + random.below(400) }))
}

function contextOf(env: MemoryEnv, cacheSizeBytes: number): ReadContext {
  return new ReadContext(new TableCache(env, '/d', 3, new BlockCache(cacheSizeBytes), () => {}))
}

test('a run is what a sorted list is, at any sequence, in both directions, with any cache', () => {
  forEachSeed(40, (random) => {
    const env = new MemoryEnv()
    const entries = randomEntries(random, random.below(300), 1)
    const tables = writeRun(env, entries, random)
    for (const isReverse of [false, true]) {
      const sequence = random.pick([0, random.below(entries.length + 1), 1000])
      const context = contextOf(env, random.pick([0, 1500, 1024 * 1024]))
      const cursor = new RunCursor(tables, context, sequence, isReverse)
      walkAgainst(cursor, visibleAt(entries, sequence), isReverse, random, () => context.loadSync())
    }
  })
})

test('a run without tables has no entries', () => {
  for (const isReverse of [false, true]) {
    const cursor = new RunCursor([], contextOf(new MemoryEnv(), 0), 10, isReverse)
    expect([cursor.start(), cursor.seek(Buffer.from('a'), 1), cursor.start()]).toEqual([AT_END, AT_END, AT_END])
  }
})

test('a table in which nothing is visible is passed over', () => {
  for (const isReverse of [false, true]) {
    const env = new MemoryEnv()
    const tables = [
      writeTable(env, 1, [putOf('a', '1', 5)]),
      writeTable(env, 2, [putOf('b', '2', 50), putOf('c', '3', 51)]),
      writeTable(env, 3, [putOf('d', '4', 6)]),
    ]
    const context = contextOf(env, 0)
    const cursor = new RunCursor(tables, context, 10, isReverse)
    const visible = [putOf('a', '1', 5), putOf('d', '4', 6)]
    forEachSeed(3, (random) => {
      walkAgainst(cursor, visible, isReverse, random, () => context.loadSync())
    })
  }
})

test('seeking before the first key in reverse ends, and the cursor can be used again', () => {
  const env = new MemoryEnv()
  const tables = [writeTable(env, 1, [putOf('b'), putOf('c')])]
  const context = contextOf(env, 1024 * 1024)
  tables.forEach((table) => context.table(table) ?? context.loadSync())
  const cursor = new RunCursor(tables, context, 10, true)
  while (cursor.start() !== AT_ENTRY) {
    context.loadSync()
  }
  expect(cursor.seek(Buffer.from('b'), 1)).toBe(AT_END)
  expect(cursor.seek(Buffer.from('b\0'), 2)).toBe(AT_ENTRY)
  expect(cursor.keySize).toBe(1)
})
