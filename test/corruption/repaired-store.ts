/** Repairs a damaged image, and judges what is then in the store by what was written and what is said to be lost. */
import { expect } from 'vitest'
import { open, repair } from 'varve'
import type { LostPart, RepairReport } from 'varve'
import { createInlineExecutor } from '@varve/workers'
import { contentsOf } from '../harness/contents.ts'
import { imageEnv } from './image-files.ts'
import type { Image } from './image-files.ts'
import { DIRECTORY, SMALL_OPTIONS } from './store-image.ts'
import type { StoreImage } from './store-image.ts'

export interface Repaired {
  readonly report: RepairReport
  readonly image: Image
}

/** @param changeCount a crash comes after so many changes; then the promise rejects with what stood on disk as `image` */
export async function repairImage(damaged: Image, changeCount = Infinity): Promise<Repaired | { crashed: Image }> {
  const env = imageEnv(damaged)
  env.files.failAfter(changeCount)
  try {
    const report = await repair(DIRECTORY, SMALL_OPTIONS, { env, executor: createInlineExecutor(env) })
    return { report, image: env.files.toImage() }
  } catch (error) {
    if (changeCount === Infinity) {
      throw error
    }
    return { crashed: env.files.toImage() }
  }
}

/** Opens what repair made, reads it all, writes, and closes it. */
export async function contentsOfRepaired(image: Image): Promise<Map<string, string>> {
  const env = imageEnv(image)
  const store = await open(
    DIRECTORY,
    { ...SMALL_OPTIONS, createIfMissing: false },
    { env, executor: createInlineExecutor(env) },
  )
  const errors: unknown[] = []
  store.on('error', (error) => errors.push(error))
  try {
    const contents = new Map(await contentsOf(store))
    for (const [key, value] of contents) {
      expect(store.getSync(key)?.toString()).toBe(value)
    }
    await store.put('~new', 'value')
    await store.compactRange()
    expect((await store.get('~new'))?.toString()).toBe('value')
    const after = new Map(await contentsOf(store))
    after.delete('~new')
    expect(after).toEqual(contents)
    return contents
  } finally {
    await store.close()
    expect(errors).toEqual([])
  }
}

/** Right outside of what is lost; there, a value that the key once had, or none. */
export function checkContents(
  { states, writes }: StoreImage,
  contents: ReadonlyMap<string, string>,
  lost: readonly LostPart[],
  where: string,
): void {
  const state = states.at(-1) ?? new Map<string, string>()
  const keys = new Set([...writes.map(({ key }) => key), ...contents.keys()])
  for (const key of keys) {
    const value = contents.get(key)
    if (value === state.get(key)) {
      continue
    }
    const wasWritten = value === undefined || writes.some((write) => write.key === key && write.value === value)
    expect(wasWritten, `${where}: ${key} has ${value}, which nobody wrote`).toBe(true)
    const isCovered = lost.some((part) => covers(part, key, writes))
    expect(
      isCovered,
      `${where}: ${key} is ${value ?? 'missing'}, and that is not reported: ${JSON.stringify(lost)}`,
    ).toBe(true)
  }
}

function covers(part: LostPart, key: string, writes: StoreImage['writes']): boolean {
  const { smallestKey, largestKey, firstSequence, lastSequence } = part
  if (firstSequence !== undefined) {
    return writes.slice(firstSequence - 1, lastSequence).some((write) => write.key === key)
  }
  return (
    (smallestKey === undefined || key >= smallestKey.toString()) &&
    (largestKey === undefined || key <= largestKey.toString())
  )
}
