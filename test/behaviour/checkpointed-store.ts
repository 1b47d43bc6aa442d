/** Stores that checkpoints are made of, small enough for several levels, and what is found in them later. */
import { expect } from 'vitest'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { contentsOf } from '../harness/contents.ts'
import { componentsOf } from '../harness/executors.ts'
import type { ExecutorKind } from '../harness/executors.ts'
import { ledgerFaults } from '../harness/ledger.ts'

export const TINY: StoreOptions = {
  memtableSizeBytes: 32 * 1024,
  tableSizeBytes: 16 * 1024,
  levelZeroTableCountTrigger: 2,
  levelOneSizeBytes: 64 * 1024,
  levelSizeRatio: 2,
}

export async function openWith(directory: string, kind: ExecutorKind = 'inline', options = TINY): Promise<Store> {
  return await open(directory, options, componentsOf(kind))
}

/** What a store at `directory` holds; it is sound and its files are those that it knows. */
export async function soundContents(directory: string): Promise<[string, string][]> {
  const store = await openWith(directory)
  const contents = await contentsOf(store)
  expect((await store.verify()).findings).toEqual([])
  await store.close()
  expect(await ledgerFaults(directory)).toEqual([])
  return contents
}
