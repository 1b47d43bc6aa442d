/** Iterators of a transaction beside a sorted model: own writes over a snapshot, both directions, bounds, limits, seeks. */
import { open } from 'varve'
import type { Store, StoreOptions, Transaction, TransactionIterator, TransactionRange } from 'varve'
import { expect, test } from 'vitest'
import { componentsOf } from '../harness/executors.ts'
import { SeededRandom } from '../harness/random.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'

const PATH = 'test/behaviour/transaction-iterators.test.ts'
const TINY: StoreOptions = {
  memtableSizeBytes: 4096,
  blockSizeBytes: 256,
  blockCacheSizeBytes: 0,
  tableSizeBytes: 4096,
  levelOneSizeBytes: 8192,
  levelZeroTableCountTrigger: 2,
}
const TRANSACTION_COUNT = 25
const STEP_COUNT = 40

type Entry = readonly [key: string, value: string]

/** Keys that are near each other, prefixes of each other, empty, and with bytes at both ends. */
function keyOf(random: SeededRandom): Buffer {
  return Buffer.from(Array.from({ length: random.below(4) }, () => random.pick([0, 0x61, 0x62, 0x80, 0xff])))
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** What a store should hold. */
class Model {
  readonly #values: Map<string, string>

  constructor(values: Iterable<Entry> = []) {
    this.#values = new Map(values)
  }

  copy(): Model {
    return new Model(this.#values)
  }

  get(key: Buffer): string | undefined {
    return this.#values.get(text(key))
  }

  set(key: Buffer, value: string | undefined): void {
    if (value === undefined) {
      this.#values.delete(text(key))
    } else {
      this.#values.set(text(key), value)
    }
  }

  list({ gt, gte, lt, lte, prefix, reverse }: TransactionRange): Entry[] {
    const within = [...this.#values].filter(
      ([key]) =>
        (gt === undefined || key > text(gt as Buffer)) &&
        (gte === undefined || key >= text(gte as Buffer)) &&
        (lt === undefined || key < text(lt as Buffer)) &&
        (lte === undefined || key <= text(lte as Buffer)) &&
        (prefix === undefined || key.startsWith(text(prefix as Buffer))),
    )
    const sorted = within.toSorted(([a], [b]) => (a < b ? -1 : 1))
    return reverse === true ? sorted.toReversed() : sorted
  }
}

function rangeOf(random: SeededRandom): TransactionRange {
  const bound = (name: string, probability: number): object =>
    random.chance(probability) ? { [name]: keyOf(random) } : {}
  return {
    ...bound('gt', 0.2),
    ...bound('gte', 0.3),
    ...bound('lt', 0.2),
    ...bound('lte', 0.3),
    ...bound('prefix', 0.1),
    ...(random.chance(0.5) ? { reverse: random.chance(0.8) } : {}),
    ...(random.chance(0.3) ? { limit: random.below(8) } : {}),
  }
}

/** An iterator beside what it should still return. */
class ComparedIterator {
  readonly #iterator: TransactionIterator
  readonly #range: TransactionRange
  readonly #model: Model
  #rest: Entry[]
  #remaining: number

  constructor(tx: Transaction, model: Model, range: TransactionRange) {
    this.#iterator = tx.iterator(range)
    this.#range = range
    this.#model = model.copy()
    this.#rest = this.#model.list(range)
    this.#remaining = range.limit ?? Infinity
  }

  async step(random: SeededRandom): Promise<void> {
    if (random.chance(0.25)) {
      this.#seek(keyOf(random))
    }
    const count = random.between(1, 5)
    const expected = this.#rest.splice(0, Math.min(count, this.#remaining))
    this.#remaining -= expected.length
    const found =
      count === 1
        ? [await this.#iterator.next()].filter((entry) => entry !== undefined)
        : await this.#iterator.nextMany(count)
    expect(found.map(([key, value]) => [text(key), text(value)])).toEqual(expected)
  }

  #seek(target: Buffer): void {
    this.#iterator.seek(target)
    const key = text(target)
    const probe = new Model([[key, '']])
    const isInside = probe.list(this.#range).length > 0
    const isBehind = ([other]: Entry): boolean => (this.#range.reverse === true ? other <= key : other >= key)
    this.#rest = isInside ? this.#model.list(this.#range).filter(isBehind) : []
  }
}

/** One transaction: writes, reads and steps of several iterators, in turns. */
async function compare(tx: Transaction, model: Model, random: SeededRandom): Promise<void> {
  const iterators: ComparedIterator[] = []
  for (let step = 0; step < STEP_COUNT; step++) {
    switch (random.weighted({ put: 4, delete: 3, get: 1, open: 3, step: 8, list: 2, clear: 0.2 })) {
      case 'put': {
        const key = keyOf(random)
        const value = `own ${step} `.padEnd(random.below(60), 'x')
        tx.put(key, value)
        model.set(key, value)
        break
      }
      case 'delete': {
        const key = keyOf(random)
        tx.delete(key)
        model.set(key, undefined)
        break
      }
      case 'get': {
        const key = keyOf(random)
        expect((await tx.get(key))?.toString()).toBe(model.get(key))
        break
      }
      case 'open':
        iterators.push(new ComparedIterator(tx, model, rangeOf(random)))
        break
      case 'step':
        await (iterators.length > 0 ? random.pick(iterators).step(random) : undefined)
        break
      case 'list': {
        const range = rangeOf(random)
        const entries: Entry[] = []
        for await (const [key, value] of tx.entries(range)) {
          entries.push([text(key), text(value)])
        }
        expect({ range, entries }).toEqual({ range, entries: model.list(range).slice(0, range.limit) })
        break
      }
      case 'clear': {
        const range = { gte: keyOf(random), lt: keyOf(random) }
        await tx.clear(range)
        model.list(range).forEach(([key]) => model.set(Buffer.from(key, 'latin1'), undefined))
        break
      }
    }
  }
}

/** One transaction after the other, while somebody flushes and compacts; some of them are given up. */
async function compareAll(store: Store, random: SeededRandom): Promise<void> {
  let model = new Model()
  for (let i = 0; i < TRANSACTION_COUNT; i++) {
    const after = model.copy()
    const maintenance = random.pick([() => undefined, () => store.flush(), () => store.compactRange()])()
    const givenUp = new Error('given up')
    const isGivenUp = random.chance(0.2)
    const done = store.transaction(async (tx) => {
      await compare(tx, after, random)
      if (isGivenUp) {
        throw givenUp
      }
    })
    expect(await done.catch((error: unknown) => error)).toBe(isGivenUp ? givenUp : undefined)
    model = isGivenUp ? model : after
    await maintenance
    const entries: Entry[] = []
    for await (const [key, value] of store.entries()) {
      entries.push([text(key), text(value)])
    }
    expect(entries).toEqual(model.list({}))
  }
}

test.each([
  ['in memory', {}],
  ['in tables, without a cache', TINY],
])('own writes over a snapshot, %s', async (_name, options: StoreOptions) => {
  for (const seed of seedsOfRun(21)) {
    await replayable(seed, PATH, async () => {
      const store = await open(makeMemoryDirectory('transaction-iterators'), options, componentsOf('inline'))
      try {
        await compareAll(store, new SeededRandom(seed))
        expect(store.stats()).toMatchObject({ openSnapshotCount: 0, openIteratorCount: 0 })
      } finally {
        await store.close()
      }
    })
  }
})
