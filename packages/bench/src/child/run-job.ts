/** Does one job in this process. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dataset } from '../dataset/dataset.ts'
import { Random } from '../dataset/random.ts'
import type { PutOperation } from '../drivers/store-driver.ts'
import { loadStore } from '../drivers/stores.ts'
import { EventLoopMonitor } from '../event-loop-monitor.ts'
import { ResidentMemorySampler, peakResidentSizeBytes } from '../resident-memory.ts'
import { fillInBatches } from '../workloads/fills.ts'
import { workloadNamed } from '../workloads/workloads.ts'
import type { Job, JobResult, MemoryJob, MemoryResult, PrepareJob, WorkloadJob, WorkloadResult } from './job.ts'

const READ_STREAM = 3
const BATCH_COUNT = 1000
const US_PER_MS = 1000
/** Enough for the code of the store and of the workload to be compiled. */
const WARM_UP_COUNT = 20_000
/** A bare process settles within this time. */
const BARE_TIME_MS = 500

export async function runJob(job: Job): Promise<JobResult> {
  switch (job.type) {
    case 'prepare':
      await prepare(job)
      return { type: 'prepared' }
    case 'workload':
      return await runWorkload(job)
    case 'memory':
      return await watchMemory(() => load(job))
    case 'bare':
      return await watchMemory(() => sleep(BARE_TIME_MS))
  }
}

async function prepare({ store, directory, entryCount, seed }: PrepareJob): Promise<void> {
  const driver = await (await loadStore(store)).open(directory)
  const dataset = new Dataset(seed)
  await fillInBatches({ driver, dataset, keys: dataset.keys(entryCount), operationCount: entryCount })
  await driver.compact()
  await driver.close()
}

async function runWorkload({
  store,
  workload: name,
  directory,
  entryCount,
  seed,
}: WorkloadJob): Promise<WorkloadResult> {
  const workload = workloadNamed(name)
  const dataset = new Dataset(seed)
  const keys = dataset.keys(entryCount)
  const operationCount = workload.operationCount(entryCount)
  const module = await loadStore(store)
  const random = new Random(seed, READ_STREAM)
  if (workload.startsFrom === 'empty') {
    const other = `${directory}-warm-up`
    const driver = await module.open(other)
    await workload.run({ driver, dataset, keys, operationCount: Math.min(WARM_UP_COUNT, operationCount), random })
    await driver.close()
    await rm(other, { recursive: true })
  }
  const driver = await module.open(directory)
  const context = { driver, dataset, keys, operationCount, random }
  await workload.warmUp?.(context)
  collectGarbage()

  const monitor = await EventLoopMonitor.start()
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  const latencies = await workload.run(context)
  const elapsedMs = performance.now() - startMs
  const cpu = process.cpuUsage(cpuBefore)
  const eventLoop = await monitor.stop()

  const result: WorkloadResult = {
    type: 'workload',
    operationCount,
    elapsedMs,
    operationsPerSecond: operationCount / (elapsedMs / 1000),
    cpuMs: (cpu.user + cpu.system) / US_PER_MS,
    eventLoop,
    latencies,
    peakResidentSizeBytes: peakResidentSizeBytes(),
  }
  await driver.close()
  return result
}

/** What the harness itself left behind, a million keys, must not be collected at the expense of the store. */
function collectGarbage(): void {
  assert(globalThis.gc !== undefined, 'the process was started with --expose-gc')
  globalThis.gc()
}

async function watchMemory(work: () => Promise<void>): Promise<MemoryResult> {
  const startMs = performance.now()
  const sampler = new ResidentMemorySampler()
  await work()
  const samples = sampler.stop()
  return {
    type: 'memory',
    elapsedMs: performance.now() - startMs,
    peakResidentSizeBytes: Math.max(peakResidentSizeBytes(), samples.at(-1) ?? 0),
    medianResidentSizeBytes: samples[samples.length >> 1] ?? 0,
  }
}

/** Batches of keys made on the way: nothing of the dataset but its values stays. Closing is part of it. */
async function load({ store, directory, entryCount, seed }: MemoryJob): Promise<void> {
  const driver = await (await loadStore(store)).open(directory)
  const dataset = new Dataset(seed)
  const nextKey = dataset.keySource()
  for (let count = 0; count < entryCount; count += BATCH_COUNT) {
    const operations = Array.from({ length: Math.min(BATCH_COUNT, entryCount - count) }, (): PutOperation => {
      const key = nextKey()
      return { type: 'put', key, value: dataset.valueOf(key) }
    })
    await driver.write(operations)
  }
  await driver.close()
}
