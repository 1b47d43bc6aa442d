/** Concurrent transactions come to what they would have come to one after the other, under flushes and compactions. */
import { open } from 'varve'
import type { Snapshot, Store, StoreOptions, Transaction } from 'varve'
import { describe, expect, test } from 'vitest'
import { componentsOf, type ExecutorKind } from '../harness/executors.ts'
import { SeededRandom } from '../harness/random.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'
import { FIRST, SerializationGraph, type TransactionRecord, type WriterId } from '../harness/serialization-graph.ts'

const PATH = 'test/behaviour/transaction-isolation.test.ts'
const KIB = 1024
const OPTIONS: Record<string, [StoreOptions, ExecutorKind]> = {
  'as they are': [{}, 'pool'],
  'with tiny memtables, without a cache': [
    {
      memtableSizeBytes: 4 * KIB,
      frozenMemtableCountMax: 1,
      blockCacheSizeBytes: 0,
      blockSizeBytes: 256,
      tableSizeBytes: 4 * KIB,
      levelOneSizeBytes: 8 * KIB,
      levelZeroTableCountTrigger: 2,
      levelZeroTableCountMax: 4,
    },
    'inline',
  ],
  'with small memtables, on threads': [
    { memtableSizeBytes: 16 * KIB, openTableCountMax: 1, levelZeroTableCountTrigger: 2, tableSizeBytes: 16 * KIB },
    'pool',
  ],
}

/** Runs `work` while somebody flushes and compacts, and closes the store. */
async function underMaintenance(options: StoreOptions, kind: ExecutorKind, work: (store: Store) => Promise<void>) {
  const store = await open(makeMemoryDirectory('isolation'), options, componentsOf(kind))
  let isDone = false
  const maintain = async (): Promise<void> => {
    while (!isDone) {
      await store.compactRange({ gte: 'k' })
      await new Promise((resolve) => setTimeout(resolve, 2))
      await store.flush()
    }
  }
  const maintenance = maintain()
  try {
    await work(store)
  } finally {
    isDone = true
    await maintenance
    await store.close()
  }
}

const ACCOUNT_COUNT = 40
const SUM = ACCOUNT_COUNT * 100

const accountKey = (i: number): string => `key/account-${String(i).padStart(3, '0')}`

async function sumOf(entries: AsyncIterable<[Buffer, Buffer]>): Promise<number> {
  let sum = 0
  for await (const [, value] of entries) {
    sum += Number(value.toString().split(' ', 1)[0])
  }
  return sum
}

/** Accounts that are empty are deleted, and made again when they get something. */
async function transfer(tx: Transaction, random: SeededRandom): Promise<void> {
  const [from, to] = [accountKey(random.below(ACCOUNT_COUNT)), accountKey(random.below(ACCOUNT_COUNT))]
  const amountOf = async (key: string): Promise<number> => Number.parseInt(String((await tx.get(key)) ?? 0), 10)
  const amount = Math.min(await amountOf(from), random.between(1, 60))
  const set = (key: string, value: number): void =>
    value === 0 ? tx.delete(key) : tx.put(key, `${value} `.padEnd(100, '.'))
  set(from, (await amountOf(from)) - amount)
  set(to, (await amountOf(to)) + amount)
}

/** Many tries, flushes and compactions, on machines that may be busy with others. */
const TIMEOUT_MS = 120_000

describe.each(Object.entries(OPTIONS))('with options %s', { timeout: TIMEOUT_MS }, (_name, [options, kind]) => {
  test('64 transfers at a time keep the sum, seen by audits at any time', async () => {
    for (const seed of seedsOfRun(5)) {
      await replayable(seed, PATH, () =>
        underMaintenance(options, kind, async (store) => {
          const random = new SeededRandom(seed)
          const accounts = Array.from({ length: ACCOUNT_COUNT }, (_, i) => accountKey(i))
          await store.write(accounts.map((key) => ({ type: 'put', key, value: '100 ' })))
          const teller = async (): Promise<void> => {
            for (let i = 0; i < 4; i++) {
              await store.transaction((tx) => transfer(tx, random), { retryCountMax: 1000 })
            }
          }
          const auditor = async (): Promise<void> => {
            for (let i = 0; i < 20; i++) {
              expect(await store.transaction((tx) => sumOf(tx.entries({ prefix: 'key/' })))).toBe(SUM)
              await new Promise((resolve) => setTimeout(resolve, 2))
            }
          }
          await Promise.all([...Array.from({ length: 64 }, teller), auditor()])
          expect(await sumOf(store.entries({ prefix: 'key/' }))).toBe(SUM)
        }),
      )
    }
  })

  test('a random history of reads, scans, puts and deletes is that of some order', async () => {
    for (const seed of seedsOfRun(9)) {
      await replayable(seed, PATH, () =>
        underMaintenance(options, kind, async (store) => {
          const records = await new History(store, new SeededRandom(seed)).run()
          const scanned = records.filter(({ reads }) => reads.size > 2)
          // How many of the 240 do depends on who had to try again, and draws anew then: it is no fixed figure.
          expect(scanned.length).toBeGreaterThan(5)
          expect(records.filter(({ writes }) => writes.size > 0).length).toBeGreaterThan(40)
          expect(new SerializationGraph(records).findCycle()).toBeUndefined()
        }),
      )
    }
  })
})

const KEYS = Array.from({ length: 24 }, (_, i) => `k${String(i).padStart(2, '0')}`)
const CLIENT_COUNT = 16
const TRANSACTIONS_PER_CLIENT = 15

/**
 * Transactions that note what they read and wrote. Beside each key `k` stands `who/k`, with the transaction that wrote it
 * last, deletes included. It is read at a snapshot of the store taken with the transaction's own, so that reading it adds
 * nothing to what the transaction depends on.
 */
class History {
  readonly #store: Store
  readonly #random: SeededRandom
  #lastId: WriterId = FIRST

  constructor(store: Store, random: SeededRandom) {
    this.#store = store
    this.#random = random
  }

  async run(): Promise<TransactionRecord[]> {
    const client = async (): Promise<TransactionRecord[]> => {
      const records: TransactionRecord[] = []
      for (let i = 0; i < TRANSACTIONS_PER_CLIENT; i++) {
        const id = ++this.#lastId
        records.push(await this.#store.transaction((tx) => this.#transact(tx, id), { retryCountMax: 1000 }))
      }
      return records
    }
    return (await Promise.all(Array.from({ length: CLIENT_COUNT }, client))).flat()
  }

  async #transact(tx: Transaction, id: WriterId): Promise<TransactionRecord> {
    const shadow = this.#store.snapshot()
    try {
      const reads = new Map<string, WriterId>()
      const writes = new Map<string, WriterId>()
      for (let step = this.#random.between(1, 3); step > 0; step--) {
        for (const [key, isThere] of await this.#read(tx)) {
          if (!writes.has(key)) {
            const version = await versionAt(shadow, key)
            // A snapshot in order: what the store says of who wrote fits to what the transaction finds.
            expect({ key, version, isThere }).toEqual({ key, version, isThere: await shadow.has(key) })
            reads.set(key, version)
          }
        }
        if (this.#random.chance(0.5)) {
          const key = this.#random.pick(KEYS)
          writes.set(key, await versionAt(shadow, key))
          this.#write(tx, id, key)
        }
      }
      return { id, reads, writes }
    } finally {
      shadow.close()
    }
  }

  #write(tx: Transaction, id: WriterId, key: string): void {
    tx.put(`who/${key}`, String(id))
    if (this.#random.chance(0.5)) {
      tx.put(key, `${id} `.padEnd(100, '.'))
    } else {
      tx.delete(key)
    }
  }

  /** Reads a key or a part of a range, and tells of which keys it learned whether they are there. */
  async #read(tx: Transaction): Promise<Map<string, boolean>> {
    if (this.#random.chance(0.5)) {
      const key = this.#random.pick(KEYS)
      return new Map([[key, await tx.has(key)]])
    }
    const first = this.#random.below(KEYS.length)
    const keys = KEYS.slice(first, first + this.#random.between(1, 6))
    const reverse = this.#random.chance(0.5)
    const limit = this.#random.between(1, 6)
    const found: string[] = []
    for await (const key of tx.keys({ gte: keys[0], lte: keys.at(-1), reverse, limit })) {
      found.push(key.toString())
    }
    const inOrder = reverse ? keys.toReversed() : keys
    const stepped = found.length < limit ? inOrder : inOrder.slice(0, inOrder.indexOf(found.at(-1) ?? '') + 1)
    return new Map(stepped.map((key) => [key, found.includes(key)]))
  }
}

async function versionAt(snapshot: Snapshot, key: string): Promise<WriterId> {
  return Number((await snapshot.get(`who/${key}`)) ?? FIRST)
}
