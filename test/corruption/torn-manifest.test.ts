/** A manifest whose end was cut off may lack edits that were durable: what they named is set aside, and not deleted. */
import { createInlineExecutor } from '@varve/workers'
import { open, type Store } from 'varve'
import { expect, test } from 'vitest'
import { diskAfter } from '../simulation/disk.ts'
import type { DiskSnapshot } from '../simulation/disk-snapshot.ts'
import { SimulatedEnv } from '../simulation/simulated-env.ts'

const DIRECTORY = '/data/store'

function openOn(env: SimulatedEnv): Promise<Store> {
  return open(DIRECTORY, {}, { env, executor: createInlineExecutor(env.forJobs) })
}

/** As it is when a flush is durable, and its log not yet deleted. */
async function flushedStore(): Promise<DiskSnapshot> {
  const env = new SimulatedEnv(1)
  let flushed: DiskSnapshot | undefined
  env.calls.onCall = (moment, { kind, path }) => {
    if (moment === 'before' && kind === 'remove' && path.endsWith('.wal')) {
      flushed ??= env.disk.snapshot()
    }
  }
  const work = async (): Promise<void> => {
    const store = await openOn(env)
    await store.put('key', 'value', { sync: true })
    await store.flush()
  }
  await env.run(work())
  await env.idle()
  if (flushed === undefined) {
    throw new Error('no log was deleted')
  }
  return flushed
}

test('R8: tables that no whole edit names are moved to lost/ if the end of the manifest is cut off', async () => {
  const flushed = await flushedStore()
  for (const cutSizeBytes of [0, 1]) {
    const env = new SimulatedEnv(2, diskAfter(flushed, 'process-death'))
    const paths = [...env.disk.image().keys()]
    const table = paths.find((path) => path.endsWith('.sst'))
    const manifest = paths.find((path) => path.includes('MANIFEST')) ?? ''
    const sizeBytes = env.disk.image().get(manifest)?.length ?? 0
    const cut = async (): Promise<void> => {
      const file = await env.files.open(manifest, 'update')
      await file.truncate(sizeBytes - cutSizeBytes)
      await file.close()
    }
    await env.run(cut())
    const store = await env.run(openOn(env))
    const lostFileNames = cutSizeBytes === 0 ? [] : [table?.split('/').at(-1)]
    expect(store.recovery.lostFileNames).toEqual(lostFileNames)
    expect(store.getSync('key')?.toString()).toBe('value')
    await env.run(store.close())
    expect([...env.disk.image().keys()].filter((path) => path.startsWith(`${DIRECTORY}/lost/`))).toEqual(
      lostFileNames.map((name) => `${DIRECTORY}/lost/${name}`),
    )
  }
})
