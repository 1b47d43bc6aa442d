/** Reads and writes together: YCSB's six, reads while others write, and both at an offered rate. */
import assert from 'node:assert/strict'
import { Zipfian } from '../dataset/zipfian.ts'
import { atRate, byClients, oneByOne } from './concurrency.ts'
import type { Step, StoreWorkload, WorkloadContext } from './workload.ts'

const CLIENT_COUNT = 16
const OPERATION_COUNT_MAX = 200_000
const SCAN_COUNT_MAX = 100
const PERCENT = 100

type Mix = Readonly<Partial<Record<'read' | 'update' | 'insert' | 'scan' | 'modify', number>>>

interface YcsbFields {
  readonly letter: string
  readonly mix: Mix
  readonly reads: 'zipfian' | 'latest'
  readonly text: string
}

const YCSB: readonly YcsbFields[] = [
  { letter: 'a', mix: { read: 50, update: 50 }, reads: 'zipfian', text: 'half reads, half updates' },
  { letter: 'b', mix: { read: 95, update: 5 }, reads: 'zipfian', text: '95 % reads, 5 % updates' },
  { letter: 'c', mix: { read: 100 }, reads: 'zipfian', text: 'reads alone' },
  { letter: 'd', mix: { read: 95, insert: 5 }, reads: 'latest', text: '95 % reads of what is newest, 5 % inserts' },
  { letter: 'e', mix: { scan: 95, insert: 5 }, reads: 'zipfian', text: '95 % scans of up to 100 entries, 5 % inserts' },
  { letter: 'f', mix: { read: 50, modify: 50 }, reads: 'zipfian', text: 'half reads, half read-modify-writes' },
]

/** The operations of one mix on one store. */
class YcsbClient {
  readonly #context: WorkloadContext
  readonly #zipfian: Zipfian
  readonly #reads: YcsbFields['reads']
  /** All entries below this index are there. */
  #entryCount: number
  /** The next one to be inserted; those in between are under way. */
  #nextIndex: number

  constructor(context: WorkloadContext, reads: YcsbFields['reads']) {
    this.#context = context
    this.#zipfian = new Zipfian(context.random, context.entryCount)
    this.#reads = reads
    this.#entryCount = context.entryCount
    this.#nextIndex = context.entryCount
  }

  do(kind: keyof Mix): Promise<void> {
    switch (kind) {
      case 'read':
        return this.#read(this.#existingKey())
      case 'update':
        return this.#put(this.#existingKey())
      case 'insert':
        return this.#insert()
      case 'scan':
        return this.#scan()
      case 'modify':
        return this.#modify()
    }
  }

  #existingKey(): Buffer {
    const { keyAt } = this.#context
    return this.#reads === 'latest'
      ? keyAt(Math.max(0, this.#entryCount - 1 - this.#zipfian.nextRank()))
      : keyAt(this.#zipfian.nextIndex())
  }

  async #read(key: Buffer): Promise<void> {
    const { driver, dataset } = this.#context
    dataset.check(key, await driver.get(key))
  }

  #put(key: Buffer): Promise<void> {
    const { driver, dataset, tally } = this.#context
    const value = dataset.valueOf(key)
    tally.putSizeBytes += key.length + value.length
    return driver.put(key, value)
  }

  async #insert(): Promise<void> {
    const index = this.#nextIndex++
    await this.#put(this.#context.keyAt(index))
    // Inserts of different clients may be done in any order: only what has no gap before it is known to be there.
    if (index === this.#entryCount) {
      this.#entryCount++
    }
  }

  async #scan(): Promise<void> {
    const { driver, dataset, random } = this.#context
    const count = 1 + random.below(SCAN_COUNT_MAX)
    const seen = await driver.scanFrom(this.#existingKey(), count, (key, value) => dataset.check(key, value))
    assert(seen >= 1 && seen <= count, 'a scan from a key that is there finds it')
  }

  async #modify(): Promise<void> {
    const key = this.#existingKey()
    await this.#read(key)
    await this.#put(key)
  }
}

function ycsb({ letter, mix, reads, text }: YcsbFields): StoreWorkload {
  return {
    kind: 'store',
    name: `ycsb-${letter}`,
    description: `YCSB ${letter.toUpperCase()}: ${text}; ${CLIENT_COUNT} clients`,
    durability: 'process',
    startsFrom: 'filled',
    limits: ['map', 'pread'],
    isMain: letter === 'a',
    operationCount: (entryCount) => Math.min(entryCount, OPERATION_COUNT_MAX),
    start(context): Step {
      const client = new YcsbClient(context, reads)
      const kinds = Object.entries(mix).flatMap(([kind, share]) => Array<keyof Mix>(share).fill(kind as keyof Mix))
      const next = (): Promise<void> => client.do(kinds[context.random.below(PERCENT)] as keyof Mix)
      return (first, count) => byClients(first, count, CLIENT_COUNT, context.latencies, next)
    },
  }
}

const WRITE_RATE_PER_SECOND = 10_000

const readWhileWriting: StoreWorkload = {
  kind: 'store',
  name: 'readwhilewriting',
  description: `gets of random keys, each awaited, while ${WRITE_RATE_PER_SECOND} puts a second are made; counted in gets`,
  durability: 'process',
  startsFrom: 'filled',
  limits: ['map', 'pread'],
  operationCount: (entryCount) => Math.min(entryCount, OPERATION_COUNT_MAX),
  start(context): Step {
    const { driver, dataset, keyAt, random, entryCount, latencies, tally } = context
    return async (first, count) => {
      const writer = new SteadyWriter(context)
      await oneByOne(first, count, latencies, async () => {
        const key = keyAt(random.below(entryCount))
        dataset.check(key, await driver.get(key))
      })
      tally.counts['puts meanwhile'] = await writer.stop()
    }
  },
}

/** Puts at a rate until it is stopped. */
class SteadyWriter {
  readonly #context: WorkloadContext
  readonly #startMs = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #underWay = new Set<Promise<void>>()
  readonly #failures: unknown[] = []
  #count = 0

  constructor(context: WorkloadContext) {
    this.#context = context
    this.#timer = setInterval(() => this.#putDue(), 1)
  }

  async stop(): Promise<number> {
    clearInterval(this.#timer)
    await Promise.all(this.#underWay)
    if (this.#failures.length > 0) {
      throw new Error('a put beside the reads failed', { cause: this.#failures[0] })
    }
    return this.#count
  }

  #putDue(): void {
    const { driver, dataset, keyAt, random, entryCount, tally } = this.#context
    const due = ((performance.now() - this.#startMs) / 1000) * WRITE_RATE_PER_SECOND
    for (; this.#count < due; this.#count++) {
      const key = keyAt(random.below(entryCount))
      const value = dataset.valueOf(key)
      tally.putSizeBytes += key.length + value.length
      const put: Promise<void> = driver
        .put(key, value)
        .catch((error: unknown) => void this.#failures.push(error))
        .finally(() => this.#underWay.delete(put))
      this.#underWay.add(put)
    }
  }
}

const RATE_SECONDS = 10

/** At the same rate every store does the same work: then the gaps of their event loops can be compared. */
function offeredRate(kind: 'write' | 'read', ratePerSecond: number, isMain = false): StoreWorkload {
  return {
    kind: 'store',
    name: `${kind}-at-${ratePerSecond / 1000}k`,
    description: `${ratePerSecond} ${kind === 'write' ? 'puts' : 'gets'} a second, issued when they are due; latencies from then on`,
    durability: 'process',
    startsFrom: 'filled',
    limits: [],
    isMain,
    operationCount: (entryCount) => Math.min(entryCount, ratePerSecond * RATE_SECONDS),
    start(context): Step {
      const { driver, dataset, keyAt, random, entryCount, latencies, tally } = context
      const write = (): Promise<void> => {
        const key = keyAt(random.below(entryCount))
        const value = dataset.valueOf(key)
        tally.putSizeBytes += key.length + value.length
        return driver.put(key, value)
      }
      const read = async (): Promise<void> => {
        const key = keyAt(random.below(entryCount))
        dataset.check(key, await driver.get(key))
      }
      return async (_first, count) => {
        tally.operationCount = await atRate(count, ratePerSecond, latencies, kind === 'write' ? write : read)
      }
    },
  }
}

export const MIXES: readonly StoreWorkload[] = [
  readWhileWriting,
  ...YCSB.map(ycsb),
  offeredRate('write', 10_000),
  offeredRate('write', 100_000, true),
  offeredRate('read', 10_000),
]
