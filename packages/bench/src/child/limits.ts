/**
 * What the machine allows without any store: the same bytes appended to a file, a look-up in a Map, a read from the page
 * cache. Tinybench runs each.
 */
import assert from 'node:assert/strict'
import { closeSync, fdatasyncSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { Dataset, KEY_SIZE_BYTES } from '../dataset/dataset.ts'
import { Random } from '../dataset/random.ts'
import type { LimitJob, LimitResult } from './job.ts'

const CHUNK_SIZE_BYTES = 64 * 1024
const BLOCK_SIZE_BYTES = 4096
/** Of the file that is read: that of so many entries, within these bounds. */
const FILE_SIZE_BYTES = { min: CHUNK_SIZE_BYTES, max: 64 * 1024 * 1024 } as const
const MAP_COUNT_MAX = 1_000_000
/** Look-ups and reads of one sample: one alone is as fast as the clock. */
const SAMPLE_COUNT = 1000
const READ_STREAM = 5

/** One sample is `operationCount` operations. */
interface Sample {
  readonly operationCount: number
  run(): void
  close?(): void
}

export function runLimit(job: LimitJob): LimitResult {
  mkdirSync(job.directory, { recursive: true })
  const sample = makeSample(job)
  const bench = new Bench({
    time: job.timeMs,
    iterations: 4,
    warmupTime: job.timeMs / 4,
    warmupIterations: 1,
    throws: true,
  })
  bench.add(job.limit, () => sample.run(), { async: false })
  const [task] = bench.runSync()
  sample.close?.()
  assert(task?.result.state === 'completed', `${job.limit} did not complete`)
  return { type: 'limit', operationsPerSecond: (sample.operationCount * 1000) / task.result.latency.mean }
}

function makeSample(job: LimitJob): Sample {
  switch (job.limit) {
    case 'append':
      return appending(job)
    case 'append-synced':
      return appendingSynced(job)
    case 'map':
      return lookingUp(job)
    case 'pread':
      return reading(job, false)
    case 'pread-sequential':
      return reading(job, true)
  }
}

/** On average over the first values of the dataset: sizes may be mixed. */
function entrySizeBytes({ seed, valueSizeBytes }: LimitJob): number {
  const dataset = new Dataset({ seed, valueSizeBytes })
  const count = 1000
  let sizeBytes = 0
  for (let index = 0; index < count; index++) {
    sizeBytes += KEY_SIZE_BYTES + dataset.valueOf(dataset.keyAt(index)).length
  }
  return sizeBytes / count
}

/** Chunks of 64 KiB to the end of a file that starts anew when it is as large as a memtable's log may get. */
function appending(job: LimitJob): Sample {
  const chunk = Buffer.alloc(CHUNK_SIZE_BYTES, 0x5a)
  const file = openSync(join(job.directory, 'appended'), 'w')
  let offset = 0
  return {
    operationCount: CHUNK_SIZE_BYTES / entrySizeBytes(job),
    run() {
      offset += writeSync(file, chunk, 0, chunk.length, offset)
      offset = offset >= FILE_SIZE_BYTES.max ? 0 : offset
    },
    close: () => closeSync(file),
  }
}

/** What all writers have in flight is appended at once, and synced. */
function appendingSynced(job: LimitJob): Sample {
  const group = Buffer.alloc(Math.ceil(entrySizeBytes(job) * job.writerCount), 0x5a)
  const file = openSync(join(job.directory, 'synced'), 'w')
  let offset = 0
  return {
    operationCount: job.writerCount,
    run() {
      offset += writeSync(file, group, 0, group.length, offset)
      fdatasyncSync(file)
    },
    close: () => closeSync(file),
  }
}

/** The text of a key is made on the way: that a key comes as bytes is a part of every store's work. */
function lookingUp({ seed, valueSizeBytes, entryCount }: LimitJob): Sample {
  const dataset = new Dataset({ seed, valueSizeBytes })
  const random = new Random(seed, READ_STREAM)
  const count = Math.min(entryCount, MAP_COUNT_MAX)
  const keys = dataset.keys(count)
  const map = new Map(keys.map((key) => [key.toString('latin1'), dataset.valueOf(key)]))
  return {
    operationCount: SAMPLE_COUNT,
    run() {
      for (let i = 0; i < SAMPLE_COUNT; i++) {
        const key = keys[random.below(count)] as Buffer
        dataset.check(key, map.get(key.toString('latin1')))
      }
    },
  }
}

/** Blocks of 4 KiB anywhere for a get; 64 KiB on and on for a scan, counted in entries. */
function reading(job: LimitJob, isSequential: boolean): Sample {
  const path = join(job.directory, 'read')
  const chunkCount = Math.ceil((job.entryCount * entrySizeBytes(job)) / CHUNK_SIZE_BYTES)
  const fileSizeBytes = Math.min(FILE_SIZE_BYTES.max, Math.max(FILE_SIZE_BYTES.min, chunkCount * CHUNK_SIZE_BYTES))
  const chunk = Buffer.alloc(CHUNK_SIZE_BYTES, 0x5a)
  const written = openSync(path, 'w')
  for (let offset = 0; offset < fileSizeBytes; offset += chunk.length) {
    writeSync(written, chunk, 0, chunk.length, offset)
  }
  closeSync(written)
  const file = openSync(path, 'r')
  const random = new Random(job.seed, READ_STREAM)
  let offset = 0
  return {
    operationCount: isSequential ? CHUNK_SIZE_BYTES / entrySizeBytes(job) : SAMPLE_COUNT,
    run() {
      if (isSequential) {
        readSync(file, chunk, 0, CHUNK_SIZE_BYTES, offset)
        offset = (offset + CHUNK_SIZE_BYTES) % fileSizeBytes
        return
      }
      for (let i = 0; i < SAMPLE_COUNT; i++) {
        readSync(file, chunk, 0, BLOCK_SIZE_BYTES, random.below(fileSizeBytes / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES)
      }
    },
    close: () => closeSync(file),
  }
}
