/** Measures one workload in this process. What is not the store's own is made and warmed up before the clock starts. */
import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { Bench } from 'tinybench'
import { Dataset } from '../dataset/dataset.ts'
import { Random } from '../dataset/random.ts'
import type { StoreDriver, StoreModule } from '../drivers/store-driver.ts'
import { isVolatile, loadStore } from '../drivers/stores.ts'
import { EventLoopMonitor, type EventLoopFigures } from '../event-loop-monitor.ts'
import { diskSizeBytes, writtenSizeBytes } from '../process-files.ts'
import { ProcessorTime } from '../processor-time.ts'
import { peakResidentSizeBytes } from '../resident-memory.ts'
import { fillInBatches } from '../workloads/fills.ts'
import { LatencyRecorder } from '../workloads/latency-recorder.ts'
import type { DirectoryWorkload, Step, StoreWorkload, Tally, WorkloadContext } from '../workloads/workload.ts'
import { workloadNamed } from '../workloads/workloads.ts'
import type { WorkloadJob, WorkloadResult } from './job.ts'

const READ_STREAM = 3
const US_PER_MS = 1000
const MS_PER_SECOND = 1000
/** Enough for the code of the store and of the workload to be compiled. */
const WARM_UP_COUNT_MAX = 20_000
const WARM_UP_SHARE = 0.1
/** Above, keys are made when they are needed: kept, they would be most of what is resident. */
const KEPT_KEY_COUNT_MAX = 2_000_000

/** What is measured while the clock runs. */
type Measured = Pick<WorkloadResult, 'elapsedMs' | 'cpuMs' | 'mainCpuMs' | 'eventLoop'>

export async function runWorkload(job: WorkloadJob): Promise<WorkloadResult> {
  const workload = workloadNamed(job.workload)
  const module = await loadStore(job.store)
  const run = new WorkloadRun(job, module)
  return workload.kind === 'store' ? await run.onStore(workload) : await run.onDirectory(workload)
}

class WorkloadRun {
  readonly #job: WorkloadJob
  readonly #module: StoreModule
  readonly #dataset: Dataset
  readonly #random: Random
  readonly #latencies = new LatencyRecorder()

  constructor(job: WorkloadJob, module: StoreModule) {
    this.#job = job
    this.#module = module
    this.#random = new Random(job.seed, READ_STREAM)
    const { valueSizeBytes = job.valueSizeBytes } = workloadNamed(job.workload)
    this.#dataset = new Dataset({ seed: job.seed, valueSizeBytes })
  }

  async onStore(workload: StoreWorkload): Promise<WorkloadResult> {
    const { directory, entryCount } = this.#job
    const operationCount = workload.operationCount(entryCount)
    const keyAt = this.#keySource(workload, operationCount)
    const contextOf = (driver: StoreDriver): WorkloadContext => ({
      driver,
      dataset: this.#dataset,
      keyAt,
      entryCount,
      operationCount,
      random: this.#random,
      latencies: this.#latencies,
      tally: newTally(),
    })
    if (workload.startsFrom === 'empty') {
      await this.#warmUpOnAnother(workload, operationCount, contextOf)
    }
    const before = { written: writtenSizeBytes(), resident: process.memoryUsage.rss() }
    const driver = await this.#open(directory, workload)
    const context = contextOf(driver)
    if (workload.startsFrom === 'filled' && isVolatile(this.#job.store)) {
      await fillInBatches(context, 0, entryCount, 1000)
    }
    const step = workload.start(context)
    if (workload.startsFrom === 'filled') {
      const isWhole = workload.stepOperationCount === Number.MAX_SAFE_INTEGER
      await step(0, isWhole ? operationCount : warmUpCount(operationCount))
    }
    resetTally(context.tally)
    this.#latencies.reset()
    collectGarbage()

    const measured = await measure(() => timeSteps(workload, step, operationCount))
    await step.close?.()
    const closeMs = await timed(() => driver.close())
    return await this.#result(context.tally, operationCount, measured, closeMs, before)
  }

  async onDirectory(workload: DirectoryWorkload): Promise<WorkloadResult> {
    const { directory, entryCount } = this.#job
    const operationCount = workload.operationCount(entryCount)
    const tally = newTally()
    const before = { written: writtenSizeBytes(), resident: process.memoryUsage.rss() }
    const measured = await measure(() =>
      workload.run({
        directory,
        open: (path) => this.#open(path, workload),
        dataset: this.#dataset,
        entryCount,
        operationCount,
        latencies: this.#latencies,
        tally,
      }),
    )
    return await this.#result(tally, operationCount, measured, 0, before)
  }

  #open(directory: string, { durability }: Pick<StoreWorkload, 'durability'>): Promise<StoreDriver> {
    return this.#module.open(directory, { durability, cacheSizeBytes: this.#job.cacheSizeBytes })
  }

  #keySource(workload: StoreWorkload, operationCount: number): (index: number) => Buffer {
    const count = Math.max(operationCount, this.#job.entryCount)
    const keys = workload.isLong === true || count > KEPT_KEY_COUNT_MAX ? [] : this.#dataset.keys(count)
    return (index) => keys[index] ?? this.#dataset.keyAt(index)
  }

  /** An empty store must be empty when the clock starts. */
  async #warmUpOnAnother(
    workload: StoreWorkload,
    operationCount: number,
    contextOf: (driver: StoreDriver) => WorkloadContext,
  ): Promise<void> {
    const directory = `${this.#job.directory}-warm-up`
    await mkdir(directory, { recursive: true })
    const driver = await this.#open(directory, workload)
    const step = workload.start(contextOf(driver))
    await step(0, warmUpCount(operationCount))
    await step.close?.()
    await driver.close()
    await rm(directory, { recursive: true, force: true })
  }

  async #result(
    tally: Tally,
    plannedCount: number,
    measured: Measured,
    closeMs: number,
    before: { readonly written: number | undefined; readonly resident: number },
  ): Promise<WorkloadResult> {
    const operationCount = tally.operationCount ?? plannedCount
    const written = writtenSizeBytes()
    return {
      type: 'workload',
      operationCount,
      operationsPerSecond: operationCount / (measured.elapsedMs / MS_PER_SECOND),
      ...measured,
      latencies: this.#latencies.summary(),
      peakResidentSizeBytes: peakResidentSizeBytes(),
      residentBeforeSizeBytes: before.resident,
      putSizeBytes: tally.putSizeBytes,
      writtenSizeBytes: written === undefined || before.written === undefined ? undefined : written - before.written,
      diskSizeBytes: isVolatile(this.#job.store) ? 0 : await diskSizeBytes(this.#job.directory),
      closeMs,
      series: tally.series,
      sizes: tally.sizes,
      counts: tally.counts,
    }
  }
}

function warmUpCount(operationCount: number): number {
  return Math.min(WARM_UP_COUNT_MAX, Math.ceil(operationCount * WARM_UP_SHARE))
}

function newTally(): Tally {
  return { putSizeBytes: 0, series: [], sizes: [], counts: {} }
}

function resetTally(tally: Tally): void {
  Object.assign(tally, newTally(), { operationCount: undefined })
}

/** Each step is an iteration; the time is the sum of theirs, without what tinybench does in between. */
async function timeSteps(workload: StoreWorkload, step: Step, operationCount: number): Promise<number> {
  const stepCount = Math.min(workload.stepOperationCount ?? operationCount, operationCount)
  let doneCount = 0
  const bench = new Bench({
    iterations: Math.ceil(operationCount / stepCount),
    time: 0,
    warmup: false,
    throws: true,
    timestampProvider: 'hrtimeNow',
  })
  bench.add(
    workload.name,
    () => {
      const first = doneCount
      doneCount = Math.min(operationCount, first + stepCount)
      return step(first, doneCount - first)
    },
    { async: true },
  )
  const [task] = await bench.run()
  assert(task?.result.state === 'completed', `${workload.name} did not complete`)
  assert.equal(doneCount, operationCount, 'every operation was done once')
  return task.result.latency.mean * task.result.latency.samplesCount
}

async function measure(work: () => Promise<number>): Promise<Measured> {
  const monitor = await EventLoopMonitor.start()
  const mainThread = new ProcessorTime()
  const mainBefore = mainThread.read()
  const cpuBefore = process.cpuUsage()
  const elapsedMs = await work()
  const cpu = process.cpuUsage(cpuBefore)
  const mainAfter = mainThread.read()
  mainThread.close()
  const eventLoop: EventLoopFigures = await monitor.stop()
  return {
    elapsedMs,
    cpuMs: (cpu.user + cpu.system) / US_PER_MS,
    mainCpuMs: mainAfter === undefined || mainBefore === undefined ? undefined : mainAfter.ranMs - mainBefore.ranMs,
    eventLoop,
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

/** What the harness itself left behind, a million keys, must not be collected at the expense of the store. */
function collectGarbage(): void {
  assert(globalThis.gc !== undefined, 'the process was started with --expose-gc')
  globalThis.gc()
}
