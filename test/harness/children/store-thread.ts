/** For a thread of an application: opens a store in a thread, and has a flush under way when it says so. */
import { parentPort, workerData } from 'node:worker_threads'
import { createPoolExecutor } from '@varve/workers'
import { open } from 'varve'
import { fill } from '../contents.ts'
import { plannedJobFault } from '../job-fault-plan.ts'

const { directory, entryCount } = workerData as { readonly directory: string; readonly entryCount: number }
const executor = createPoolExecutor({
  workerCountMax: 2,
  workerUrl: new URL('./faulty-job-worker.js', import.meta.url),
})
const store = await open(directory, {}, { executor })
await fill(store, entryCount)
void store.flush()
// The plan is spent when the job has come to its point.
while (plannedJobFault(directory) !== undefined) {
  await new Promise((resolve) => setTimeout(resolve, 10))
}
parentPort?.postMessage('flushing')
