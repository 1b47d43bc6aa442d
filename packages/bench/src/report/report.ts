/** Everything a run has measured, and what follows from it: the content of the JSON file. */
import type { WorkloadResult } from '../child/job.ts'
import type { Settings } from '../command-line.ts'
import type { AbsentStore } from '../comparison/installed-stores.ts'
import { limitKey, type Failure, type Measurement, type Measurements } from '../comparison/measurements.ts'
import { summarize, type Summary } from '../comparison/statistics.ts'
import { KEY_SIZE_BYTES } from '../dataset/dataset.ts'
import type { StoreDescription } from '../drivers/store-driver.ts'
import { verdictOf, type DurabilityProof } from '../durability/durability-verdict.ts'
import { isVolatile, type StoreName } from '../drivers/stores.ts'
import type { LimitName, SeriesPoint, SizePoint, Workload } from '../workloads/workload.ts'
import { workloadNamed } from '../workloads/workloads.ts'
import type { Environment } from './environment.ts'

/** Round by round, how many times as fast one is as the other. */
export interface Ratio {
  readonly perRound: readonly number[]
  readonly summary: Summary
}

export interface LatencySummaries {
  readonly kind: 'service' | 'response'
  readonly p50Us: Summary
  readonly p90Us: Summary
  readonly p99Us: Summary
  readonly p999Us: Summary
  readonly maxUs: Summary
}

/** What the rounds of one store and workload come to. */
export interface StoreFigures {
  readonly store: StoreName
  readonly operationsPerSecond: Summary
  readonly cpuUsPerOperation: Summary
  readonly mainCpuUsPerOperation: Summary | undefined
  readonly longestGapMs: Summary
  readonly longestRunningGapMs: Summary
  readonly delayedShare: Summary
  readonly delayedRunningShare: Summary
  readonly processorWaitShare: Summary
  readonly delayMaxMs: Summary
  readonly delayP99Ms: Summary
  readonly latencies: LatencySummaries | undefined
  readonly peakResidentSizeBytes: Summary
  readonly residentBeforeSizeBytes: Summary
  readonly diskSizeBytes: Summary
  readonly writtenSizeBytes: Summary | undefined
  /** Bytes written for each byte of keys and values, flushes and compactions up to the close included. */
  readonly writeAmplification: Summary | undefined
  /** Bytes on the disk for each byte of keys and values, of a fill. */
  readonly spaceAmplification: Summary | undefined
  readonly closeMs: Summary
  readonly series: readonly SeriesPoint[]
  readonly sizes: readonly SizePoint[]
  readonly counts: Readonly<Record<string, number>>
  /** How many times as fast as this store the first one is; of the first one itself, and of one round, `undefined`. */
  readonly firstIsFasterBy: Ratio | undefined
}

export interface LimitFigures {
  readonly limit: LimitName
  readonly operationsPerSecond: Summary
  /** What part of it the first store reaches, round by round. */
  readonly efficiency: Summary | undefined
}

export interface WorkloadFigures {
  readonly workload: string
  readonly description: string
  readonly durability: 'process' | 'power'
  readonly operationCount: number
  readonly stores: readonly StoreFigures[]
  /** Plain memory, which is in no class of durability. */
  readonly ceiling: StoreFigures | undefined
  readonly limits: readonly LimitFigures[]
  /** Of all stores but the first and its adapter, the one with the best median; not claimed of one round. */
  readonly bestPeer: { readonly store: StoreName; readonly firstIsFasterBy: Ratio } | undefined
}

export interface Report {
  readonly environment: Environment
  readonly settings: {
    readonly isQuick: boolean
    readonly seed: number
    readonly entryCount: number
    readonly roundCount: number
    readonly keySizeBytes: number
    readonly valueSizeBytes: number
    readonly cacheSizeBytes: number
  }
  readonly stores: readonly StoreDescription[]
  readonly absentStores: readonly AbsentStore[]
  readonly proofs: readonly DurabilityProof[]
  readonly workloads: readonly WorkloadFigures[]
  readonly failures: readonly Failure[]
  readonly measurements: readonly Measurement[]
}

const OWN_STORES: readonly StoreName[] = ['varve', 'varve-level']

export interface ReportParts {
  readonly environment: Environment
  readonly settings: Settings
  readonly stores: readonly StoreDescription[]
  readonly absentStores: readonly AbsentStore[]
  readonly proofs: readonly DurabilityProof[]
  readonly measurements: Measurements
}

export function buildReport({
  environment,
  settings,
  stores,
  absentStores,
  proofs,
  measurements,
}: ReportParts): Report {
  const { isQuick, seed, entryCount, roundCount, valueSizeBytes, cacheSizeBytes, workloadNames } = settings
  return {
    environment,
    settings: { isQuick, seed, entryCount, roundCount, keySizeBytes: KEY_SIZE_BYTES, valueSizeBytes, cacheSizeBytes },
    stores,
    absentStores,
    proofs,
    workloads: workloadNames
      .map((name) => workloadFigures(workloadNamed(name), settings, withoutRefuted(measurements, proofs)))
      .filter((figures) => figures.stores.length > 0),
    failures: measurements.failures,
    measurements: measurements.workloads,
  }
}

/** A store that does not give a class of durability stands in no table of it. */
function withoutRefuted(measurements: Measurements, proofs: readonly DurabilityProof[]): Measurements {
  return {
    ...measurements,
    workloads: measurements.workloads.filter(
      ({ store, workload }) => verdictOf(proofs, store, workloadNamed(workload).durability) !== 'refuted',
    ),
  }
}

function workloadFigures(workload: Workload, settings: Settings, measurements: Measurements): WorkloadFigures {
  const byStore = new Map<StoreName, Map<number, WorkloadResult>>()
  for (const { round, store, result } of measurements.workloads.filter((each) => each.workload === workload.name)) {
    byStore.set(store, (byStore.get(store) ?? new Map<number, WorkloadResult>()).set(round, result))
  }
  const named = settings.storeNames.flatMap((store) => {
    const rounds = byStore.get(store)
    return rounds === undefined ? [] : [{ store, rounds }]
  })
  const [first] = named
  const all = named.map(({ store, rounds }) =>
    storeFigures(workload, store, rounds, rounds === first?.rounds ? undefined : first?.rounds),
  )
  return {
    workload: workload.name,
    description: workload.description,
    durability: workload.durability,
    operationCount: workload.operationCount(settings.entryCount),
    stores: all.filter(({ store }) => !isVolatile(store)),
    ceiling: all.find(({ store }) => isVolatile(store)),
    limits: limitFigures(workload, settings, measurements, first?.rounds),
    bestPeer: bestPeerOf(all),
  }
}

function bestPeerOf(all: readonly StoreFigures[]): WorkloadFigures['bestPeer'] {
  const [best] = all
    .filter(({ store }) => !OWN_STORES.includes(store) && !isVolatile(store))
    .sort((a, b) => b.operationsPerSecond.median - a.operationsPerSecond.median)
  return best?.firstIsFasterBy === undefined ? undefined : { store: best.store, firstIsFasterBy: best.firstIsFasterBy }
}

function limitFigures(
  workload: Workload,
  settings: Settings,
  measurements: Measurements,
  first: ReadonlyMap<number, WorkloadResult> | undefined,
): LimitFigures[] {
  return workload.limits.flatMap((limit) => {
    const valueSizeBytes = workload.valueSizeBytes ?? settings.valueSizeBytes
    const key = limitKey({ limit, valueSizeBytes, writerCount: workload.writerCount ?? 1 })
    const rounds = measurements.limits.filter((each) => each.key === key)
    if (rounds.length === 0) {
      return []
    }
    const efficiencies = rounds.flatMap(({ round, operationsPerSecond }) => {
      const own = first?.get(round)
      return own === undefined ? [] : [own.operationsPerSecond / operationsPerSecond]
    })
    return [
      {
        limit,
        operationsPerSecond: summarize(rounds.map((each) => each.operationsPerSecond)),
        efficiency: efficiencies.length === 0 ? undefined : summarize(efficiencies),
      },
    ]
  })
}

function storeFigures(
  workload: Workload,
  store: StoreName,
  rounds: ReadonlyMap<number, WorkloadResult>,
  first: ReadonlyMap<number, WorkloadResult> | undefined,
): StoreFigures {
  const results = [...rounds.values()]
  const of = (pick: (result: WorkloadResult) => number): Summary => summarize(results.map(pick))
  const known = (pick: (result: WorkloadResult) => number | undefined): Summary | undefined => {
    const values = results.flatMap((result) => pick(result) ?? [])
    return values.length === 0 ? undefined : summarize(values)
  }
  const [one] = results
  return {
    store,
    operationsPerSecond: of((result) => result.operationsPerSecond),
    cpuUsPerOperation: of((result) => (result.cpuMs * 1000) / result.operationCount),
    mainCpuUsPerOperation: known(({ mainCpuMs, operationCount }) =>
      mainCpuMs === undefined ? undefined : (mainCpuMs * 1000) / operationCount,
    ),
    longestGapMs: of(({ eventLoop }) => eventLoop.longestGapMs),
    longestRunningGapMs: of(({ eventLoop }) => eventLoop.longestRunningGapMs),
    delayedShare: of(({ eventLoop }) => eventLoop.delayedShare),
    delayedRunningShare: of(({ eventLoop }) => eventLoop.delayedRunningShare),
    processorWaitShare: of(({ eventLoop }) => eventLoop.processorWaitShare),
    delayMaxMs: of(({ eventLoop }) => eventLoop.delayMaxMs),
    delayP99Ms: of(({ eventLoop }) => eventLoop.delayP99Ms),
    latencies: latencySummaries(results),
    peakResidentSizeBytes: of((result) => result.peakResidentSizeBytes),
    residentBeforeSizeBytes: of((result) => result.residentBeforeSizeBytes),
    diskSizeBytes: of((result) => result.diskSizeBytes),
    writtenSizeBytes: known((result) => result.writtenSizeBytes),
    writeAmplification: known(({ writtenSizeBytes, putSizeBytes }) =>
      writtenSizeBytes === undefined || putSizeBytes === 0 || isVolatile(store)
        ? undefined
        : writtenSizeBytes / putSizeBytes,
    ),
    spaceAmplification: known(({ diskSizeBytes, putSizeBytes }) =>
      isFill(workload) && putSizeBytes > 0 && !isVolatile(store) ? diskSizeBytes / putSizeBytes : undefined,
    ),
    closeMs: of((result) => result.closeMs),
    series: one?.series ?? [],
    sizes: one?.sizes ?? [],
    counts: one?.counts ?? {},
    firstIsFasterBy: first === undefined ? undefined : ratioOf(first, rounds),
  }
}

function isFill({ startsFrom }: Workload): boolean {
  return startsFrom === 'empty'
}

/** Only rounds in which both ran count, and one alone shows no spread: nothing is claimed from it. */
function ratioOf(
  first: ReadonlyMap<number, WorkloadResult>,
  other: ReadonlyMap<number, WorkloadResult>,
): Ratio | undefined {
  const perRound = [...other].flatMap(([round, { operationsPerSecond }]) => {
    const own = first.get(round)
    return own === undefined ? [] : [own.operationsPerSecond / operationsPerSecond]
  })
  return perRound.length < 2 ? undefined : { perRound, summary: summarize(perRound) }
}

function latencySummaries(results: readonly WorkloadResult[]): LatencySummaries | undefined {
  const latencies = results.flatMap((result) => result.latencies ?? [])
  const [one] = latencies
  if (one === undefined) {
    return undefined
  }
  return {
    kind: one.kind,
    p50Us: summarize(latencies.map(({ p50Us }) => p50Us)),
    p90Us: summarize(latencies.map(({ p90Us }) => p90Us)),
    p99Us: summarize(latencies.map(({ p99Us }) => p99Us)),
    p999Us: summarize(latencies.map(({ p999Us }) => p999Us)),
    maxUs: summarize(latencies.map(({ maxUs }) => maxUs)),
  }
}
