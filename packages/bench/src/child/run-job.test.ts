/** Every workload and limit in small, in this process, so that none rots. Nothing is said about speed. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findStores } from '../comparison/installed-stores.ts'
import { STORE_NAMES, isVolatile, type StoreName } from '../drivers/stores.ts'
import { WORKLOADS } from '../workloads/workloads.ts'
import type { WorkloadResult } from './job.ts'
import { runJob } from './run-job.ts'

const ENTRY_COUNT = 400
const COMMON = { entryCount: ENTRY_COUNT, seed: 1, valueSizeBytes: 100, cacheSizeBytes: 1024 * 1024 }
/** Those that have no installed package, or take long to make a store for every workload, have fewer. */
const { present } = await findStores(STORE_NAMES)
const EVERY_WORKLOAD_STORES: readonly StoreName[] = ['varve', 'memory']

let directory: string

beforeAll(async () => {
  setFlagsFromString('--expose-gc')
  globalThis.gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>
  directory = mkdtempSync(join(tmpdir(), 'varve-bench-jobs-'))
  for (const store of [...present.keys()].filter((name) => !isVolatile(name))) {
    await runJob({ type: 'prepare', store, directory: join(directory, `filled-${store}`), ...COMMON })
  }
})

afterAll(() => {
  Reflect.deleteProperty(globalThis, 'gc')
  rmSync(directory, { recursive: true, force: true })
})

async function runSmall(store: StoreName, workload: (typeof WORKLOADS)[number]): Promise<WorkloadResult> {
  const own = join(directory, `${store}-${workload.name}`)
  if (workload.startsFrom !== 'empty' && !isVolatile(store)) {
    cpSync(join(directory, `filled-${store}`), own, { recursive: true })
  }
  try {
    const result = await runJob({ type: 'workload', workload: workload.name, store, directory: own, ...COMMON })
    expect(result.type).toBe('workload')
    return result as WorkloadResult
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

test.each(
  EVERY_WORKLOAD_STORES.flatMap((store) =>
    WORKLOADS.filter(
      ({ kind, isOnRequest }) => isOnRequest !== true && !(isVolatile(store) && kind === 'directory'),
    ).map((workload) => [workload.name, store, workload] as const),
  ),
)('%s on %s', async (_name, store, workload) => {
  const result = await runSmall(store, workload)
  // At an offered rate fewer are issued, if the machine stands still for long.
  const isAtRate = /-at-\d+k$/.test(workload.name)
  expect(result.operationCount).toBeLessThanOrEqual(workload.operationCount(ENTRY_COUNT))
  expect(result.operationCount).toBeGreaterThanOrEqual(isAtRate ? 1 : workload.operationCount(ENTRY_COUNT))
  expect(result.operationsPerSecond).toBeGreaterThan(0)
  expect(result.latencies?.count ?? 1).toBeGreaterThan(0)
  expect(result.diskSizeBytes > 0).toBe(!isVolatile(store))
  expect(result.series.length > 0).toBe(/sustained/.test(workload.name))
  expect(result.sizes.length > 0).toBe(/growth/.test(workload.name))
  if (workload.name !== 'readwhilewriting') {
    // So few reads may be over before the first write beside them is due.
    const writes = /^(fill|overwrite|write-at|delete|ycsb-[abdef]|sustained|growth|close)/
    expect(result.putSizeBytes > 0).toBe(writes.test(workload.name))
  }
})

const DRIVER_WORKLOADS = ['fillsync-16', 'fillbatch-10', 'overwrite', 'deleterandom', 'multireadrandom', 'readmissing']
const ORDER_WORKLOADS = ['readseq', 'readreverse', 'readseq-for-await', 'seekrandom', 'ycsb-e', 'open']

test.each([...present.keys()].filter((store) => !EVERY_WORKLOAD_STORES.includes(store)))(
  'the driver of %s does what the workloads ask',
  async (store) => {
    for (const name of [...DRIVER_WORKLOADS, ...ORDER_WORKLOADS]) {
      const workload = WORKLOADS.find((each) => each.name === name)
      expect(workload, name).toBeDefined()
      const result = await runSmall(store, workload as NonNullable<typeof workload>)
      expect(result.operationsPerSecond, name).toBeGreaterThan(0)
    }
  },
)

test.each(['append', 'append-synced', 'map', 'pread', 'pread-sequential'] as const)('the limit %s', async (limit) => {
  const own = join(directory, `limit-${limit}`)
  mkdirSync(own)
  const result = await runJob({
    type: 'limit',
    limit,
    directory: own,
    seed: 1,
    valueSizeBytes: 100,
    writerCount: 4,
    entryCount: ENTRY_COUNT,
    timeMs: 5,
  })
  expect(result.type === 'limit' && result.operationsPerSecond > 0).toBe(true)
})
