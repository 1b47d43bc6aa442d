/**
 * A loss of power, or the death of the process, at every call of a checkpoint: afterwards there is a whole checkpoint or
 * none, the store has everything that was synced, and the next checkpoint to the same directory is made.
 */
import { createInlineExecutor } from '@varve/workers'
import { open, type Store } from 'varve'
import { describe, expect, test } from 'vitest'
import { contentsOf, fill } from '../harness/contents.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'
import { diskAfter, type SimulatedDisk } from './disk.ts'
import type { DiskSnapshot } from './disk-snapshot.ts'
import { SimulatedEnv } from './simulated-env.ts'

const STORE = '/data/store'
const TARGET = '/backups/monday'
const OPTIONS = { memtableSizeBytes: 4096, blockSizeBytes: 256, tableSizeBytes: 4096 } as const

function openOn(env: SimulatedEnv, directory: string, isNew = false): Promise<Store> {
  const components = { env, executor: createInlineExecutor(env.forJobs) }
  return open(directory, { ...OPTIONS, createIfMissing: isNew }, components)
}

async function contentsAt(env: SimulatedEnv, directory: string): Promise<[string, string][]> {
  const store = await openOn(env, directory)
  const contents = await contentsOf(store)
  expect((await store.verify()).findings).toEqual([])
  await store.close()
  return contents
}

/** One in so many is gone on with: that takes as long as all else. */
const AGAIN_EVERY = 4

interface CrashedDisks {
  readonly entries: [string, string][]
  /** A disk for each call of the checkpoint, as the crash left it, and the one after the last. */
  readonly disks: { readonly what: string; readonly disk: SimulatedDisk }[]
  readonly whole: SimulatedDisk
}

/** Makes a store and a checkpoint of it, and a crash before each of the checkpoint's calls. */
async function crashEverywhere(
  seed: number,
  canLink: boolean,
  crash: (disk: SimulatedDisk, index: number) => SimulatedDisk,
): Promise<CrashedDisks> {
  const env = new SimulatedEnv(seed)
  const disks: CrashedDisks['disks'] = []
  if (!canLink) {
    env.calls.faults.add({ kinds: ['link'], count: Infinity, code: 'EXDEV', effect: 'nothing' })
  }
  const work = async (): Promise<[string, string][]> => {
    const store = await openOn(env, STORE, true)
    await fill(store, 20)
    await store.flush()
    const entries = await fill(store, 25)
    await store.sync()
    env.calls.onCall = (moment, call) => {
      if (moment === 'before') {
        disks.push({ what: `before ${call.kind} ${call.path}`, disk: crash(env.disk, disks.length) })
      }
    }
    await store.checkpoint(TARGET)
    env.calls.onCall = undefined
    disks.push({ what: 'when it is made', disk: crash(env.disk, disks.length) })
    await store.close()
    return entries
  }
  const entries = await env.run(work())
  expect(env.calls.openCount).toBe(0)
  return { entries, disks, whole: env.disk }
}

describe.each([
  ['linked', true],
  ['copied', false],
])('tables that are %s', (_name, canLink) => {
  test.each(['nothing', 'everything', 'subset', 'ordered', 'process death'] as const)(
    'R7: all or nothing, where a crash keeps: %s',
    async (kept) => {
      const seed = seedsOfRun(9).at(-1) ?? 0
      await replayable(seed, 'test/simulation/checkpoint-crash.test.ts', async () => {
        const crash = (disk: SimulatedDisk, index: number): SimulatedDisk =>
          kept === 'process death' ? disk.loseProcess() : disk.losePower({ kept, seed: seed + index })
        const { entries, disks } = await crashEverywhere(seed, canLink, crash)
        let foundCount = 0
        for (const [i, { what, disk }] of disks.entries()) {
          const env = new SimulatedEnv(seed, disk)
          const isThere = (await env.run(env.files.kindOf(TARGET))) !== 'missing'
          foundCount += isThere ? 1 : 0
          if (isThere) {
            expect(await env.run(contentsAt(env, TARGET)), what).toEqual(entries)
          }
          expect(await env.run(contentsAt(env, STORE)), what).toEqual(entries)
          if (!isThere && i % AGAIN_EVERY === 0) {
            const again = async (): Promise<[string, string][]> => {
              const store = await openOn(env, STORE)
              await store.checkpoint(TARGET)
              await store.close()
              return await contentsAt(env, TARGET)
            }
            expect(await env.run(again()), `${what}, made again`).toEqual(entries)
          }
        }
        expect(disks.length).toBeGreaterThan(20)
        expect(foundCount).toBeGreaterThan(0)
        expect(foundCount).toBeLessThan(disks.length)
        const last = disks.at(-1)
        expect(last !== undefined && last.disk.find(TARGET) !== undefined, 'what was promised is there').toBe(true)
      })
    },
    60_000,
  )
})

test('R7: all or nothing, where the way to it cannot be made durable and a crash follows', async () => {
  const seed = seedsOfRun(9).at(-1) ?? 0
  await replayable(seed, 'test/simulation/checkpoint-crash.test.ts', async () => {
    const env = new SimulatedEnv(seed)
    const points: { readonly what: string; readonly snapshot: DiskSnapshot }[] = []
    const work = async (): Promise<[string, string][]> => {
      const store = await openOn(env, STORE, true)
      const entries = await fill(store, 25)
      await store.checkpoint('/backups/sunday')
      env.calls.onCall = (moment, { kind, path }) => {
        if (moment === 'before' && env.calls.faults.failed.length > 0) {
          points.push({ what: `before ${kind} ${path}`, snapshot: env.disk.snapshot() })
        }
      }
      env.calls.faults.add({ kinds: ['syncDirectory'], path: /^\/backups$/, skipCount: 1, code: 'EIO' })
      await expect(store.checkpoint(TARGET)).rejects.toMatchObject({ code: 'VARVE_IO' })
      points.push({ what: 'when it has failed', snapshot: env.disk.snapshot() })
      return entries
    }
    const entries = await env.run(work())
    expect(points.length).toBeGreaterThan(5)
    for (const [i, { what, snapshot }] of points.entries()) {
      for (const kept of ['nothing', 'subset', 'subset', 'ordered'] as const) {
        const next = new SimulatedEnv(seed, diskAfter(snapshot, { kept, seed: seed + i }))
        if ((await next.run(next.files.kindOf(TARGET))) !== 'missing') {
          expect(await next.run(contentsAt(next, TARGET)), `${what}, ${kept}`).toEqual(entries)
        }
      }
    }
  })
})

test('it is independent of the store when both have gone on', async () => {
  const { entries, whole } = await crashEverywhere(5, true, (disk) => disk)
  const env = new SimulatedEnv(6, whole)
  const work = async (): Promise<void> => {
    const [store, copy] = [await openOn(env, STORE), await openOn(env, TARGET)]
    await Promise.all([store.clear(), copy.put('only', 'here')])
    await Promise.all([store.compactRange(), copy.compactRange()])
    expect(await contentsOf(store)).toEqual([])
    expect(await contentsOf(copy)).toEqual([...entries, ['only', 'here']])
    await Promise.all([store.close(), copy.close()])
  }
  await env.run(work())
})
