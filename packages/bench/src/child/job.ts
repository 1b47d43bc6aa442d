/** What a child process is asked to do and what it answers. Both travel as JSON. */
import type { StoreName } from '../drivers/stores.ts'
import type { EventLoopFigures } from '../event-loop-monitor.ts'
import type { Latencies } from '../workloads/latency-recorder.ts'
import type { LimitName, SeriesPoint, SizePoint } from '../workloads/workload.ts'

export type KernelName = 'put' | 'get-memtable' | 'get-table' | 'scan'

interface JobOnStore {
  readonly store: StoreName
  readonly directory: string
  readonly entryCount: number
  readonly seed: number
  readonly valueSizeBytes: number | 'mixed'
  readonly cacheSizeBytes: number
}

/** Fills a store and compacts it, for reads to start from. */
export interface PrepareJob extends JobOnStore {
  readonly type: 'prepare'
}

/** Fills a store and ends its own process with SIGKILL, for recoveries to start from. */
export interface PrepareKilledJob extends JobOnStore {
  readonly type: 'prepare-killed'
}

export interface WorkloadJob extends JobOnStore {
  readonly type: 'workload'
  readonly workload: string
}

/** Measures what the machine allows at most, without any store. */
export interface LimitJob {
  readonly type: 'limit'
  readonly limit: LimitName
  readonly directory: string
  readonly seed: number
  readonly valueSizeBytes: number | 'mixed'
  /** Entries that one sync makes durable. */
  readonly writerCount: number
  /** As large as the stores that it stands beside. */
  readonly entryCount: number
  readonly timeMs: number
}

/** Loads a store while its resident memory is watched. */
export interface MemoryJob extends JobOnStore {
  readonly type: 'memory'
}

/** Runs a hot path so often, for its instructions to be counted from outside. */
export interface KernelJob {
  readonly type: 'kernel'
  readonly kernel: KernelName
  readonly store: StoreName
  readonly directory: string
  readonly iterationCount: number
}

/** Writes, awaits each write, and ends its own process with SIGKILL. */
export interface DurabilityWriteJob {
  readonly type: 'durability-write'
  readonly store: StoreName
  readonly directory: string
  readonly durability: 'process' | 'power'
  readonly writerCount: number
  readonly writeCount: number
}

/** Looks for what such a process has written. */
export interface DurabilityCheckJob extends Omit<DurabilityWriteJob, 'type'> {
  readonly type: 'durability-check'
}

/** A process that does nothing but watch its own memory. */
export interface BareJob {
  readonly type: 'bare'
}

export type Job =
  | PrepareJob
  | PrepareKilledJob
  | WorkloadJob
  | LimitJob
  | MemoryJob
  | DurabilityWriteJob
  | DurabilityCheckJob
  | KernelJob
  | BareJob

export interface WorkloadResult {
  readonly type: 'workload'
  readonly operationCount: number
  readonly elapsedMs: number
  readonly operationsPerSecond: number
  /** Of all threads, while measured. */
  readonly cpuMs: number
  /** Of the main thread alone; `undefined` where the system does not tell. */
  readonly mainCpuMs: number | undefined
  readonly eventLoop: EventLoopFigures
  readonly latencies: Latencies | undefined
  /** Of the whole process, keys and values of the dataset included. */
  readonly peakResidentSizeBytes: number
  /** Of the process before the store was opened. */
  readonly residentBeforeSizeBytes: number
  /** Keys and values handed to the store. */
  readonly putSizeBytes: number
  /** What the process wrote to files, from before open until after close; `undefined` where the system does not tell. */
  readonly writtenSizeBytes: number | undefined
  /** What the directory takes on the disk after close. */
  readonly diskSizeBytes: number
  readonly closeMs: number
  readonly series: readonly SeriesPoint[]
  readonly sizes: readonly SizePoint[]
  readonly counts: Readonly<Record<string, number>>
}

export interface LimitResult {
  readonly type: 'limit'
  readonly operationsPerSecond: number
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

export interface DurabilityCheckResult {
  readonly type: 'durability-check'
  readonly foundCount: number
}

export type JobResult = WorkloadResult | LimitResult | MemoryResult | DurabilityCheckResult | PreparedResult
