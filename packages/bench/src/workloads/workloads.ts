/** All workloads, in the order in which they run. Further ones, such as those of threads, join this list. */
import { FILLS } from './fills.ts'
import { LIFECYCLES } from './lifecycles.ts'
import { MIXES } from './mixes.ts'
import { READS } from './reads.ts'
import { SUSTAINED } from './sustained.ts'
import type { Workload } from './workload.ts'

export const WORKLOADS: readonly Workload[] = [...FILLS, ...READS, ...MIXES, ...LIFECYCLES, ...SUSTAINED]

/** The name has been checked. */
export function workloadNamed(name: string): Workload {
  const workload = WORKLOADS.find((candidate) => candidate.name === name)
  if (workload === undefined) {
    throw new Error(`there is no workload ${name}`)
  }
  return workload
}

/** The workload of this name, or the family of those whose names begin with it: `fillrandom`, `ycsb`. */
export function workloadsNamed(name: string): readonly Workload[] {
  const exact = WORKLOADS.filter((workload) => workload.name === name)
  return exact.length > 0 ? exact : WORKLOADS.filter((workload) => workload.name.startsWith(`${name}-`))
}
