/** Reads of a filled and compacted store, whose files are in the page cache. Every value is checked. */
import assert from 'node:assert/strict'
import { Zipfian } from '../dataset/zipfian.ts'
import { inWaves, oneByOne, synchronously } from './concurrency.ts'
import type { Step, StoreWorkload, WorkloadContext } from './workload.ts'

const READ_COUNT_MAX = 200_000
const STEP_COUNT = 5000
const IN_FLIGHT_COUNT = 100
const MANY_COUNT = 100
/** How many entries follow a seek, as in RocksDB's seekrandom. */
const SEEK_READ_COUNT = 10

type ReadFields = Pick<StoreWorkload, 'name' | 'description' | 'start'> & Partial<Omit<StoreWorkload, 'kind'>>

function reads(fields: ReadFields): StoreWorkload {
  return {
    kind: 'store',
    durability: 'process',
    startsFrom: 'filled',
    limits: ['map', 'pread'],
    operationCount: (entryCount) => Math.min(entryCount, READ_COUNT_MAX),
    stepOperationCount: STEP_COUNT,
    ...fields,
  }
}

function randomKey({ keyAt, entryCount, random }: WorkloadContext): Buffer {
  return keyAt(random.below(entryCount))
}

async function getChecked({ driver, dataset }: WorkloadContext, key: Buffer): Promise<void> {
  dataset.check(key, await driver.get(key))
}

/** The driver has it: the workload says that it needs it. */
function getSync({ driver }: WorkloadContext, key: Buffer): Buffer | undefined {
  assert(driver.getSync !== undefined, 'a workload that needs getSync runs only on stores that have it')
  return driver.getSync(key)
}

function popularKeys({ keyAt, random, entryCount }: WorkloadContext): () => Buffer {
  const zipfian = new Zipfian(random, entryCount)
  return () => keyAt(zipfian.nextIndex())
}

const POINT_READS: readonly StoreWorkload[] = [
  reads({
    name: 'readrandom-sync',
    description: 'synchronous gets of random keys',
    isMain: true,
    needs: 'getSync',
    start: (context) => (first, count) =>
      synchronously(first, count, context.latencies, () => {
        const key = randomKey(context)
        context.dataset.check(key, getSync(context, key))
      }),
  }),
  reads({
    name: 'readrandom-awaited',
    description: 'gets of random keys, each awaited',
    isMain: true,
    start: (context) => (first, count) =>
      oneByOne(first, count, context.latencies, () => getChecked(context, randomKey(context))),
  }),
  reads({
    name: 'readrandom-100-in-flight',
    description: 'gets of random keys, waves of 100 awaited together',
    start: (context) => (first, count) =>
      inWaves(first, count, IN_FLIGHT_COUNT, context.latencies, () => getChecked(context, randomKey(context))),
  }),
  reads({
    name: 'multireadrandom',
    description: `getMany of ${MANY_COUNT} random keys, each call awaited; counted in keys`,
    start: (context) => async (first, count) => {
      const { driver, dataset } = context
      for (let start = first; start < first + count; start += MANY_COUNT) {
        const keys = Array.from({ length: Math.min(MANY_COUNT, first + count - start) }, () => randomKey(context))
        const startMs = performance.now()
        const values = await driver.getMany(keys)
        context.latencies.record(performance.now() - startMs)
        assert.equal(values.length, keys.length)
        keys.forEach((key, index) => dataset.check(key, values[index]))
      }
    },
  }),
  reads({
    name: 'readmissing',
    description: 'gets of keys that are not there, each awaited',
    start:
      ({ driver, dataset, random, entryCount, latencies }) =>
      (first, count) =>
        oneByOne(first, count, latencies, async () => {
          const value = await driver.get(dataset.missingKeyAt(random.below(entryCount)))
          assert(value === undefined, 'a key that was never written is not there')
        }),
  }),
  reads({
    name: 'readhot',
    description: 'gets of zipfian keys, each awaited',
    start: (context): Step => {
      const nextKey = popularKeys(context)
      return (first, count) => oneByOne(first, count, context.latencies, () => getChecked(context, nextKey()))
    },
  }),
  reads({
    name: 'readhot-sync',
    description: 'synchronous gets of zipfian keys',
    needs: 'getSync',
    start: (context): Step => {
      const nextKey = popularKeys(context)
      return (first, count) =>
        synchronously(first, count, context.latencies, () => {
          const key = nextKey()
          context.dataset.check(key, getSync(context, key))
        })
    },
  }),
]

/** Checks every row, and that each comes after the one before. */
function inOrderVisitor({ dataset }: WorkloadContext, sign: 1 | -1): (key: Buffer, value: Buffer) => void {
  let previous: Buffer | undefined
  return (key, value) => {
    dataset.check(key, value)
    assert(previous === undefined || sign * (key.readUInt32BE(0) - previous.readUInt32BE(0)) >= 0, 'rows are in order')
    previous = key
  }
}

function scan(name: string, reverse: boolean): StoreWorkload {
  return reads({
    name,
    description: `every entry in ${reverse ? 'descending' : 'ascending'} order, by the store's fastest way`,
    isMain: !reverse,
    limits: ['pread-sequential'],
    operationCount: (entryCount) => entryCount,
    stepOperationCount: Number.MAX_SAFE_INTEGER,
    start: (context) => async (_first, count) => {
      const seen = await context.driver.scan({ reverse }, inOrderVisitor(context, reverse ? -1 : 1))
      assert.equal(seen, count, 'a scan shows every entry once')
    },
  })
}

const SCANS: readonly StoreWorkload[] = [
  scan('readseq', false),
  scan('readreverse', true),
  reads({
    name: 'readseq-for-await',
    description: 'every entry in ascending order, with for await',
    limits: ['pread-sequential'],
    operationCount: (entryCount) => entryCount,
    stepOperationCount: Number.MAX_SAFE_INTEGER,
    start: (context) => async (_first, count) => {
      const visit = inOrderVisitor(context, 1)
      let seen = 0
      for await (const [key, value] of context.driver.entries()) {
        visit(key, value)
        seen++
      }
      assert.equal(seen, count, 'a scan shows every entry once')
    },
  }),
  reads({
    name: 'seekrandom',
    description: `a cursor goes to a random key and reads ${SEEK_READ_COUNT} entries; counted in seeks`,
    isMain: true,
    start: (context): Step => {
      const cursor = context.driver.cursor()
      const step: Step = (first, count) =>
        oneByOne(first, count, context.latencies, async () => {
          const key = randomKey(context)
          let isFirst = true
          const seen = await cursor.read(key, SEEK_READ_COUNT, (found, value) => {
            assert(!isFirst || found.equals(key), 'a cursor starts at the key that it was sent to')
            isFirst = false
            context.dataset.check(found, value)
          })
          assert(seen >= 1, 'the key is there')
        })
      step.close = () => cursor.close()
      return step
    },
  }),
]

export const READS: readonly StoreWorkload[] = [...POINT_READS, ...SCANS]
