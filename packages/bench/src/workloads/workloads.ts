/** All workloads, in the order in which they run. */
import { fillBatch, fillRandomAwaited, fillRandomInFlight } from './fills.ts'
import { overwriteLatency, readRandomLatency } from './latencies.ts'
import { readRandomAwaited, readRandomSync, readSeq } from './reads.ts'
import type { Workload } from './workload.ts'

export const WORKLOADS: readonly Workload[] = [
  fillRandomInFlight,
  fillRandomAwaited,
  fillBatch,
  readRandomAwaited,
  readRandomSync,
  readSeq,
  readRandomLatency,
  overwriteLatency,
]

/** The name has been checked. */
export function workloadNamed(name: string): Workload {
  const workload = WORKLOADS.find((candidate) => candidate.name === name)
  if (workload === undefined) {
    throw new Error(`there is no workload ${name}`)
  }
  return workload
}
