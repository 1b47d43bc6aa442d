/** What a workload is: a name of the field, what it starts from, and what is done and measured. */
import type { Dataset } from '../dataset/dataset.ts'
import type { Random } from '../dataset/random.ts'
import type { StoreDriver } from '../drivers/store-driver.ts'

export interface WorkloadContext {
  readonly driver: StoreDriver
  readonly dataset: Dataset
  /** The keys of the whole dataset, in the order in which a fill writes them. */
  readonly keys: readonly Buffer[]
  readonly operationCount: number
  /** For the order of reads. */
  readonly random: Random
}

/** Of single operations, in microseconds. */
export interface Latencies {
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
}

export interface Workload {
  readonly name: string
  /** A fresh directory, or a copy of a store that was filled in random order and compacted. */
  readonly startsFrom: 'empty' | 'filled'
  /** What stores are compared by. */
  readonly comparedBy: 'throughput' | 'latency'
  readonly operationCount: (entryCount: number) => number
  /** Makes the code warm and is not measured. Without one, a workload that fills warms up on another store. */
  warmUp?(context: WorkloadContext): Promise<void>
  /** Resolves when the last operation is acknowledged. */
  run(context: WorkloadContext): Promise<Latencies | undefined>
}
