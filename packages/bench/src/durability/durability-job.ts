/** The two processes of a proof: one that writes and is killed, one that looks for what was acknowledged. */
import type { DurabilityCheckJob, DurabilityCheckResult, DurabilityWriteJob } from '../child/job.ts'
import { Dataset, VALUE_SIZE_BYTES } from '../dataset/dataset.ts'
import type { StoreDriver } from '../drivers/store-driver.ts'
import { loadStore } from '../drivers/stores.ts'
import { byClients } from '../workloads/concurrency.ts'
import { LatencyRecorder } from '../workloads/latency-recorder.ts'
import { mark } from './sync-trace.ts'

const CACHE_SIZE_BYTES = 8 * 1024 * 1024

type ProofJob = DurabilityWriteJob | DurabilityCheckJob

async function openFor({ store, directory, durability }: ProofJob): Promise<StoreDriver> {
  return await (await loadStore(store)).open(directory, { durability, cacheSizeBytes: CACHE_SIZE_BYTES })
}

function newDataset(): Dataset {
  return new Dataset({ seed: 1, valueSizeBytes: VALUE_SIZE_BYTES })
}

/** Ends this process. */
export async function writeAndDie(job: DurabilityWriteJob): Promise<void> {
  const driver = await openFor(job)
  const dataset = newDataset()
  mark()
  await byClients(0, job.writeCount, job.writerCount, new LatencyRecorder(), (index) => {
    const key = dataset.keyAt(index)
    return driver.put(key, dataset.valueOf(key))
  })
  mark()
  process.kill(process.pid, 'SIGKILL')
}

export async function checkWritten(job: DurabilityCheckJob): Promise<DurabilityCheckResult> {
  const driver = await openFor(job)
  const dataset = newDataset()
  let foundCount = 0
  for (let index = 0; index < job.writeCount; index++) {
    const key = dataset.keyAt(index)
    const value = await driver.get(key)
    if (value !== undefined) {
      dataset.check(key, value)
      foundCount++
    }
  }
  await driver.close()
  return { type: 'durability-check', foundCount }
}
