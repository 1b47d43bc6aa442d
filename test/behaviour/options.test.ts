/** Options out of their range are refused at open, by name, before anything is touched. */
import fs from 'node:fs'
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { StoreOptions } from 'varve'
import { rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const WRONG: readonly [keyof StoreOptions, unknown][] = [
  ['createIfMissing', 'yes'],
  ['errorIfExists', 1],
  ['memtableSizeBytes', 0],
  ['memtableSizeBytes', '16'],
  ['frozenMemtableCountMax', 0],
  ['stalledSizeBytesMax', -1],
  ['valueSizeBytesMax', 257 * 1024 * 1024],
  ['blockSizeBytes', 0],
  ['blockSizeBytes', Number.NaN],
  ['blockCacheSizeBytes', -1],
  ['openTableCountMax', 0],
  ['bloomBitsPerKey', -1],
  ['bloomBitsPerKey', 1.5],
  ['tableSizeBytes', Number.POSITIVE_INFINITY],
  ['levelZeroTableCountTrigger', 0],
  ['levelZeroTableCountMax', null],
  ['levelSizeRatio', 1],
  ['levelOneSizeBytes', -5],
  ['workerCountMax', 0],
]

test.each(WRONG)('option %s must not be %s', async (name, value) => {
  const directory = scratchStorePath('options')
  const error = await rejection('VARVE_INVALID_ARGUMENT', () => open(directory, { [name]: value } as StoreOptions))
  expect(error.message).toContain(name)
  expect(fs.existsSync(directory)).toBe(false)
})

test('an option that does not exist is refused by name', async () => {
  const options = { memtableSize: 1 } as StoreOptions
  const error = await rejection('VARVE_INVALID_ARGUMENT', () => open(scratchStorePath('options'), options))
  expect(error.message).toContain('memtableSize')
})

test('undefined means the default, for each option', async () => {
  const options = Object.fromEntries(WRONG.map(([name]) => [name, undefined])) as StoreOptions
  const store = await open(scratchStorePath('options'), options)
  await store.put('a', 'b')
  await store.close()
})
