/** Does one job in this process. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Dataset } from '../dataset/dataset.ts'
import type { StoreDriver } from '../drivers/store-driver.ts'
import { loadStore } from '../drivers/stores.ts'
import { checkWritten, writeAndDie } from '../durability/durability-job.ts'
import { ResidentMemorySampler, peakResidentSizeBytes } from '../resident-memory.ts'
import { fillInBatches } from '../workloads/fills.ts'
import { killedCount } from '../workloads/lifecycles.ts'
import type { Job, JobResult, MemoryJob, MemoryResult, PrepareJob, PrepareKilledJob } from './job.ts'
import { runKernel } from './kernels.ts'
import { runLimit } from './limits.ts'
import { runWorkload } from './run-workload.ts'

const BATCH_COUNT = 1000
/** A bare process settles within this time. */
const BARE_TIME_MS = 500

export async function runJob(job: Job): Promise<JobResult> {
  switch (job.type) {
    case 'prepare':
      await prepare(job)
      return { type: 'prepared' }
    case 'prepare-killed':
      await fill(job, killedCount(job.entryCount))
      process.kill(process.pid, 'SIGKILL')
      return { type: 'prepared' }
    case 'workload':
      return await runWorkload(job)
    case 'limit':
      return runLimit(job)
    case 'memory':
      return await watchMemory(() => load(job))
    case 'durability-write':
      await writeAndDie(job)
      return { type: 'prepared' }
    case 'durability-check':
      return await checkWritten(job)
    case 'kernel':
      await runKernel(job)
      return { type: 'prepared' }
    case 'bare':
      return await watchMemory(() => sleep(BARE_TIME_MS))
  }
}

async function prepare(job: PrepareJob): Promise<void> {
  const driver = await fill(job, job.entryCount)
  await driver.compact()
  await driver.close()
}

/** Keys are made on the way: nothing of the dataset but its values stays. */
async function fill(job: PrepareJob | PrepareKilledJob | MemoryJob, entryCount: number): Promise<StoreDriver> {
  const { store, directory, cacheSizeBytes } = job
  const driver = await (await loadStore(store)).open(directory, { durability: 'process', cacheSizeBytes })
  const dataset = new Dataset(job)
  const tally = { putSizeBytes: 0, series: [], sizes: [], counts: {} }
  const keyAt = (index: number): Buffer => dataset.keyAt(index)
  await fillInBatches({ driver, dataset, keyAt, tally }, 0, entryCount, BATCH_COUNT)
  return driver
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

/** Closing is part of it. */
async function load(job: MemoryJob): Promise<void> {
  const driver = await fill(job, job.entryCount)
  await driver.close()
}
