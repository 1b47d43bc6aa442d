/** What a run has measured, before anything is made of it. */
import type { LimitJob, WorkloadResult } from '../child/job.ts'
import type { StoreName } from '../drivers/stores.ts'
import type { LimitName } from '../workloads/workload.ts'

export interface Measurement {
  readonly round: number
  readonly workload: string
  readonly store: StoreName
  readonly result: WorkloadResult
}

export interface LimitMeasurement {
  readonly round: number
  readonly key: string
  readonly limit: LimitName
  readonly operationsPerSecond: number
}

export interface Failure {
  readonly round: number
  readonly workload: string
  readonly store: StoreName
  readonly message: string
}

export interface Measurements {
  readonly workloads: Measurement[]
  readonly limits: LimitMeasurement[]
  readonly failures: Failure[]
}

/** What makes two limits the same measurement. */
export function limitKey({
  limit,
  valueSizeBytes,
  writerCount,
}: Pick<LimitJob, 'limit' | 'valueSizeBytes' | 'writerCount'>): string {
  return `${limit} ${valueSizeBytes} ${writerCount}`
}
