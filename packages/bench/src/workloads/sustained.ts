/**
 * Long loads, in which what a store has put off comes due. Keys are made on the way: nothing but the store grows. One
 * figure a second tells how even the load is; a second in which a write waited long is a stall.
 */
import { oneByOne, synchronously } from './concurrency.ts'
import { fillInBatches } from './fills.ts'
import type { Step, StoreWorkload, WorkloadContext } from './workload.ts'

const WRITER_COUNT = 16
const BATCH_COUNT = 100
const PERIOD_MS = 1000

/** What has happened since the last point of the series. */
class Series {
  readonly #context: WorkloadContext
  readonly #startMs = performance.now()
  readonly #timer: NodeJS.Timeout
  #pointMs = this.#startMs
  #count = 0
  #longestWaitMs = 0
  readonly #waiting = new Map<number, number>()

  constructor(context: WorkloadContext) {
    this.#context = context
    this.#timer = setInterval(() => this.#addPoint(), PERIOD_MS)
  }

  async time(writer: number, count: number, write: () => Promise<void>): Promise<void> {
    const startMs = performance.now()
    this.#waiting.set(writer, startMs)
    await write()
    this.#waiting.delete(writer)
    const waitMs = performance.now() - startMs
    this.#longestWaitMs = Math.max(this.#longestWaitMs, waitMs)
    this.#context.latencies.record(waitMs)
    this.#count += count
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#addPoint()
  }

  #addPoint(): void {
    const nowMs = performance.now()
    for (const startMs of this.#waiting.values()) {
      this.#longestWaitMs = Math.max(this.#longestWaitMs, nowMs - startMs)
    }
    this.#context.tally.series.push({
      second: (nowMs - this.#startMs) / PERIOD_MS,
      operationsPerSecond: (this.#count / (nowMs - this.#pointMs)) * PERIOD_MS,
      longestWaitMs: this.#longestWaitMs,
      residentSizeBytes: process.memoryUsage.rss(),
    })
    this.#pointMs = nowMs
    this.#count = 0
    this.#longestWaitMs = 0
  }
}

interface SustainedFields {
  readonly name: string
  readonly description: string
  /** As part of the count asked for with --entries; the full suite asks for a million. */
  readonly factor: number
  readonly isOverwrite: boolean
  readonly isOnRequest: boolean
}

function sustained({ name, description, factor, isOverwrite, isOnRequest }: SustainedFields): StoreWorkload {
  return {
    kind: 'store',
    name,
    description: `${description}; ${WRITER_COUNT} writers of batches of ${BATCH_COUNT}`,
    durability: 'process',
    startsFrom: isOverwrite ? 'filled' : 'empty',
    limits: ['append'],
    isLong: true,
    isOnRequest,
    operationCount: (entryCount) => entryCount * factor,
    start(context): Step {
      const { random, entryCount, dataset } = context
      const keyAt = isOverwrite
        ? (): Buffer => dataset.keyAt(random.below(entryCount))
        : (index: number): Buffer => dataset.keyAt(index)
      return async (first, count) => {
        const series = new Series(context)
        let next = first
        const writer = async (_: unknown, id: number): Promise<void> => {
          while (next < first + count) {
            const start = next
            const batchCount = Math.min(BATCH_COUNT, first + count - start)
            next += batchCount
            await series.time(id, batchCount, () =>
              fillInBatches({ ...context, keyAt }, start, batchCount, BATCH_COUNT),
            )
          }
        }
        await Promise.all(Array.from({ length: WRITER_COUNT }, writer))
        series.stop()
      }
    },
  }
}

const SMALLEST_COUNT = 10_000
const READ_COUNT_MAX = 20_000

/** 10, 30, 100, ... thousand, as far as the count goes, and the count itself. */
function growthSizes(count: number): number[] {
  const sizes: number[] = []
  for (let size = SMALLEST_COUNT, factor = 3; size < count; size *= factor, factor = factor === 3 ? 10 / 3 : 3) {
    sizes.push(Math.round(size))
  }
  return [...sizes, count]
}

async function costOfReading(
  context: WorkloadContext,
  entryCount: number,
): Promise<{ readUs: number; seekUs: number }> {
  const { driver, dataset, random, latencies } = context
  const count = Math.min(entryCount, READ_COUNT_MAX)
  const key = (): Buffer => dataset.keyAt(random.below(entryCount))
  const timed = async (work: () => Promise<void> | void): Promise<number> => {
    const startMs = performance.now()
    await work()
    return ((performance.now() - startMs) * 1000) / count
  }
  const cursor = driver.cursor()
  const readUs = await timed(() =>
    driver.getSync === undefined
      ? oneByOne(0, count, latencies, async () => {
          const wanted = key()
          dataset.check(wanted, await driver.get(wanted))
        })
      : synchronously(0, count, latencies, () => {
          const wanted = key()
          dataset.check(wanted, driver.getSync?.(wanted))
        }),
  )
  const seekUs = await timed(() =>
    oneByOne(0, count, latencies, async () => {
      await cursor.read(key(), 1, (found, value) => dataset.check(found, value))
    }),
  )
  await cursor.close()
  return { readUs, seekUs }
}

function growth(name: string, factor: number, isOnRequest: boolean): StoreWorkload {
  return {
    kind: 'store',
    name,
    description:
      'a store that grows: what a write, a read and a seek cost at each size; batches of 1000, nothing settled',
    durability: 'process',
    startsFrom: 'empty',
    limits: ['append'],
    isLong: true,
    isOnRequest,
    operationCount: (entryCount) => entryCount * factor,
    start(context): Step {
      const { dataset, tally } = context
      return async (_first, count) => {
        let filledCount = 0
        for (const entryCount of growthSizes(count)) {
          const startMs = performance.now()
          const addedCount = entryCount - filledCount
          await fillInBatches({ ...context, keyAt: (index) => dataset.keyAt(index) }, filledCount, addedCount, 1000)
          const writeUs = ((performance.now() - startMs) * 1000) / addedCount
          tally.sizes.push({ entryCount, writeUs, ...(await costOfReading(context, entryCount)) })
          filledCount = entryCount
        }
      }
    },
  }
}

export const SUSTAINED: readonly StoreWorkload[] = [
  sustained({
    name: 'sustained-10x',
    description: 'ten times the entries (10 M) in random order',
    factor: 10,
    isOverwrite: false,
    isOnRequest: false,
  }),
  sustained({
    name: 'sustained-50x',
    description: 'fifty times the entries (50 M) in random order',
    factor: 50,
    isOverwrite: false,
    isOnRequest: true,
  }),
  sustained({
    name: 'overwrite-sustained-10x',
    description: 'overwrites of random keys, ten times as many as there are entries (10 M)',
    factor: 10,
    isOverwrite: true,
    isOnRequest: false,
  }),
  growth('growth-10x', 10, false),
  growth('growth-50x', 50, true),
]
