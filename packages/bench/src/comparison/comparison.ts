/**
 * Compares the stores.
 *
 * 1. Each store and workload runs in a process of its own, on a directory of its own.
 * 2. A round runs every workload on every store, the stores of one workload directly after each other; their order
 *    rotates from round to round, so that none is always the one that comes after a pause.
 * 3. What counts is the ratio within a round. The median of these stands against noise that comes and goes, which the
 *    ratio of two medians does not.
 */
import type { LimitJob, WorkloadResult } from '../child/job.ts'
import { JobError, spawnJob } from '../child/spawn-job.ts'
import type { Settings } from '../command-line.ts'
import { isVolatile, type StoreName } from '../drivers/stores.ts'
import type { LimitName, Workload } from '../workloads/workload.ts'
import { workloadNamed } from '../workloads/workloads.ts'
import { limitKey, type Measurements } from './measurements.ts'
import type { WorkDirectory } from './work-directory.ts'

const LIMIT_TIME_MS = 300

/** `undefined` stands for an empty directory. */
interface Template {
  readonly directory: string | undefined
}

export class Comparison {
  readonly #settings: Settings
  readonly #stores: readonly StoreName[]
  readonly #work: WorkDirectory
  readonly #note: (text: string) => void
  readonly #measurements: Measurements = { workloads: [], limits: [], failures: [] }
  /** Stores that could not be made for workloads to start from. */
  readonly #unprepared = new Set<string>()
  readonly #prepared = new Set<string>()

  constructor(settings: Settings, stores: readonly StoreName[], work: WorkDirectory, note: (text: string) => void) {
    this.#settings = settings
    this.#stores = stores
    this.#work = work
    this.#note = note
  }

  async run(): Promise<Measurements> {
    const { workloadNames, roundCount } = this.#settings
    for (let round = 0; round < roundCount; round++) {
      for (const workload of workloadNames.map(workloadNamed)) {
        if (round > 0 && workload.isLong === true) {
          continue
        }
        for (const store of rotated(this.#stores, round).filter((name) => canRun(workload, name))) {
          await this.#tolerate(round, workload, store, () => this.#measure(round, workload, store))
        }
        for (const limit of workload.limits) {
          await this.#measureLimit(round, workload, limit)
        }
      }
    }
    return this.#measurements
  }

  /** A store that fails at a workload is told of and left out there. A full disk ends the run. */
  async #tolerate(round: number, workload: Workload, store: StoreName, measure: () => Promise<void>): Promise<void> {
    try {
      await measure()
    } catch (error) {
      if (!(error instanceof JobError) || error.isDiskFull) {
        throw error
      }
      this.#measurements.failures.push({ round, workload: workload.name, store, message: error.message })
      this.#note(`FAILED  ${error.message}`)
    }
  }

  async #measure(round: number, workload: Workload, store: StoreName): Promise<void> {
    const template = await this.#template(workload, store)
    if (template === undefined) {
      return
    }
    const result = await this.#work.withFresh(template.directory, (directory) =>
      this.#runWorkload(store, workload, directory),
    )
    this.#measurements.workloads.push({ round, workload: workload.name, store, result })
    const { operationsPerSecond } = result
    const rate =
      operationsPerSecond >= 1000
        ? `${(operationsPerSecond / 1000).toFixed(1)} k/s`
        : `${operationsPerSecond.toFixed(1)} /s`
    this.#note(
      `round ${round + 1}/${this.#settings.roundCount}  ${workload.name.padEnd(26)} ${store.padEnd(14)} ${rate.padStart(12)}`,
    )
  }

  async #runWorkload(store: StoreName, workload: Workload, directory: string): Promise<WorkloadResult> {
    const result = await spawnJob({ type: 'workload', workload: workload.name, ...this.#job(store, directory) })
    if (result?.type !== 'workload') {
      throw new Error(`a workload answered with a result of type ${result?.type}`)
    }
    return result
  }

  /** What to start from, made when it is first needed; `undefined` if it could not be made. */
  async #template({ startsFrom }: Workload, store: StoreName): Promise<Template | undefined> {
    if (startsFrom === 'empty' || isVolatile(store)) {
      return { directory: undefined }
    }
    const name = `${startsFrom}-${store}`
    const directory = this.#work.path(name)
    if (!this.#prepared.has(name) && !this.#unprepared.has(name)) {
      this.#note(`making a ${startsFrom} ${store} of up to ${this.#settings.entryCount} entries`)
      this.#unprepared.add(name)
      const job = this.#job(store, directory)
      await (startsFrom === 'filled'
        ? spawnJob({ type: 'prepare', ...job })
        : spawnJob({ type: 'prepare-killed', ...job }, { expectedSignal: 'SIGKILL' }))
      this.#unprepared.delete(name)
      this.#prepared.add(name)
    }
    return this.#unprepared.has(name) ? undefined : { directory }
  }

  /** Measured once a round, however many workloads it stands beside. */
  async #measureLimit(round: number, workload: Workload, limit: LimitName): Promise<void> {
    const { seed, entryCount } = this.#settings
    const job: Omit<LimitJob, 'directory'> = {
      type: 'limit',
      limit,
      seed,
      entryCount,
      timeMs: LIMIT_TIME_MS,
      valueSizeBytes: workload.valueSizeBytes ?? this.#settings.valueSizeBytes,
      writerCount: workload.writerCount ?? 1,
    }
    const key = limitKey(job)
    if (this.#measurements.limits.some((known) => known.round === round && known.key === key)) {
      return
    }
    const result = await this.#work.withFresh(undefined, (directory) => spawnJob({ ...job, directory }))
    if (result?.type !== 'limit') {
      throw new Error(`a limit answered with a result of type ${result?.type}`)
    }
    this.#measurements.limits.push({ round, key, limit, operationsPerSecond: result.operationsPerSecond })
  }

  #job(
    store: StoreName,
    directory: string,
  ): {
    readonly store: StoreName
    readonly directory: string
    readonly entryCount: number
    readonly seed: number
    readonly valueSizeBytes: number
    readonly cacheSizeBytes: number
  } {
    const { entryCount, seed, valueSizeBytes, cacheSizeBytes } = this.#settings
    return { store, directory, entryCount, seed, valueSizeBytes, cacheSizeBytes }
  }
}

/** Memory survives nothing: neither a sync nor a death is measured of it. RocksDB's binding has no synchronous get. */
function canRun(workload: Workload, store: StoreName): boolean {
  if (workload.kind === 'directory') {
    return !isVolatile(store) && (workload.stores?.includes(store) ?? true)
  }
  return workload.needs !== 'getSync' || store !== 'rocksdb'
}

function rotated<T>(items: readonly T[], by: number): T[] {
  return items.map((_, index) => items[(index + by) % items.length] as T)
}
