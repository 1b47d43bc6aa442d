/**
 * A checkpoint whose file operations fail, wait, or cannot link: all of it or nothing, and the store is as it was.
 */
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { VarveError, open } from 'varve'
import type { Store } from 'varve'
import type { Env } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import { contentsOf, fill } from '../harness/contents.ts'
import { componentsOf } from '../harness/executors.ts'
import { ledgerFaults, readLedger } from '../harness/ledger.ts'
import { codeOf, rejection } from '../harness/rejection.ts'
import { makeScratchDirectory } from '../harness/scratch-directory.ts'
import { concerns, systemError, watchedEnv } from '../harness/watched-env.ts'
import type { CallHook, FileCall } from '../harness/watched-env.ts'

const OPTIONS = { memtableSizeBytes: 16 * 1024, tableSizeBytes: 8 * 1024, compression: 'none' } as const

interface Scene {
  readonly parent: string
  readonly target: string
  readonly store: Store
  readonly entries: [string, string][]
  /** What is done with the calls that concern the checkpoint. */
  hook: CallHook
}

/** A store with some tables and something in its memtable. */
async function makeScene(): Promise<Scene> {
  const parent = makeScratchDirectory('checkpoint-faults')
  const target = path.join(parent, 'copy')
  const scene: { hook: CallHook } = { hook: () => undefined }
  const isOfCheckpoint = (call: FileCall): boolean =>
    concerns(call, target) || (call.operation === 'syncDirectory' && call.path === parent)
  const env: Env = watchedEnv((call) => (isOfCheckpoint(call) ? scene.hook(call) : undefined))
  const store = await open(path.join(parent, 'store'), OPTIONS, { env, executor: createInlineExecutor(env) })
  await fill(store, 300)
  await store.flush()
  const entries = await fill(store, 320)
  return Object.assign(scene, { parent, target, store, entries })
}

async function contentsAt(directory: string): Promise<[string, string][]> {
  const store = await open(directory, { createIfMissing: false }, componentsOf('inline'))
  const contents = await contentsOf(store)
  expect((await store.verify()).findings).toEqual([])
  await store.close()
  expect(await ledgerFaults(directory)).toEqual([])
  return contents
}

describe.each(['EIO', 'ENOSPC'])('R13: %s', (systemCode) => {
  test.each([
    ['at one call', false],
    ['from one call on', true],
  ])('%s of a checkpoint, whichever it is: all or nothing', async (_name, staysBroken) => {
    const scene = await makeScene()
    const { parent, target, store, entries } = scene
    const failed: string[] = []
    for (let failing = 1; ; failing++) {
      let callCount = 0
      let hasFailed = false
      scene.hook = (call) => {
        callCount++
        if (callCount === failing || (staysBroken && callCount > failing)) {
          failed.push(hasFailed ? 'more' : call.operation)
          hasFailed = true
          throw systemError(call, systemCode)
        }
      }
      const outcome = await store.checkpoint(target).catch((error: unknown) => error)
      scene.hook = () => undefined
      const names = fs.readdirSync(parent).toSorted()
      if (outcome instanceof VarveError) {
        expect(outcome, `call ${failing}: ${outcome.stack}`).toMatchObject({ code: 'VARVE_IO', systemCode })
        expect(names.filter((name) => !['store', 'copy', 'copy.tmp'].includes(name))).toEqual([])
      }
      if (names.includes('copy')) {
        expect(await contentsAt(target)).toEqual(entries)
        fs.rmSync(target, { recursive: true })
      }
      if (!staysBroken) {
        // The next one fails one call later, and begins as this one did. Otherwise it finds what this one left.
        fs.rmSync(`${target}.tmp`, { recursive: true, force: true })
      }
      expect((await store.verify()).findings, `call ${failing}`).toEqual([])
      if (!hasFailed) {
        break
      }
    }
    const operations = ['kindOf', 'list', 'link', 'open', 'write', 'dataSync', 'close', 'rename', 'syncDirectory']
    const onlyAtFirst = ['makeDirectory', 'lock']
    expect(failed).toEqual(expect.arrayContaining([...operations, ...(staysBroken ? ['more'] : onlyAtFirst)]))
    await store.put('still', 'works')
    await store.close()
    expect(await contentsAt(store.directory)).toEqual([...entries, ['still', 'works']])
  })
})

test('a failure leaves nothing behind where that can be done', async () => {
  const scene = await makeScene()
  for (const operation of ['link', 'write', 'rename', 'syncDirectory']) {
    let isFirst = true
    scene.hook = (call) => {
      if (call.operation === operation && concerns(call, scene.target) && isFirst) {
        isFirst = false
        throw systemError(call, 'ENOSPC')
      }
    }
    await rejection('VARVE_IO', scene.store.checkpoint(scene.target))
    expect(isFirst, operation).toBe(false)
    expect(fs.readdirSync(scene.parent), operation).toEqual(['store'])
  }
  await scene.store.close()
})

test.each(['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'])(
  'where a link is refused with %s tables are copied',
  async (code) => {
    const scene = await makeScene()
    const synced: string[] = []
    const refused: string[] = []
    let linkCount = 0
    scene.hook = (call) => {
      if (call.operation === 'link' && ++linkCount > 1) {
        refused.push(path.basename(call.path))
        throw systemError(call, code)
      }
      if (call.operation === 'dataSync') {
        synced.push(path.basename(call.path))
      }
    }
    const { tableCount, copiedTableCount } = await scene.store.checkpoint(scene.target)
    expect({ copiedTableCount, tableCount }).toEqual({ copiedTableCount: linkCount - 1, tableCount: linkCount })
    expect(copiedTableCount).toBeGreaterThan(1)
    const { tables } = readLedger(scene.target)
    expect(refused).toHaveLength(copiedTableCount)
    expect(tables).toEqual(expect.arrayContaining(refused))
    const isCopy = (name: string): boolean => fs.statSync(path.join(scene.target, name)).nlink === 1
    expect(refused.filter((name) => !isCopy(name))).toEqual([])
    expect(synced).toEqual(expect.arrayContaining(refused))
    await scene.store.close()
    expect(await contentsAt(scene.target)).toEqual(scene.entries)
  },
)

test('another refusal to link is a failure', async () => {
  const scene = await makeScene()
  scene.hook = (call) => {
    if (call.operation === 'link') {
      throw systemError(call, 'EACCES')
    }
  }
  expect(await rejection('VARVE_IO', scene.store.checkpoint(scene.target))).toMatchObject({ systemCode: 'EACCES' })
  await scene.store.close()
})

describe('held up at its first table', () => {
  /** A checkpoint that waits, and what lets it go on. */
  async function heldCheckpoint(): Promise<{ scene: Scene; checkpoint: Promise<unknown>; letGo: () => void }> {
    const scene = await makeScene()
    let letGo: () => void = () => undefined
    let isHeld: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const reached = new Promise<void>((resolve) => {
      isHeld = resolve
    })
    scene.hook = (call) => {
      if (call.operation === 'link') {
        isHeld()
        return gate
      }
      return undefined
    }
    const checkpoint = scene.store.checkpoint(scene.target)
    checkpoint.catch(() => undefined)
    await reached
    return { scene, checkpoint, letGo }
  }

  test('its tables stay while everything is overwritten and compacted, and go afterwards', async () => {
    const { scene, checkpoint, letGo } = await heldCheckpoint()
    const { store, entries } = scene
    const held = new Set(readLedger(store.directory).tables)
    await store.clear()
    await store.compactRange()
    expect(await contentsOf(store)).toEqual([])
    expect(readLedger(store.directory).tables.filter((name) => held.has(name))).toEqual([...held])
    expect((await store.verify()).findings).toEqual([])
    letGo()
    expect(await checkpoint).toMatchObject({ sequence: 620 })
    await store.close()
    expect(await ledgerFaults(store.directory)).toEqual([])
    expect(readLedger(store.directory).tables).toEqual([])
    expect(await contentsAt(scene.target)).toEqual(entries)
  })

  test('closing the store ends it, and nothing is left', async () => {
    const { scene, checkpoint, letGo } = await heldCheckpoint()
    const closed = scene.store.close()
    setTimeout(letGo, 20)
    expect(await codeOf(checkpoint)).toBe('VARVE_CLOSED')
    await closed
    expect(fs.readdirSync(scene.parent)).toEqual(['store'])
    expect(await contentsAt(scene.store.directory)).toEqual(scene.entries)
  })

  test('its signal ends it, and the next one is made', async () => {
    const scene = await makeScene()
    const controller = new AbortController()
    scene.hook = (call) => (call.operation === 'link' ? controller.abort() : undefined)
    await rejection('VARVE_ABORTED', scene.store.checkpoint(scene.target, { signal: controller.signal }))
    expect(fs.readdirSync(scene.parent)).toEqual(['store'])
    await scene.store.checkpoint(scene.target)
    await scene.store.close()
    expect(await contentsAt(scene.target)).toEqual(scene.entries)
  })

  test('a listener that throws does not end it', async () => {
    const scene = await makeScene()
    const thrown: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => thrown.push(error))
    try {
      const { tableCount } = await scene.store.checkpoint(scene.target, {
        onProgress: () => {
          throw new Error('from the listener')
        },
      })
      await new Promise((resolve) => setTimeout(resolve, 10))
      expect(thrown).toHaveLength(tableCount)
    } finally {
      process.removeAllListeners('uncaughtException')
      listeners.forEach((listener) => process.on('uncaughtException', listener))
    }
    await scene.store.close()
    expect(await contentsAt(scene.target)).toEqual(scene.entries)
  })
})
