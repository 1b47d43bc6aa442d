/** What snapshots hold back: exactly the versions that they see. */
import { expect, test } from 'vitest'
import { open, type Snapshot, type Store } from 'varve'
import { componentsOf } from '../harness/executors.ts'
import { SeededRandom } from '../harness/random.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KEY_COUNT = 150
const keyOf = (i: number): string => `key-${String(i).padStart(4, '0')}`

interface Written {
  readonly sequence: number
  /** `undefined` is a tombstone. */
  readonly value: string | undefined
}

/** Every version that was ever written, newest last, and the snapshots that are open. */
class History {
  readonly snapshots: Snapshot[] = []
  readonly #store: Store
  readonly #versions = new Map<number, Written[]>()
  #sequence = 0

  constructor(store: Store) {
    this.#store = store
  }

  async write(random: SeededRandom, count: number): Promise<void> {
    const writes: Promise<void>[] = []
    for (let i = 0; i < count; i++) {
      const key = random.below(random.chance(0.3) ? 5 : KEY_COUNT)
      const value = random.chance(0.3) ? undefined : `value ${this.#sequence}`
      const chain = this.#versions.get(key) ?? []
      this.#versions.set(key, [...chain, { sequence: ++this.#sequence, value }])
      writes.push(value === undefined ? this.#store.delete(keyOf(key)) : this.#store.put(keyOf(key), value))
    }
    await Promise.all(writes)
  }

  take(): void {
    const snapshot = this.#store.snapshot()
    expect(snapshot.sequence).toBe(this.#sequence)
    this.snapshots.push(snapshot)
  }

  /** How many versions some reader sees, and tombstones that are newer than the oldest reader. */
  get seenCount(): number {
    const live = [...new Set([...this.snapshots.map(({ sequence }) => sequence), this.#sequence])]
    live.sort((a, b) => a - b)
    const oldest = live[0] ?? 0
    let count = 0
    for (const chain of this.#versions.values()) {
      for (const [i, { sequence, value }] of chain.entries()) {
        const reader = live.find((at) => at >= sequence) ?? Infinity
        const isSeen = reader < (chain[i + 1]?.sequence ?? Infinity)
        count += isSeen && (value !== undefined || sequence > oldest) ? 1 : 0
      }
    }
    return count
  }

  async check(random: SeededRandom): Promise<void> {
    for (let i = 0; i < 200; i++) {
      const snapshot = random.pick(this.snapshots)
      const key = random.below(KEY_COUNT)
      const seen = this.#versions.get(key)?.findLast(({ sequence }) => sequence <= snapshot.sequence)?.value
      expect((await snapshot.get(keyOf(key)))?.toString()).toBe(seen)
    }
  }
}

function entryCountOf(store: Store): number {
  return store.stats().levels.reduce((sum, level) => sum + level.entryCount, 0)
}

test('R6: compaction keeps exactly the versions that a thousand snapshots see, and drops the rest when they go', async () => {
  for (const seed of seedsOfRun(1)) {
    await replayable(seed, 'test/behaviour/snapshots.test.ts', () => holdBack(new SeededRandom(seed)))
  }
})

async function holdBack(random: SeededRandom): Promise<void> {
  const store = await open(scratchStorePath('snapshots'), { tableSizeBytes: 32_768 }, componentsOf('inline'))
  const history = new History(store)
  for (let i = 0; i < 1000; i++) {
    await history.write(random, 1 + random.below(8))
    history.take()
    if (random.chance(0.01)) {
      await store.flush()
    }
  }
  for (const share of [1, 0.5, 0.05]) {
    for (const snapshot of history.snapshots.splice(Math.floor(history.snapshots.length * share))) {
      snapshot.close()
    }
    await store.compactRange()
    expect(entryCountOf(store)).toBe(history.seenCount)
    await history.check(random)
    // Those that go next are not the newest alone.
    history.snapshots.sort(() => random.below(2) - 0.5)
  }
  history.snapshots.splice(0).forEach((snapshot) => snapshot.close())
  await store.compactRange()
  expect(entryCountOf(store)).toBe(history.seenCount)
  expect(store.stats().levels.every(({ tombstoneCount }) => tombstoneCount === 0)).toBe(true)
  await store.close()
}
