import {
  ConflictError,
  KIND_DELETE,
  KIND_PUT,
  LEVEL_COUNT,
  WAL_HEADER_SIZE_BYTES,
  compareKeys,
  fileNumber,
} from '@varve/storage'
import { expect, test } from 'vitest'
import { BlockCache } from '../cache/block-cache.ts'
import { TableCache } from '../cache/table-cache.ts'
import { LoopGuard } from '../loop-guard.ts'
import { ArenaPool } from '../memtable/arena.ts'
import { Memtable } from '../memtable/memtable.ts'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import { PassedTombstones } from '../read/passed-tombstones.ts'
import type { OwnView } from '../read/store-view.ts'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { forEachSeedInTurn, type SeededRandom } from '../test-support/seeds.ts'
import { inTableOrder, writeTable, type TestEntry } from '../test-support/tables.ts'
import { HASH_SEED } from '../test-support/write-fixture.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { Version, type KeyRange } from '../version/version.ts'
import { Wal } from '../wal/wal.ts'
import { ConflictCheck } from './conflict-check.ts'
import { PackedOperations } from './packed-operations.ts'

const SNAPSHOT_SEQUENCE = 60
const ARENA_SIZE_BYTES = 64 * 1024

interface Layer {
  readonly memtable: Memtable
  entries: TestEntry[]
}

/** Memtables and tables in which things happen: writes, failures, freezes, flushes, compactions. */
class World implements OwnView {
  readonly tombstones: PassedTombstones = new PassedTombstones(() => undefined)
  readonly env: MemoryEnv = new MemoryEnv()
  readonly tables: TableCache
  retainedCount = 0
  readonly visibleSequence = 0
  readonly epoch = 0
  readonly #random: SeededRandom
  readonly #layers: Layer[] = []
  #tableEntries: { readonly handle: TableHandle; readonly entries: readonly TestEntry[]; readonly level: number }[] = []
  #fileNumber = 1
  #nextSequence = 1

  constructor(random: SeededRandom) {
    this.#random = random
    this.tables = new TableCache(this.env, '/d', 2, new BlockCache(random.below(2) * 1000), (error) => {
      throw error
    })
    this.freeze()
  }

  get memtables(): MemtableQueue {
    const memtables = this.#layers.map(({ memtable }) => memtable)
    const view = { active: memtables.at(-1), frozen: memtables.slice(0, -1), hashSeed: HASH_SEED }
    return view as unknown as MemtableQueue
  }

  /** All that was issued and has not failed. */
  get issued(): TestEntry[] {
    return [...this.#layers, ...this.#tableEntries].flatMap(({ entries }) => entries)
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  get version(): Version {
    const levels = Array.from({ length: LEVEL_COUNT }, (_, level) =>
      this.#tableEntries.filter((table) => table.level === level).map(({ handle }) => handle),
    )
    return new Version(levels)
  }

  retainVersion(): Version {
    this.retainedCount++
    return this.version
  }

  releaseVersion(): void {
    this.retainedCount--
  }

  issue(key: Buffer): void {
    const kind = this.#random.pick([KIND_PUT, KIND_DELETE])
    const { memtable, entries } = this.#active
    memtable.add(kind, key, key.length, '', 0)
    entries.push({ key, sequence: this.#nextSequence++, kind, value: Buffer.alloc(0) })
  }

  freeze(): void {
    if (this.#layers.length === 0 || this.#active.memtable.count > 0) {
      const wal = new Wal(this.env, '/d', fileNumber(1000 + this.#fileNumber++))
      const arena = new ArenaPool(ARENA_SIZE_BYTES, 1).take(ARENA_SIZE_BYTES)
      this.#layers.push({ memtable: new Memtable(arena, wal, this.#nextSequence, HASH_SEED), entries: [] })
    }
  }

  /** What was issued last is not written. */
  fail(): void {
    const visible = this.#nextSequence - 1 - this.#random.below(4)
    for (const layer of this.#layers) {
      layer.memtable.failUncommitted(visible)
      layer.entries = layer.entries.filter(({ sequence }) => sequence <= visible)
    }
    this.freeze()
  }

  flush(): void {
    if (this.#layers.length > 1) {
      const { memtable, entries } = this.#layers.shift() as Layer
      // Its arena is used again.
      memtable.arena.bytes.fill(0xff, WAL_HEADER_SIZE_BYTES)
      this.#addTable(entries, 0)
    }
  }

  /** All tables become one. Of each key the newest version stays: a snapshot that sees another is not of interest here. */
  compact(): void {
    const entries = inTableOrder(this.#tableEntries.flatMap((table) => table.entries))
    this.#tableEntries = []
    this.#addTable(
      entries.filter(({ key }, i) => i === 0 || compareKeys((entries[i - 1] as TestEntry).key, key) !== 0),
      1 + this.#random.below(LEVEL_COUNT - 1),
    )
  }

  /** Something that may happen while a check waits. */
  happen(key: Buffer): void {
    const things = [
      () => this.issue(key),
      () => this.freeze(),
      () => this.flush(),
      () => this.compact(),
      () => this.fail(),
    ]
    this.#random.pick([() => undefined, ...things])()
  }

  get #active(): Layer {
    return this.#layers.at(-1) as Layer
  }

  #addTable(entries: readonly TestEntry[], level: number): void {
    if (entries.length > 0) {
      const handle = writeTable(this.env, this.#fileNumber++, inTableOrder(entries), { blockSizeBytes: 64 })
      this.#tableEntries.unshift({ handle, entries, level })
    }
  }
}

const keyOf = (random: SeededRandom, count: number): Buffer => Buffer.from(`k${random.below(count)}`)

/** Runs a check to its end, with something happening at each wait; the key of the conflict, if there is one. */
async function outcomeOf(check: ConflictCheck, world: World, happen: () => void): Promise<string | undefined> {
  try {
    while (!check.holds()) {
      const loaded = check.load()
      expect(check.load()).toBe(loaded)
      expect(check.holds(), 'nothing is known while it loads').toBe(false)
      happen()
      await world.env.turn()
      await loaded
    }
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(ConflictError)
    return Buffer.from((error as ConflictError).key).toString()
  }
}

function isWithin(key: Uint8Array, { lower, upper }: KeyRange): boolean {
  return (lower === undefined || compareKeys(lower, key) <= 0) && (upper === undefined || compareKeys(key, upper) < 0)
}

interface Question {
  readonly written: readonly Buffer[]
  readonly named: readonly Buffer[]
  readonly ranges: readonly KeyRange[]
}

function questionOf(random: SeededRandom, keyCount: number): Question {
  const keys = (count: number): Buffer[] => Array.from({ length: random.below(count) }, () => keyOf(random, keyCount))
  const bound = (): Buffer | undefined => (random.below(8) === 0 ? undefined : keyOf(random, keyCount))
  const ranges = Array.from({ length: random.below(3) }, () => ({ lower: bound(), upper: bound() }))
  return { written: keys(3), named: keys(3), ranges }
}

function checkOf(world: World, random: SeededRandom, { written, named, ranges }: Question): ConflictCheck {
  const [operations, keys] = [new PackedOperations(), new PackedOperations()]
  written.forEach((key) => operations.put(key, 'value', 100))
  named.forEach((key) => keys.delete(key))
  // Time flies: a check has to wait for a turn at any place where it may.
  const clock = { nowMs: () => (world.env.timeMs += random.below(3)) }
  const setup = { view: world, tables: world.tables, guard: new LoopGuard(world.env), clock }
  return new ConflictCheck(setup, SNAPSHOT_SEQUENCE, operations, { keys, ranges })
}

/** The keys whose change since the snapshot a check must find in this step. */
function changedKeys(world: World, { written, named, ranges }: Question): string[] {
  return world.issued
    .filter(({ sequence }) => sequence > SNAPSHOT_SEQUENCE)
    .map(({ key }) => key)
    .filter(
      (key) => [...written, ...named].some((one) => key.equals(one)) || ranges.some((range) => isWithin(key, range)),
    )
    .map(String)
}

test('it finds exactly what was issued since the snapshot, whatever happens while it waits', async () => {
  const seen = { clear: 0, conflict: 0, waited: 0 }
  await forEachSeedInTurn(300, async (random) => {
    const keyCount = random.pick([4, 20, 300])
    const world = new World(random)
    const issuedThrough = SNAPSHOT_SEQUENCE + random.pick([0, 2, 12])
    while (world.nextSequence <= issuedThrough) {
      world.issue(keyOf(random, keyCount))
      if (random.below(8) === 0) {
        world.happen(keyOf(random, keyCount))
      }
    }
    world.freeze()
    for (let flushCount = random.below(20); flushCount > 0; flushCount--) {
      world.flush()
    }
    const question = questionOf(random, keyCount)
    const check = checkOf(world, random, question)
    for (let time = random.below(3); time >= 0; time--) {
      // Nothing that was a conflict at some time is overlooked, unless it failed.
      const outcome = await outcomeOf(check, world, () => {
        seen.waited++
        world.happen(keyOf(random, keyCount))
      })
      const changed = changedKeys(world, question)
      if (outcome === undefined) {
        expect(changed).toEqual([])
        seen.clear++
        world.happen(keyOf(random, keyCount))
      } else {
        expect(changed).toContain(outcome)
        seen.conflict++
        break
      }
    }
    await check.close()
    expect(world.retainedCount).toBe(0)
  })
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(
    process.env['VARVE_SEED'] === undefined ? 50 : -1,
  )
})

test('nothing is read of tables that do not reach beyond the snapshot', async () => {
  await forEachSeedInTurn(20, async (random) => {
    const world = new World(random)
    while (world.nextSequence <= SNAPSHOT_SEQUENCE) {
      world.issue(keyOf(random, 10))
    }
    world.freeze()
    world.flush()
    world.issue(Buffer.from('other'))
    const everything = {
      written: [Buffer.from('k1')],
      named: [Buffer.from('k2')],
      ranges: [{ lower: undefined, upper: Buffer.from('n') }],
    }
    expect(await outcomeOf(checkOf(world, random, everything), world, () => undefined)).toBeUndefined()
    expect(world.tables.openCount).toBe(0)
    expect(world.retainedCount).toBe(0)
  })
})

test('a check that is closed while it waits lets go of its Version', async () => {
  await forEachSeedInTurn(20, async (random) => {
    const world = new World(random)
    while (world.nextSequence <= SNAPSHOT_SEQUENCE) {
      world.issue(keyOf(random, 10))
    }
    world.issue(Buffer.from('other'))
    world.freeze()
    world.flush()
    const question = { written: [Buffer.from('k1')], named: [], ranges: [] }
    const check = checkOf(world, random, question)
    expect(check.holds()).toBe(false)
    const loaded = check.load()
    expect(world.retainedCount).toBe(1)
    await check.close()
    await loaded
    expect(world.retainedCount).toBe(0)
  })
})
