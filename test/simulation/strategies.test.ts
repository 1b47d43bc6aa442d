/** A store that is opened with one strategy after the other: nothing is lost, and each brings it into its own shape. */
import { createInlineExecutor } from '@varve/workers'
import { open, type Store, type StoreOptions } from 'varve'
import { expect, test } from 'vitest'
import { contentsOf } from '../harness/contents.ts'
import { SeededRandom } from '../harness/random.ts'
import { SimulatedEnv } from './simulated-env.ts'

const KIB = 1024
const OPTIONS: StoreOptions = {
  memtableSizeBytes: 4 * KIB,
  tableSizeBytes: 8 * KIB,
  levelOneSizeBytes: 16 * KIB,
  levelSizeRatio: 4,
  blockSizeBytes: KIB,
}
const KEY_COUNT = 3000

class StrategyRun {
  readonly env: SimulatedEnv
  readonly expected = new Map<string, string>()
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.env = new SimulatedEnv(seed)
    this.#random = new SeededRandom(seed)
  }

  async withStore(compactionStrategy: 'leveled' | 'tiered', body: (store: Store) => Promise<void>): Promise<void> {
    const executor = createInlineExecutor(this.env.forJobs, undefined, 3)
    const store = await open('/data/store', { ...OPTIONS, compactionStrategy }, { env: this.env, executor })
    await body(store)
    await this.#settle(store)
    const found = await contentsOf(store)
    expect(found).toEqual([...this.expected].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    expect((await store.verify()).findings).toEqual([])
    await store.close()
  }

  async write(store: Store, count: number): Promise<void> {
    for (let at = 0; at < count; at += 20) {
      const keys = Array.from({ length: 20 }, () => `key-${1000 + this.#random.below(KEY_COUNT)}`)
      await store.write(
        keys.map((key, i) => {
          const value = `${at + i} ${'v'.repeat(this.#random.below(100))}`
          const isDelete = this.#random.chance(0.1)
          if (isDelete) {
            this.expected.delete(key)
          } else {
            this.expected.set(key, value)
          }
          return isDelete ? { type: 'delete', key } : { type: 'put', key, value }
        }),
      )
    }
  }

  async #settle(store: Store): Promise<void> {
    for (let quietCount = 0, before = ''; quietCount < 5;) {
      await new Promise<void>((resolve) => void this.env.scheduler.after(300, resolve))
      const { jobs } = store.stats()
      const now = JSON.stringify([jobs.compaction.count, jobs.moveCount])
      quietCount = now === before && jobs.compaction.runningCount === 0 ? quietCount + 1 : 0
      before = now
    }
  }
}

const amplificationOf = (store: Store): number => store.stats().writeAmplification
const runCountOf = (store: Store): number => store.stats().levels.filter(({ tableCount }) => tableCount > 0).length

test.each([1, 2])('from levels to tiers and back, seed %i', async (seed) => {
  const run = new StrategyRun(seed)
  const work = async (): Promise<void> => {
    await run.withStore('leveled', (store) => run.write(store, 1200))
    await run.withStore('tiered', async (store) => {
      expect(runCountOf(store)).toBeGreaterThan(0)
      await run.write(store, 1600)
    })
    await run.withStore('leveled', (store) => run.write(store, 600))
    await run.withStore('tiered', () => Promise.resolve())
  }
  await run.env.run(work())
})

test('tiers write less than levels do', async () => {
  const written: number[] = []
  for (const strategy of ['leveled', 'tiered'] as const) {
    const run = new StrategyRun(7)
    const work = run.withStore(strategy, async (store) => {
      await run.write(store, 3000)
      written.push(amplificationOf(store))
    })
    await run.env.run(work)
  }
  expect(written[1]).toBeLessThan(written[0] ?? 0)
})
