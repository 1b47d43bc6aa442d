/** What a child process is asked to do and what it answers. Both travel as JSON. */
import type { StoreName } from '../drivers/stores.ts'
import type { EventLoopFigures } from '../event-loop-monitor.ts'
import type { Latencies } from '../workloads/workload.ts'

interface JobOnStore {
  readonly store: StoreName
  readonly directory: string
  readonly entryCount: number
  readonly seed: number
}

/** Fills a store and compacts it, for reads to start from. */
export interface PrepareJob extends JobOnStore {
  readonly type: 'prepare'
}

export interface WorkloadJob extends JobOnStore {
  readonly type: 'workload'
  readonly workload: string
}

/** Loads a store while its resident memory is watched. */
export interface MemoryJob extends JobOnStore {
  readonly type: 'memory'
}

/** A process that does nothing but watch its own memory. */
export interface BareJob {
  readonly type: 'bare'
}

export type Job = PrepareJob | WorkloadJob | MemoryJob | BareJob

export interface WorkloadResult {
  readonly type: 'workload'
  readonly operationCount: number
  readonly elapsedMs: number
  readonly operationsPerSecond: number
  /** Of all threads, while measured. */
  readonly cpuMs: number
  readonly eventLoop: EventLoopFigures
  readonly latencies: Latencies | undefined
  /** Of the whole process, keys and values of the dataset included. */
  readonly peakResidentSizeBytes: number
}

export interface MemoryResult {
  readonly type: 'memory'
  readonly elapsedMs: number
  readonly peakResidentSizeBytes: number
  readonly medianResidentSizeBytes: number
}

export interface PreparedResult {
  readonly type: 'prepared'
}

export type JobResult = WorkloadResult | MemoryResult | PreparedResult
