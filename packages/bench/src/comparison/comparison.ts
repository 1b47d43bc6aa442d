/**
 * Compares the stores.
 *
 * 1. Each store and workload runs in a process of its own, on a directory of its own.
 * 2. A round runs every workload on every store, the stores of one workload directly after each other; their order
 *    rotates from round to round, so that none is always the one that comes after a pause.
 * 3. What counts is the ratio within a round. The median of these stands against noise that comes and goes, which the
 *    ratio of two medians does not.
 */
import { writeFile } from 'node:fs/promises'
import type { WorkloadResult } from '../child/job.ts'
import { spawnJob } from '../child/spawn-job.ts'
import type { Settings } from '../command-line.ts'
import type { StoreDescription } from '../drivers/store-driver.ts'
import { loadStoreIfInstalled, type StoreName } from '../drivers/stores.ts'
import { describeEnvironment } from '../report/environment.ts'
import { buildReport, type Measurement } from '../report/report.ts'
import { renderReport } from '../report/tables.ts'
import { workloadNamed } from '../workloads/workloads.ts'
import { WorkDirectory } from './work-directory.ts'

/** Resolves to the exit code. */
export async function runComparison(settings: Settings): Promise<number> {
  const stores = await installedStores(settings.storeNames)
  const work = await WorkDirectory.create(settings.directory)
  try {
    const measurements = await measure(settings, [...stores.keys()], work)
    const report = buildReport(await describeEnvironment(), settings, [...stores.values()], measurements)
    console.log(renderReport(report))
    if (settings.jsonFile !== undefined) {
      await writeFile(settings.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`)
    }
    return 0
  } finally {
    await work.remove()
  }
}

async function installedStores(names: readonly StoreName[]): Promise<Map<StoreName, StoreDescription>> {
  const stores = new Map<StoreName, StoreDescription>()
  for (const name of names) {
    const store = await loadStoreIfInstalled(name)
    if (store === undefined) {
      console.error(`bench: ${name} is not installed and left out`)
    } else {
      stores.set(name, store.description)
    }
  }
  return stores
}

async function measure(settings: Settings, stores: readonly StoreName[], work: WorkDirectory): Promise<Measurement[]> {
  const { workloadNames, roundCount } = settings
  if (workloadNames.some((name) => workloadNamed(name).startsFrom === 'filled')) {
    await prepareFilled(settings, stores, work)
  }
  const measurements: Measurement[] = []
  for (let round = 0; round < roundCount; round++) {
    for (const workload of workloadNames) {
      for (const store of rotated(stores, round)) {
        const result = await runWorkload(settings, store, workload, work)
        measurements.push({ round, workload, store, result })
        note(
          `round ${round + 1}/${roundCount}  ${workload.padEnd(20)} ${store.padEnd(14)}` +
            `${(result.operationsPerSecond / 1000).toFixed(1).padStart(8)} k/s`,
        )
      }
    }
  }
  return measurements
}

/** One filled store each, which the workloads that read start from copies of. */
async function prepareFilled(settings: Settings, stores: readonly StoreName[], work: WorkDirectory): Promise<void> {
  const { entryCount, seed } = settings
  for (const store of stores) {
    note(`filling ${store} with ${entryCount} entries to read`)
    await spawnJob({ type: 'prepare', store, directory: filledDirectory(work, store), entryCount, seed })
  }
}

async function runWorkload(
  { entryCount, seed }: Settings,
  store: StoreName,
  workload: string,
  work: WorkDirectory,
): Promise<WorkloadResult> {
  const template = workloadNamed(workload).startsFrom === 'filled' ? filledDirectory(work, store) : undefined
  const result = await work.withFresh(template, (directory) =>
    spawnJob({ type: 'workload', store, workload, directory, entryCount, seed }),
  )
  if (result.type !== 'workload') {
    throw new Error(`a workload answered with a result of type ${result.type}`)
  }
  return result
}

function filledDirectory(work: WorkDirectory, store: StoreName): string {
  return work.path(`filled-${store}`)
}

function rotated<T>(items: readonly T[], by: number): T[] {
  return items.map((_, index) => items[(index + by) % items.length] as T)
}

/** Progress goes to standard error: standard output belongs to the report. */
function note(text: string): void {
  console.error(`bench: ${text}`)
}
