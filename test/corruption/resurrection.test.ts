/**
 * R4 under repair: tables that were obsolete, and only waited for their deletion, do not bring back what was deleted or
 * overwritten, as long as a manifest can be read; without one, sequence numbers decide between the tables that are there.
 */
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { StoreOptions } from 'varve'
import { createInlineExecutor } from '@varve/workers'
import { imageEnv } from './image-files.ts'
import type { Image } from './image-files.ts'
import { contentsOfRepaired, repairImage } from './repaired-store.ts'
import type { Repaired } from './repaired-store.ts'
import { DIRECTORY, SMALL_OPTIONS } from './store-image.ts'

interface Made {
  /** As a crash leaves it that came before obsolete tables were deleted. */
  readonly image: Map<string, Uint8Array>
  readonly obsolete: readonly string[]
}

const isTable = (file: string): boolean => file.endsWith('.sst')

/** `gone` was put and deleted, `changed` overwritten, and both compacted; then came more edits. */
async function makeWithObsoleteTables(options: StoreOptions = SMALL_OPTIONS): Promise<Made> {
  const env = imageEnv()
  const store = await open(DIRECTORY, options, { env, executor: createInlineExecutor(env) })
  for (const [key, value] of [
    ['changed', 'old'],
    ['gone', 'value'],
    ['kept', 'value'],
  ] as const) {
    await store.put(key, value)
  }
  await store.flush()
  await store.put('changed', 'new')
  await store.delete('gone')
  await store.flush()
  const before = env.files.toImage()
  await store.compactRange()
  await store.put('later', 'value')
  await store.flush()
  await store.put('last', 'value')
  await store.flush()
  const after = env.files.toImage()
  await store.close()
  const obsolete = [...before.keys()].filter((file) => isTable(file) && !after.has(file))
  expect(obsolete).toHaveLength(2)
  return { image: new Map([...after, ...[...before].filter(([file]) => obsolete.includes(file))]), obsolete }
}

const EXPECTED = new Map(Object.entries({ changed: 'new', kept: 'value', last: 'value', later: 'value' }))

async function repaired(damaged: Image): Promise<Repaired> {
  const result = await repairImage(damaged)
  if ('crashed' in result) {
    throw new Error('nothing was to crash')
  }
  return result
}

const manifestOf = (image: Image): string => [...image.keys()].find((file) => file.includes('MANIFEST')) ?? ''

test('a whole manifest: obsolete tables are set aside', async () => {
  const { image } = await makeWithObsoleteTables()
  image.delete(`${DIRECTORY}/CURRENT`)
  const { report, image: after } = await repaired(image)
  expect(report).toMatchObject({ wasDamaged: true, wasRebuilt: false, lost: [] })
  expect(await contentsOfRepaired(after)).toEqual(EXPECTED)
})

test('a manifest that is damaged behind the edit that deleted them', async () => {
  const { image, obsolete } = await makeWithObsoleteTables()
  // The one with the deletion is gone already: the other alone would bring everything back.
  image.delete(obsolete[1] ?? '')
  const file = manifestOf(image)
  const bytes = Uint8Array.from(image.get(file) ?? [])
  const end = bytes.length - 20
  image.set(file, bytes.fill(0xee, end))
  const logs = [...image.keys()].filter((name) => name.endsWith('.wal'))
  logs.forEach((name) => image.delete(name))
  const { report, image: after } = await repaired(image)
  expect(report.wasRebuilt).toBe(true)
  expect(await contentsOfRepaired(after)).toEqual(EXPECTED)
})

test('no manifest, but all of the obsolete tables: the deletion is newer than what it deleted', async () => {
  const { image } = await makeWithObsoleteTables()
  image.delete(manifestOf(image))
  const { report, image: after } = await repaired(image)
  expect(report.wasRebuilt).toBe(true)
  expect(await contentsOfRepaired(after)).toEqual(EXPECTED)
})

test('a hundred tables that overlap are merged, so many at a time', async () => {
  const env = imageEnv()
  const store = await open(DIRECTORY, SMALL_OPTIONS, { env, executor: createInlineExecutor(env) })
  const expected = new Map<string, string>()
  for (let i = 0; i < 100; i++) {
    for (const key of ['a', `key-${i % 7}`, 'z']) {
      await store.put(key, `${key} ${i}`)
      expected.set(key, `${key} ${i}`)
    }
    if (i % 10 === 9) {
      await store.delete('key-0')
      expected.delete('key-0')
    }
    await store.flush()
    if (store.stats().levels[0]?.tableCount === 90) {
      break
    }
  }
  const image = env.files.toImage()
  await store.close()
  expect([...image.keys()].filter(isTable).length).toBeGreaterThan(64)
  image.delete(manifestOf(image))
  const { report, image: after } = await repaired(image)
  expect(report).toMatchObject({ wasRebuilt: true, lost: [] })
  expect(await contentsOfRepaired(after)).toEqual(new Map([...expected].toSorted(([a], [b]) => (a < b ? -1 : 1))))
})
