/**
 * What a workload is: a name of the field, what it starts from, what is done and counted. Those that work on an open store
 * hand out steps, which tinybench times; those that open it themselves, such as `recovery`, measure on their own.
 */
import type { Dataset } from '../dataset/dataset.ts'
import type { Random } from '../dataset/random.ts'
import type { StoreDriver } from '../drivers/store-driver.ts'
import type { LatencyRecorder } from './latency-recorder.ts'

/** What the physics of the machine allow, shown beside the stores. */
export type LimitName = 'append' | 'append-synced' | 'map' | 'pread' | 'pread-sequential'

export interface SeriesPoint {
  readonly second: number
  readonly operationsPerSecond: number
  /** The longest that a write of this second took. */
  readonly longestWaitMs: number
  readonly residentSizeBytes: number
}

/** What an operation costs at a size of the store. */
export interface SizePoint {
  readonly entryCount: number
  readonly writeUs: number
  readonly readUs: number
  readonly seekUs: number
}

/** What a run counts besides its operations; the workload adds to it. */
export interface Tally {
  /** Keys and values handed to the store. */
  putSizeBytes: number
  /** Operations that were done, if they are not as many as were asked for. */
  operationCount?: number
  /** Of the series, if the workload keeps one. */
  series: SeriesPoint[]
  sizes: SizePoint[]
  /** Further counts to report, by name. */
  counts: Record<string, number>
}

export interface WorkloadContext {
  readonly driver: StoreDriver
  readonly dataset: Dataset
  /** The key of an entry of the dataset, in the order in which a fill writes them. */
  readonly keyAt: (index: number) => Buffer
  /** How many entries the store holds that the workload starts from. */
  readonly entryCount: number
  readonly operationCount: number
  readonly random: Random
  readonly latencies: LatencyRecorder
  readonly tally: Tally
}

export interface Step {
  /** Does `count` operations, of which `first` were done before. Resolves when the last one is acknowledged. */
  (first: number, count: number): Promise<void> | void
  /** Called when all steps are done, outside of the measured time. */
  close?(): Promise<void>
}

interface WorkloadBase {
  readonly name: string
  /** One line for readers. */
  readonly description: string
  /** What each write must survive when it resolves. */
  readonly durability: 'process' | 'power'
  readonly limits: readonly LimitName[]
  /** How many writes share one sync in the limit of synced appends. */
  readonly writerCount?: number
  /** Part of `--quick`. */
  readonly isMain?: boolean
  /** Takes so long that it runs in the first round alone. */
  readonly isLong?: boolean
  /** Left out unless it is asked for by name. */
  readonly isOnRequest?: boolean
  readonly valueSizeBytes?: 'mixed'
  readonly operationCount: (entryCount: number) => number
}

export interface StoreWorkload extends WorkloadBase {
  readonly kind: 'store'
  /** A fresh directory, or a copy of a store that was filled and compacted. */
  readonly startsFrom: 'empty' | 'filled'
  /** Methods that a driver may lack. */
  readonly needs?: 'getSync'
  /** Operations of a step; without it, one step does all of them. */
  readonly stepOperationCount?: number
  start(context: WorkloadContext): Step
}

/** How a workload that opens the store itself is given it. */
export interface DirectoryContext {
  readonly directory: string
  readonly open: (directory: string) => Promise<StoreDriver>
  readonly dataset: Dataset
  readonly entryCount: number
  readonly operationCount: number
  readonly latencies: LatencyRecorder
  readonly tally: Tally
}

export interface DirectoryWorkload extends WorkloadBase {
  readonly kind: 'directory'
  /** `killed`: a copy of what a process left that was killed while it wrote. */
  readonly startsFrom: 'empty' | 'filled' | 'killed'
  /** Only for the stores of these names. */
  readonly stores?: readonly string[]
  /** Resolves to the time, in milliseconds, in which the operations were done. */
  run(context: DirectoryContext): Promise<number>
}

export type Workload = StoreWorkload | DirectoryWorkload
