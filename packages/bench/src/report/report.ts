/** Everything a run has measured, and what follows from it: the content of the JSON file. */
import type { WorkloadResult } from '../child/job.ts'
import type { Settings } from '../command-line.ts'
import { summarize, type Summary } from '../comparison/statistics.ts'
import { KEY_SIZE_BYTES, VALUE_SIZE_BYTES } from '../dataset/dataset.ts'
import type { StoreDescription } from '../drivers/store-driver.ts'
import type { StoreName } from '../drivers/stores.ts'
import { workloadNamed } from '../workloads/workloads.ts'
import type { Environment } from './environment.ts'

export interface Measurement {
  readonly round: number
  readonly workload: string
  readonly store: StoreName
  readonly result: WorkloadResult
}

/** What the rounds of one store and workload come to. */
export interface StoreFigures {
  readonly store: StoreName
  readonly operationsPerSecond: Summary
  readonly cpuUsPerOperation: Summary
  readonly longestGapMs: Summary
  readonly longestRunningGapMs: Summary
  readonly delayedShare: Summary
  readonly delayedRunningShare: Summary
  readonly processorWaitShare: Summary
  readonly delayMaxMs: Summary
  readonly delayP99Ms: Summary
  readonly peakResidentSizeBytes: Summary
  readonly latencies: Readonly<Record<'p50Us' | 'p99Us' | 'p999Us' | 'maxUs', Summary>> | undefined
  /** How many times as fast as this store the first one is, round by round; of the first one itself `undefined`. */
  readonly firstIsFasterBy: { readonly perRound: readonly number[]; readonly summary: Summary } | undefined
}

export interface WorkloadFigures {
  readonly workload: string
  readonly comparedBy: 'throughput' | 'latency'
  readonly operationCount: number
  readonly stores: readonly StoreFigures[]
}

export interface Report {
  readonly environment: Environment
  readonly settings: {
    readonly seed: number
    readonly entryCount: number
    readonly roundCount: number
    readonly keySizeBytes: number
    readonly valueSizeBytes: number
    readonly durability: string
  }
  readonly stores: readonly StoreDescription[]
  readonly workloads: readonly WorkloadFigures[]
  readonly measurements: readonly Measurement[]
}

export function buildReport(
  environment: Environment,
  settings: Settings,
  stores: readonly StoreDescription[],
  measurements: readonly Measurement[],
): Report {
  const { seed, entryCount, roundCount, workloadNames } = settings
  return {
    environment,
    settings: {
      seed,
      entryCount,
      roundCount,
      keySizeBytes: KEY_SIZE_BYTES,
      valueSizeBytes: VALUE_SIZE_BYTES,
      durability: 'acknowledged writes survive the death of the process; nothing is synced',
    },
    stores,
    workloads: workloadNames.map((name) =>
      workloadFigures(
        name,
        entryCount,
        measurements.filter(({ workload }) => workload === name),
      ),
    ),
    measurements,
  }
}

function workloadFigures(name: string, entryCount: number, measurements: readonly Measurement[]): WorkloadFigures {
  const workload = workloadNamed(name)
  const byStore = new Map<StoreName, WorkloadResult[]>()
  for (const { store, result } of measurements.toSorted((a, b) => a.round - b.round)) {
    byStore.set(store, [...(byStore.get(store) ?? []), result])
  }
  const [first] = byStore.values()
  // The first round has the order that was asked for.
  return {
    workload: name,
    comparedBy: workload.comparedBy,
    operationCount: workload.operationCount(entryCount),
    stores: [...byStore].map(([store, results]) => storeFigures(store, results, results === first ? undefined : first)),
  }
}

function storeFigures(
  store: StoreName,
  results: readonly WorkloadResult[],
  first: readonly WorkloadResult[] | undefined,
): StoreFigures {
  const of = (pick: (result: WorkloadResult) => number): Summary => summarize(results.map(pick))
  const perRound = first?.map((own, index) => speedOf(own) / speedOf(results[index] as WorkloadResult))
  return {
    store,
    operationsPerSecond: of((result) => result.operationsPerSecond),
    cpuUsPerOperation: of((result) => (result.cpuMs * 1000) / result.operationCount),
    longestGapMs: of(({ eventLoop }) => eventLoop.longestGapMs),
    longestRunningGapMs: of(({ eventLoop }) => eventLoop.longestRunningGapMs),
    delayedShare: of(({ eventLoop }) => eventLoop.delayedShare),
    delayedRunningShare: of(({ eventLoop }) => eventLoop.delayedRunningShare),
    processorWaitShare: of(({ eventLoop }) => eventLoop.processorWaitShare),
    delayMaxMs: of(({ eventLoop }) => eventLoop.delayMaxMs),
    delayP99Ms: of(({ eventLoop }) => eventLoop.delayP99Ms),
    peakResidentSizeBytes: of((result) => result.peakResidentSizeBytes),
    latencies: latencySummaries(results),
    firstIsFasterBy: perRound === undefined ? undefined : { perRound, summary: summarize(perRound) },
  }
}

/** What stores are compared by, the more the better. */
function speedOf({ latencies, operationsPerSecond }: WorkloadResult): number {
  return latencies === undefined ? operationsPerSecond : 1 / latencies.p50Us
}

function latencySummaries(results: readonly WorkloadResult[]): StoreFigures['latencies'] {
  const latencies = results.flatMap((result) => result.latencies ?? [])
  if (latencies.length === 0) {
    return undefined
  }
  return {
    p50Us: summarize(latencies.map(({ p50Us }) => p50Us)),
    p99Us: summarize(latencies.map(({ p99Us }) => p99Us)),
    p999Us: summarize(latencies.map(({ p999Us }) => p999Us)),
    maxUs: summarize(latencies.map(({ maxUs }) => maxUs)),
  }
}
