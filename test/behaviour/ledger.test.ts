/** At rest the directory holds what the store knows of, and nothing else (R10). */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import { componentsOf } from '../harness/executors.ts'
import type { ExecutorKind } from '../harness/executors.ts'
import { ledgerFaults, readLedger } from '../harness/ledger.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const TINY: StoreOptions = {
  memtableSizeBytes: 64 * KIB,
  tableSizeBytes: 32 * KIB,
  levelZeroTableCountTrigger: 2,
  levelOneSizeBytes: 64 * KIB,
  levelSizeRatio: 2,
}

function tableCountOf(store: Store): number {
  return store.stats().levels.reduce((sum, level) => sum + level.tableCount, 0)
}

async function overwriteOften(store: Store): Promise<void> {
  for (let round = 0; round < 8; round++) {
    await fill(store, 1500, 60 + round)
  }
}

test.each<ExecutorKind>(['pool', 'inline'])('a new store, and one that was written a lot: %s', async (kind) => {
  const directory = scratchStorePath('ledger')
  const store = await open(directory, TINY, componentsOf(kind))
  await store.close()
  expect(await ledgerFaults(directory)).toEqual([])
  const again = await open(directory, TINY, componentsOf(kind))
  await overwriteOften(again)
  await again.close()
  expect(await ledgerFaults(directory)).toEqual([])
  expect(readLedger(directory).wals.length).toBeLessThanOrEqual(2)
})

test('after a compaction of everything only its output is left', async () => {
  const directory = scratchStorePath('ledger')
  const store = await open(directory, TINY)
  await overwriteOften(store)
  await store.compactRange()
  await store.close()
  expect(await ledgerFaults(directory)).toEqual([])
  const sizeBytes = readLedger(directory).tables.reduce(
    (sum, name) => sum + fs.statSync(path.join(directory, name)).size,
    0,
  )
  expect(sizeBytes).toBeLessThan(1500 * 200)
})

test('a store from which everything was deleted has no tables after a compaction', async () => {
  const directory = scratchStorePath('ledger')
  const store = await open(directory, TINY)
  await overwriteOften(store)
  await store.clear()
  expect(await contentsOf(store)).toEqual([])
  await store.compactRange()
  expect(tableCountOf(store)).toBe(0)
  await store.close()
  expect(await ledgerFaults(directory)).toEqual([])
})

test('tables that a reader still needs are deleted when it has closed', async () => {
  const directory = scratchStorePath('ledger')
  const store = await open(directory, TINY)
  const entries = await fill(store, 1500)
  await store.flush()
  const [iterator, snapshot] = [store.iterator(), store.snapshot()]
  await iterator.next()
  await overwriteOften(store)
  await store.compactRange()
  expect(
    (await iterator.nextMany(10_000)).map(([key, value]) => [key.toString('latin1'), value.toString('latin1')]),
  ).toEqual(entries.slice(1))
  expect((await snapshot.get('key-000007'))?.toString('latin1')).toBe(entries[7]?.[1])
  await iterator.close()
  snapshot.close()
  await store.compactRange()
  await store.close()
  expect(await ledgerFaults(directory)).toEqual([])
})

test('leftovers of a crash are gone after the next open', async () => {
  const directory = scratchStorePath('ledger')
  const store = await open(directory, TINY)
  const entries = await fill(store, 1500)
  await store.close()
  const [table] = readLedger(directory).tables
  fs.copyFileSync(path.join(directory, table ?? ''), path.join(directory, '000900.sst'))
  fs.writeFileSync(path.join(directory, '000901.sst'), 'half a table')
  fs.writeFileSync(path.join(directory, 'CURRENT.tmp'), 'MANIFEST-0000')
  const again = await open(directory, TINY)
  expect(await contentsOf(again)).toEqual(entries)
  await again.close()
  expect(await ledgerFaults(directory)).toEqual([])
  expect(readLedger(directory).tables).not.toContain('000900.sst')
})

test('many opens leave no more files than one', async () => {
  const directory = scratchStorePath('ledger')
  for (let i = 0; i < 50; i++) {
    const store = await open(directory, TINY, componentsOf('inline'))
    await store.put(`key-${i}`, 'value')
    await store.close()
  }
  const store = await open(directory, TINY)
  expect(await contentsOf(store)).toHaveLength(50)
  await store.close()
  expect(await ledgerFaults(directory)).toEqual([])
})
