/** Where a checkpoint may be made, and by how many at once. */
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from 'varve'
import { fill } from '../harness/contents.ts'
import { GatedExecutor } from '../harness/executors.ts'
import { rejection } from '../harness/rejection.ts'
import { fingerprint, makeScratchDirectory, scratchStorePath } from '../harness/scratch-directory.ts'
import { TINY, openWith, soundContents } from './checkpointed-store.ts'

describe('where it may stand', () => {
  test.each([
    ['a directory with something in it', (target: string) => fs.mkdirSync(path.join(target, 'x'), { recursive: true })],
    ['an empty directory', (target: string) => fs.mkdirSync(target)],
    ['a file', (target: string) => fs.writeFileSync(target, 'text')],
    ['a link that leads nowhere', (target: string) => fs.symlinkSync('nowhere', target)],
    ['a file in the way', (target: string) => fs.writeFileSync(`${target}.tmp`, 'text')],
    ['a link in the way', (target: string) => fs.symlinkSync('.', `${target}.tmp`)],
    [
      'a directory of something else in the way',
      (target: string) => {
        fs.mkdirSync(`${target}.tmp`)
        fs.writeFileSync(path.join(`${target}.tmp`, '000001.sst'), '')
        fs.writeFileSync(path.join(`${target}.tmp`, 'a.jpg'), '')
      },
    ],
  ])('%s is VARVE_EXISTS, and is left alone', async (_name, make) => {
    const parent = makeScratchDirectory('checkpoint')
    const store = await openWith(path.join(parent, 'store'))
    await fill(store, 50)
    await store.flush()
    const target = path.join(parent, 'copy')
    make(target)
    const others = (): [string, string][] => [...fingerprint(parent, 'store')]
    const before = others()
    await rejection('VARVE_EXISTS', store.checkpoint(target))
    expect(others()).toEqual(before)
    await store.close()
  })

  test('a store that was open once is in the way, whatever its name', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const other = await openWith(path.join(parent, 'copy.tmp'))
    await fill(other, 10)
    const store = await openWith(path.join(parent, 'store'))
    await rejection('VARVE_EXISTS', store.checkpoint(path.join(parent, 'copy')))
    await other.close()
    await rejection('VARVE_EXISTS', store.checkpoint(path.join(parent, 'copy')))
    expect(await soundContents(other.directory)).toHaveLength(10)
    await store.close()
  })

  test('not inside of the store, not under the name of an unfinished one, not without a path', async () => {
    const store = await openWith(scratchStorePath('checkpoint'))
    const wrong: unknown[] = [
      store.directory,
      path.join(store.directory, 'copy'),
      path.join(store.directory, 'deep', '..', 'copy'),
      `${store.directory}-copy.tmp`,
      '',
      'a\0b',
      7,
      undefined,
    ]
    for (const target of wrong) {
      await rejection('VARVE_INVALID_ARGUMENT', store.checkpoint(target as string))
    }
    fs.symlinkSync(store.directory, `${store.directory}-link`)
    await rejection('VARVE_INVALID_ARGUMENT', store.checkpoint(path.join(`${store.directory}-link`, 'copy')))
    fs.rmSync(`${store.directory}-link`)
    await rejection(
      'VARVE_INVALID_ARGUMENT',
      store.checkpoint(`${store.directory}-copy`, { onProgress: 7 as unknown as () => void }),
    )
    await store.close()
    const named = await openWith(`${store.directory}-copy.tmp`)
    await rejection('VARVE_INVALID_ARGUMENT', named.checkpoint(`${store.directory}-copy`))
    await named.close()
    expect(fs.readdirSync(path.dirname(store.directory)).toSorted()).toEqual(['store', 'store-copy.tmp'])
  })

  test('what an unfinished one left is replaced', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const store = await openWith(path.join(parent, 'store'))
    await fill(store, 200)
    const leftover = path.join(parent, 'copy.tmp')
    await store.checkpoint(path.join(parent, 'other'))
    fs.renameSync(path.join(parent, 'other'), leftover)
    fs.writeFileSync(path.join(leftover, '999999.sst'), 'half a table')
    fs.writeFileSync(path.join(leftover, 'CURRENT.tmp'), '')
    const entries = await fill(store, 300)
    await store.checkpoint(path.join(parent, 'copy'))
    await store.close()
    expect(fs.readdirSync(parent).toSorted()).toEqual(['copy', 'store'])
    expect(await soundContents(path.join(parent, 'copy'))).toEqual(entries)
  })
})

describe('at once', () => {
  test('two to different directories are made; of two to the same one', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const store = await openWith(path.join(parent, 'store'), 'pool')
    const entries = await fill(store, 800)
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'b', 'b'].map((name) => store.checkpoint(path.join(parent, name))),
    )
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
    for (const outcome of outcomes) {
      expect(outcome.status === 'rejected' ? outcome.reason : {}).toMatchObject(
        outcome.status === 'rejected' ? { code: 'VARVE_EXISTS' } : {},
      )
    }
    await store.close()
    expect(fs.readdirSync(parent).toSorted()).toEqual(['a', 'b', 'store'])
    expect(await soundContents(path.join(parent, 'a'))).toEqual(entries)
    expect(await soundContents(path.join(parent, 'b'))).toEqual(entries)
  })

  test('two stores to the same directory: one of them', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const stores = await Promise.all(['x', 'y'].map((name) => openWith(path.join(parent, name))))
    await Promise.all(stores.map((store) => fill(store, 100)))
    const outcomes = await Promise.allSettled(stores.map((store) => store.checkpoint(path.join(parent, 'copy'))))
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await Promise.all(stores.map((store) => store.close()))
    expect(await soundContents(path.join(parent, 'copy'))).toHaveLength(100)
  })

  test('one that waits for a flush which cannot be done ends with the store, or with its signal', async () => {
    const parent = makeScratchDirectory('checkpoint')
    const executor = new GatedExecutor()
    const store = await open(path.join(parent, 'store'), TINY, { executor })
    await fill(store, 10)
    executor.shut('flush')
    const controller = new AbortController()
    const aborted = store.checkpoint(path.join(parent, 'aborted'), { signal: controller.signal })
    const closed = store.checkpoint(path.join(parent, 'closed'))
    controller.abort()
    await rejection('VARVE_ABORTED', aborted)
    await rejection('VARVE_ABORTED', store.checkpoint(path.join(parent, 'late'), { signal: controller.signal }))
    const closing = store.close()
    await rejection('VARVE_CLOSED', closed)
    executor.open('flush')
    await closing
    expect(fs.readdirSync(parent)).toEqual(['store'])
    expect(await soundContents(store.directory)).toHaveLength(10)
  })
})
