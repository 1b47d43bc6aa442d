/** A store that cannot change its durable state any more: it answers, refuses writes, and leaves the disk alone. */
import { once } from 'node:events'
import fs from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { IoError, createNodeEnv } from '@varve/storage'
import type { Env } from '@varve/storage'
import { expect, test } from 'vitest'
import { open } from 'varve'
import { GatedExecutor } from '../harness/executors.ts'
import { codeOf } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

/** An Env in which manifests can be neither made nor written to while `isBroken` says so. */
function envWithBrokenManifests(isBroken: () => boolean): Env {
  const env = createNodeEnv()
  const openFile = env.files.open.bind(env.files)
  const check = (path: string): void => {
    if (path.includes('MANIFEST') && isBroken()) {
      throw new IoError('writing', path, new Error('broken on purpose'))
    }
  }
  env.files.open = async (path, mode) => {
    check(path)
    const file = await openFile(path, mode)
    const write = file.write.bind(file)
    file.write = async (from, offset, length, position) => {
      check(path)
      return await write(from, offset, length, position)
    }
    return file
  }
  return env
}

test('when the manifest cannot be written, nothing is compacted again and again', async () => {
  const directory = scratchStorePath('read-only')
  const executor = new GatedExecutor()
  let isBroken = false
  const env = envWithBrokenManifests(() => isBroken)
  const store = await open(directory, { levelZeroTableCountTrigger: 2 }, { env, executor })
  executor.shut('compaction')
  for (const key of ['a', 'b', 'c']) {
    await store.put(key, key)
    // Tables that do not overlap would be moved, not compacted.
    await store.put('z', key)
    await store.flush()
  }
  isBroken = true
  const failed = once(store, 'error')
  executor.open('compaction')
  await failed
  // The first failure is told of before a new manifest has been tried. An empty batch is refused as any other.
  await expect.poll(() => codeOf(store.write([]))).toBe('VARVE_READ_ONLY')
  expect(await codeOf(store.put('d', 'd'))).toBe('VARVE_READ_ONLY')
  expect(await codeOf(store.clear({ gte: 'd', lt: 'e' })), 'where nothing is seen').toBe('VARVE_READ_ONLY')
  // Deletions that were under way end.
  await sleep(200)
  const names = await fs.readdir(directory)
  await sleep(1000)
  expect(store.stats().jobs.compaction.count).toBe(1)
  expect((await fs.readdir(directory)).toSorted()).toEqual(names.toSorted())
  expect(await codeOf(store.compactRange())).toBe('VARVE_READ_ONLY')
  expect(String(await store.get('b'))).toBe('b')
  isBroken = false
  await store.close()
  const again = await open(directory)
  expect((await again.getMany(['a', 'b', 'c', 'd'])).map(String)).toEqual(['a', 'b', 'c', 'undefined'])
  await again.close()
})
