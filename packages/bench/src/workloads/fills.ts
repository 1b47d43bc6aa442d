/** Writes: fills of an empty store, overwrites and deletes of a filled one. */
import type { PutOperation } from '../drivers/store-driver.ts'
import { byClients, inWaves, oneByOne } from './concurrency.ts'
import type { Step, StoreWorkload, WorkloadContext } from './workload.ts'

const IN_FLIGHT_COUNT = 1000
const CLIENT_COUNT = 256
const STEP_COUNT = 10_000
/** Writes that wait for each other take long in some stores. */
const AWAITED_COUNT_MAX = 200_000
const SYNCED_COUNT_MAX = 5000
/** Mixed values are 95 KB each on average. */
const MIXED_COUNT_MAX = 3000

type Way = (context: WorkloadContext, operation: (index: number) => Promise<void>) => Step

const awaited: Way =
  ({ latencies }, operation) =>
  (first, count) =>
    oneByOne(first, count, latencies, operation)
const inFlight: Way =
  ({ latencies }, operation) =>
  (first, count) =>
    inWaves(first, count, IN_FLIGHT_COUNT, latencies, operation)
const clients =
  (clientCount: number): Way =>
  ({ latencies }, operation) =>
  (first, count) =>
    byClients(first, count, clientCount, latencies, operation)

type WriteFields = Pick<StoreWorkload, 'name' | 'description'> &
  Partial<Omit<StoreWorkload, 'kind' | 'start'>> & { readonly way: Way }

const bounded =
  (max: number) =>
  (entryCount: number): number =>
    Math.min(entryCount, max)

/** Puts of single entries. */
function puts(
  fields: WriteFields & { readonly keyOf?: (context: WorkloadContext, index: number) => Buffer },
): StoreWorkload {
  const { way, keyOf = ({ keyAt }, index) => keyAt(index), ...rest } = fields
  return {
    kind: 'store',
    durability: 'process',
    startsFrom: 'empty',
    limits: ['append'],
    operationCount: (entryCount) => entryCount,
    start(context) {
      const { driver, dataset, tally } = context
      return way(context, (index) => {
        const key = keyOf(context, index)
        const value = dataset.valueOf(key)
        tally.putSizeBytes += key.length + value.length
        return driver.put(key, value)
      })
    },
    ...rest,
  }
}

function fillBatch(batchCount: number, isMain: boolean): StoreWorkload {
  return {
    kind: 'store',
    name: `fillbatch-${batchCount}`,
    description: `atomic batches of ${batchCount} entries in random order, each awaited`,
    durability: 'process',
    startsFrom: 'empty',
    limits: ['append'],
    isMain,
    operationCount: (entryCount) => (batchCount < 100 ? Math.min(entryCount, 5 * AWAITED_COUNT_MAX) : entryCount),
    stepOperationCount: STEP_COUNT,
    start: (context) => (first, count) => fillInBatches(context, first, count, batchCount),
  }
}

export async function fillInBatches(
  { driver, dataset, keyAt, tally }: Pick<WorkloadContext, 'driver' | 'dataset' | 'keyAt' | 'tally'>,
  first: number,
  count: number,
  batchCount: number,
): Promise<void> {
  for (let start = first; start < first + count; start += batchCount) {
    const end = Math.min(start + batchCount, first + count)
    const operations: PutOperation[] = []
    for (let i = start; i < end; i++) {
      const key = keyAt(i)
      const value = dataset.valueOf(key)
      tally.putSizeBytes += key.length + value.length
      operations.push({ type: 'put', key, value })
    }
    await driver.write(operations)
  }
}

function fillSync(writerCount: number): StoreWorkload {
  return puts({
    name: `fillsync-${writerCount}`,
    description: `puts in random order, each durable before it resolves, ${writerCount} at a time`,
    durability: 'power',
    limits: ['append-synced'],
    writerCount,
    isMain: writerCount === 64,
    operationCount: (entryCount) => Math.min(entryCount, SYNCED_COUNT_MAX * (writerCount > 1 ? 4 : 1)),
    way: clients(writerCount),
  })
}

const randomKey = ({ keyAt, random, entryCount }: WorkloadContext): Buffer => keyAt(random.below(entryCount))

export const FILLS: readonly StoreWorkload[] = [
  puts({
    name: 'fillseq',
    description: 'puts in ascending order, 1000 in flight',
    keyOf: ({ dataset }, index) => dataset.sequentialKeyAt(index),
    stepOperationCount: STEP_COUNT,
    way: inFlight,
  }),
  puts({
    name: 'fillrandom-awaited',
    description: 'puts in random order, each awaited',
    isMain: true,
    operationCount: bounded(AWAITED_COUNT_MAX),
    stepOperationCount: STEP_COUNT,
    way: awaited,
  }),
  puts({
    name: 'fillrandom-256-writers',
    description: 'puts in random order, by 256 writers that each await their own',
    way: clients(CLIENT_COUNT),
  }),
  puts({
    name: 'fillrandom-1000-in-flight',
    description: 'puts in random order, waves of 1000 awaited together',
    isMain: true,
    stepOperationCount: STEP_COUNT,
    way: inFlight,
  }),
  fillBatch(10, false),
  fillBatch(100, true),
  fillBatch(1000, true),
  fillSync(1),
  fillSync(16),
  fillSync(64),
  puts({
    name: 'fillmixed',
    description: 'puts of values from 16 B to 1 MiB in random order, 16 writers',
    valueSizeBytes: 'mixed',
    operationCount: bounded(MIXED_COUNT_MAX),
    way: clients(16),
  }),
  puts({
    name: 'overwrite',
    description: 'puts of random keys that are there, waves of 1000 awaited together',
    startsFrom: 'filled',
    isMain: true,
    keyOf: randomKey,
    stepOperationCount: STEP_COUNT,
    way: inFlight,
  }),
  puts({
    name: 'overwrite-awaited',
    description: 'puts of random keys that are there, each awaited',
    startsFrom: 'filled',
    operationCount: bounded(AWAITED_COUNT_MAX),
    keyOf: randomKey,
    stepOperationCount: STEP_COUNT,
    way: awaited,
  }),
  {
    kind: 'store',
    name: 'deleterandom',
    description: 'deletes of every key in random order, waves of 1000 awaited together',
    durability: 'process',
    startsFrom: 'filled',
    limits: ['append'],
    operationCount: (entryCount) => entryCount,
    stepOperationCount: STEP_COUNT,
    start:
      ({ driver, keyAt, latencies, tally }) =>
      (first, count) =>
        inWaves(first, count, IN_FLIGHT_COUNT, latencies, (index) => {
          const key = keyAt(index)
          tally.putSizeBytes += key.length
          return driver.delete(key)
        }),
  },
]
