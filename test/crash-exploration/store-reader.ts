/** Reads a store in every way, and checks that snapshots and iterators stay what they were (R6). */
import type { RangeIterator, Snapshot, Store } from 'varve'
import { digestOf } from './commit-order.ts'
import type { CommitOrder } from './commit-order.ts'
import { Violation } from './violation.ts'

const ALL_COUNT = 100_000
const ITERATOR_CHUNK_COUNT = 3

type Entries = [Buffer, Buffer][]

interface Watched {
  stepsLeft: number
  /** Reads some of it, or all, and checks what it read. */
  check(isLast: boolean): Promise<void>
}

interface Range {
  readonly order: CommitOrder
  readonly deadFloor: number
  readonly ceiling: number
}

export class StoreReader {
  readonly #store: Store
  #lastRead: Entries = []
  #watched: Watched[] = []

  constructor(store: Store) {
    this.#store = store
  }

  get lastRead(): Entries {
    return this.#lastRead
  }

  async readAll(): Promise<Entries> {
    const iterator = this.#store.iterator()
    this.#lastRead = await iterator.nextMany(ALL_COUNT)
    await iterator.close()
    return this.#lastRead
  }

  /** The same backwards, and key by key: by other ways through the filters and indexes. */
  async checkPoints(): Promise<void> {
    const iterator = this.#store.iterator({ reverse: true })
    const backwards = await iterator.nextMany(ALL_COUNT)
    await iterator.close()
    if (digestOf(backwards) !== digestOf(this.#lastRead) || backwards.length !== this.#lastRead.length) {
      throw new Violation('R11', 'reading backwards finds other entries')
    }
    const found = new Map(this.#lastRead.map(([key, value]) => [key.toString(), value]))
    const keys = Array.from({ length: 28 }, (_, i) => `key-${String(i).padStart(2, '0')}`)
    const values = await this.#store.getMany(keys)
    keys.forEach((key, i) => {
      const value = values[i]
      const expected = found.get(key)
      if (value === undefined ? expected !== undefined : expected === undefined || !value.equals(expected)) {
        throw new Violation('R4', `get finds another value of ${key} than an iterator`)
      }
    })
  }

  async openSnapshot(stepCount: number, range: Range, issuedCount: () => number): Promise<void> {
    const snapshot = this.#store.snapshot()
    const first = digestOf(await readSnapshot(snapshot))
    checkPrefix(first, { ...range, ceiling: issuedCount() }, 'a snapshot')
    this.#watched.push({
      stepsLeft: stepCount,
      check: async (isLast) => {
        if (digestOf(await readSnapshot(snapshot)) !== first) {
          throw new Violation('R6', 'a snapshot has changed')
        }
        if (isLast) {
          snapshot.close()
        }
      },
    })
  }

  openIterator(stepCount: number, range: Range): void {
    const iterator = this.#store.iterator()
    const read: Entries = []
    this.#watched.push({
      stepsLeft: stepCount,
      check: async (isLast) => {
        read.push(...(await iterator.nextMany(isLast ? ALL_COUNT : ITERATOR_CHUNK_COUNT)))
        if (isLast) {
          await this.#endIterator(iterator, read, range)
        }
      },
    })
  }

  /** A step has passed. */
  async tick(): Promise<void> {
    for (const watched of this.#watched) {
      watched.stepsLeft--
      await watched.check(watched.stepsLeft <= 0)
    }
    this.#watched = this.#watched.filter(({ stepsLeft }) => stepsLeft > 0)
  }

  async endAll(): Promise<void> {
    for (const watched of this.#watched.splice(0)) {
      await watched.check(true)
    }
  }

  async #endIterator(iterator: RangeIterator, read: Entries, range: Range): Promise<void> {
    checkPrefix(digestOf(read), range, 'an iterator')
    await iterator.close()
  }
}

async function readSnapshot(snapshot: Snapshot): Promise<Entries> {
  const entries: Entries = []
  for await (const entry of snapshot.entries()) {
    entries.push(entry)
  }
  return entries
}

function checkPrefix(digest: number, { order, deadFloor, ceiling }: Range, what: string): void {
  if (order.find(digest, deadFloor, ceiling) === undefined) {
    throw new Violation('R6', `${what} is not the store after ${deadFloor} to ${ceiling} writes`)
  }
}
