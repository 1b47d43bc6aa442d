/** Pools whose workers are stand-ins, and requests that tell these what to do. */
import { fileNumber, sequenceNumber, type TableMetadata } from '@varve/storage'
import { createJobControl } from '../jobs/job-control.ts'
import type { JobRequest } from '../jobs/job-protocol.ts'
import { JobPool } from '../threads/job-pool.ts'

const NO_TABLE: TableMetadata = {
  number: fileNumber(1),
  sizeBytes: 1,
  entryCount: 1,
  tombstoneCount: 0,
  smallestKey: new Uint8Array(0),
  largestKey: new Uint8Array(0),
  smallestSequence: sequenceNumber(1),
  largestSequence: sequenceNumber(1),
  rawKeySizeBytes: 0,
  rawValueSizeBytes: 0,
}

/** The worker does what the directory says: see `obedient-worker.mjs`. */
export function request(type: JobRequest['type'], directory: string): JobRequest {
  const base = { directory, control: createJobControl() }
  const writing = {
    ...base,
    table: { blockSizeBytes: 4096, bloomBitsPerKey: 10, compression: ['none'], tableSizeBytes: 1 << 20 } as const,
    outputLevel: 1,
    liveSequences: [0],
    outputNumbers: { first: 1, count: 1 },
  }
  switch (type) {
    case 'flush':
      return { type, ...writing, walNumber: 1, arena: new SharedArrayBuffer(8), committedSizeBytes: 0 }
    case 'compaction':
      return { type, ...writing, runs: [], isBottom: true, grandparents: [] }
    case 'verify':
      return { type, ...base, metadata: NO_TABLE, olderRuns: [] }
  }
}

/** Lets a job that waits go on. */
export function release(job: JobRequest): void {
  const flag = new Int32Array(job.control)
  Atomics.store(flag, 0, 1)
  Atomics.notify(flag, 0)
}

export function poolOf(worker: string, hungAfterMs?: number): JobPool {
  return new JobPool(new URL(`./${worker}.mjs`, import.meta.url), hungAfterMs)
}
