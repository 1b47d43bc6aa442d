/** How long it takes to open a store, to recover one whose process was killed, and to close one. */
import assert from 'node:assert/strict'
import { Bench } from 'tinybench'
import type { StoreDriver } from '../drivers/store-driver.ts'
import { fillInBatches } from './fills.ts'
import type { DirectoryContext, DirectoryWorkload } from './workload.ts'

const OPEN_COUNT = 10
const CHECK_COUNT_MAX = 2000
/** What is in the logs when a writer is killed: three memtables of 16 MiB. */
const KILLED_SIZE_BYTES = 48 * 1024 * 1024
const ENTRY_SIZE_BYTES = 116

/** How many entries a writer has written when it is killed. */
export function killedCount(entryCount: number): number {
  return Math.min(entryCount, Math.ceil(KILLED_SIZE_BYTES / ENTRY_SIZE_BYTES))
}

async function checkSome({ dataset }: DirectoryContext, driver: StoreDriver, entryCount: number): Promise<void> {
  const stride = Math.max(1, Math.floor(entryCount / CHECK_COUNT_MAX))
  for (let index = 0; index < entryCount; index += stride) {
    const key = dataset.keyAt(index)
    dataset.check(key, await driver.get(key))
  }
}

async function openAndClose(context: DirectoryContext): Promise<number> {
  let driver: StoreDriver | undefined
  const { operationCount, latencies } = context
  const bench = new Bench({
    iterations: operationCount,
    time: 0,
    warmupIterations: 1,
    warmupTime: 0,
    throws: true,
    retainSamples: true,
    timestampProvider: 'hrtimeNow',
  })
  bench.add(
    'open',
    async () => {
      driver = await context.open(context.directory)
    },
    {
      async: true,
      async afterEach() {
        assert(driver !== undefined)
        await checkSome(context, driver, Math.min(context.entryCount, 10))
        await driver.close()
      },
    },
  )
  const [task] = await bench.run()
  assert(task?.result.state === 'completed', 'open did not complete')
  const samples = task.result.latency.samples ?? []
  for (const sample of samples) {
    latencies.record(sample)
  }
  return samples.reduce((sum, sample) => sum + sample, 0)
}

async function timedOnce(context: DirectoryContext, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  const elapsedMs = performance.now() - startMs
  context.latencies.record(elapsedMs)
  return elapsedMs
}

export const LIFECYCLES: readonly DirectoryWorkload[] = [
  {
    kind: 'directory',
    name: 'open',
    description: 'open of a store that was filled, compacted and closed; files in the page cache',
    durability: 'process',
    limits: [],
    startsFrom: 'filled',
    isMain: true,
    operationCount: () => OPEN_COUNT,
    run: openAndClose,
  },
  {
    kind: 'directory',
    name: 'recovery',
    description: `open of a store whose process was killed when it had written up to ${KILLED_SIZE_BYTES / 1024 / 1024} MiB`,
    durability: 'process',
    limits: [],
    startsFrom: 'killed',
    operationCount: () => 1,
    async run(context) {
      let driver: StoreDriver | undefined
      const elapsedMs = await timedOnce(context, async () => {
        driver = await context.open(context.directory)
      })
      assert(driver !== undefined)
      await checkSome(context, driver, killedCount(context.entryCount))
      await driver.close()
      return elapsedMs
    },
  },
  {
    kind: 'directory',
    name: 'close',
    description: 'close of a store right after a fill in batches of 1000',
    durability: 'process',
    limits: [],
    startsFrom: 'empty',
    operationCount: () => 1,
    async run(context) {
      const driver = await context.open(context.directory)
      const keyAt = (index: number): Buffer => context.dataset.keyAt(index)
      await fillInBatches({ ...context, driver, keyAt }, 0, context.entryCount, 1000)
      return await timedOnce(context, () => driver.close())
    },
  },
]
