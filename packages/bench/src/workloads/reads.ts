/** Reads of a filled and compacted store. Its files are in the page cache; what the store caches itself is empty. */
import assert from 'node:assert/strict'
import type { Workload, WorkloadContext } from './workload.ts'

const READ_COUNT_MAX = 200_000
const WARM_UP_SHARE = 0.1

function readCount(entryCount: number): number {
  return Math.min(entryCount, READ_COUNT_MAX)
}

function randomKey({ keys, random }: WorkloadContext): Buffer {
  return keys[random.below(keys.length)] as Buffer
}

async function readAwaited(context: WorkloadContext, count: number): Promise<void> {
  const { driver, dataset } = context
  for (let i = 0; i < count; i++) {
    const key = randomKey(context)
    dataset.check(key, await driver.get(key))
  }
}

function readSync(context: WorkloadContext, count: number): void {
  const { driver, dataset } = context
  for (let i = 0; i < count; i++) {
    const key = randomKey(context)
    dataset.check(key, driver.getSync(key))
  }
}

/** Gets that wait for each other. */
export const readRandomAwaited: Workload = {
  name: 'readrandom-awaited',
  startsFrom: 'filled',
  comparedBy: 'throughput',
  operationCount: readCount,
  warmUp: (context) => readAwaited(context, context.operationCount * WARM_UP_SHARE),
  async run(context) {
    await readAwaited(context, context.operationCount)
    return undefined
  },
}

/** Synchronous gets: the event loop never turns in any store, by their nature. */
export const readRandomSync: Workload = {
  name: 'readrandom-sync',
  startsFrom: 'filled',
  comparedBy: 'throughput',
  operationCount: readCount,
  async warmUp(context) {
    readSync(context, context.operationCount * WARM_UP_SHARE)
  },
  async run(context) {
    readSync(context, context.operationCount)
    return undefined
  },
}

/** A scan of all entries with `for await`, in order. */
export const readSeq: Workload = {
  name: 'readseq',
  startsFrom: 'filled',
  comparedBy: 'throughput',
  operationCount: (entryCount) => entryCount,
  async run({ driver, dataset, operationCount }) {
    let count = 0
    let previous: Buffer | undefined
    for await (const [key, value] of driver.entries()) {
      dataset.check(key, value)
      assert(previous === undefined || previous.readUInt32BE(0) <= key.readUInt32BE(0), 'entries come in order')
      previous = key
      count++
    }
    assert.equal(count, operationCount, 'a scan shows every entry once')
    return undefined
  },
}
