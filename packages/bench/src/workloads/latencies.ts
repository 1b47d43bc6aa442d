/**
 * How long single operations take. Tinybench times each, warms up first and gives the quantiles; its own cost of about a
 * microsecond an operation is in all figures alike. Loads in bulk are not for it: it would time each call of them, or
 * only the whole.
 */
import assert from 'node:assert/strict'
import { Bench } from 'tinybench'
import type { Latencies, Workload, WorkloadContext } from './workload.ts'

const SAMPLE_COUNT_MAX = 50_000
const WARM_UP_COUNT = 2000
const US_PER_MS = 1000

function sampleCount(entryCount: number): number {
  return Math.min(entryCount, SAMPLE_COUNT_MAX)
}

async function timeEach(
  { operationCount }: WorkloadContext,
  name: string,
  operation: () => Promise<void>,
): Promise<Latencies> {
  const bench = new Bench({
    name,
    iterations: operationCount,
    time: 0,
    warmupIterations: WARM_UP_COUNT,
    warmupTime: 0,
    timestampProvider: 'hrtimeNow',
    throws: true,
  })
  bench.add(name, operation, { async: true })
  const [task] = await bench.run()
  assert(task?.result.state === 'completed', `${name} did not complete`)
  const { latency } = task.result
  assert.equal(latency.samplesCount, operationCount, 'every operation is a sample')
  return {
    p50Us: latency.p50 * US_PER_MS,
    p99Us: latency.p99 * US_PER_MS,
    p999Us: latency.p999 * US_PER_MS,
    maxUs: latency.max * US_PER_MS,
  }
}

/** Gets one after the other. */
export const readRandomLatency: Workload = {
  name: 'readrandom-latency',
  startsFrom: 'filled',
  comparedBy: 'latency',
  operationCount: sampleCount,
  run: (context) => {
    const { driver, dataset, keys, random } = context
    return timeEach(context, 'get', async () => {
      const key = keys[random.below(keys.length)] as Buffer
      dataset.check(key, await driver.get(key))
    })
  },
}

/** Puts one after the other, of keys that are there. */
export const overwriteLatency: Workload = {
  name: 'overwrite-latency',
  startsFrom: 'filled',
  comparedBy: 'latency',
  operationCount: sampleCount,
  run: (context) => {
    const { driver, dataset, keys, random } = context
    return timeEach(context, 'put', async () => {
      const key = keys[random.below(keys.length)] as Buffer
      await driver.put(key, dataset.valueOf(key))
    })
  },
}
