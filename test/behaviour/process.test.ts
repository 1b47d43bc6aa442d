/** What an open store does to its process: an idle one does not hold it, pending work does, and descriptors are few. */
import { expect, test } from 'vitest'
import { open } from 'varve'
import { runChild } from '../harness/child.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'
import type { StoreProcessPlan } from '../harness/store-process-plan.ts'

const DESCRIPTOR_COUNT_MAX = 3

test('a process with an idle open store ends by itself', async () => {
  const directory = scratchStorePath('process')
  const { code, stderr, lines } = await runChild('store-process', {
    directory,
    task: 'idle',
  } satisfies StoreProcessPlan)
  expect({ code, stderr, lines }).toEqual({ code: 0, stderr: '', lines: ['opened'] })
  const store = await open(directory)
  expect(store.getSync('idle')?.toString()).toBe('value')
  await store.close()
})

test('a process does not end while writes are pending', async () => {
  const directory = scratchStorePath('process')
  const plan: StoreProcessPlan = {
    directory,
    task: 'pending',
    options: { memtableSizeBytes: 16 * 1024, frozenMemtableCountMax: 1 },
  }
  const { code, stderr, lines } = await runChild('store-process', plan)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(lines.filter((line) => line.startsWith('written'))).toHaveLength(200)
  const store = await open(directory)
  expect(store.getSync('pending-199')).toEqual(Buffer.alloc(1000, 199))
  await store.close()
})

test.runIf(process.platform === 'linux')(
  `an idle store has at most ${DESCRIPTOR_COUNT_MAX} descriptors, a closed one none`,
  async () => {
    const directory = scratchStorePath('process')
    const { lines, code, stderr } = await runChild('store-process', {
      directory,
      task: 'descriptors',
    } satisfies StoreProcessPlan)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const count = Number(lines.find((line) => line.startsWith('descriptors'))?.split(' ')[1])
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThanOrEqual(DESCRIPTOR_COUNT_MAX)
    expect(lines).toContain('left 0')
  },
)
