/** Fills of an empty store in random order. The clock stops when the last write is acknowledged. */
import type { PutOperation } from '../drivers/store-driver.ts'
import type { Workload, WorkloadContext } from './workload.ts'

const IN_FLIGHT_COUNT = 1000
const BATCH_COUNT = 1000
/** Puts that wait for each other take long in some stores. */
const AWAITED_COUNT_MAX = 200_000

/** Waves of a thousand puts that are awaited together. */
export const fillRandomInFlight: Workload = {
  name: 'fillrandom-inflight',
  startsFrom: 'empty',
  comparedBy: 'throughput',
  operationCount: (entryCount) => entryCount,
  async run({ driver, dataset, keys, operationCount }) {
    for (let start = 0; start < operationCount; start += IN_FLIGHT_COUNT) {
      const end = Math.min(start + IN_FLIGHT_COUNT, operationCount)
      const puts: Promise<void>[] = []
      for (let i = start; i < end; i++) {
        const key = keys[i] as Buffer
        puts.push(driver.put(key, dataset.valueOf(key)))
      }
      await Promise.all(puts)
    }
    return undefined
  },
}

export const fillRandomAwaited: Workload = {
  name: 'fillrandom-awaited',
  startsFrom: 'empty',
  comparedBy: 'throughput',
  operationCount: (entryCount) => Math.min(entryCount, AWAITED_COUNT_MAX),
  async run({ driver, dataset, keys, operationCount }) {
    for (let i = 0; i < operationCount; i++) {
      const key = keys[i] as Buffer
      await driver.put(key, dataset.valueOf(key))
    }
    return undefined
  },
}

export const fillBatch: Workload = {
  name: 'fillbatch-1000',
  startsFrom: 'empty',
  comparedBy: 'throughput',
  operationCount: (entryCount) => entryCount,
  async run(context) {
    await fillInBatches(context)
    return undefined
  },
}

export async function fillInBatches(context: Omit<WorkloadContext, 'random'>): Promise<void> {
  const { driver, dataset, keys, operationCount } = context
  for (let start = 0; start < operationCount; start += BATCH_COUNT) {
    const end = Math.min(start + BATCH_COUNT, operationCount)
    const operations: PutOperation[] = []
    for (let i = start; i < end; i++) {
      const key = keys[i] as Buffer
      operations.push({ type: 'put', key, value: dataset.valueOf(key) })
    }
    await driver.write(operations)
  }
}
