/**
 * The threads that run jobs, one pool for all stores of a process thread. Threads are started when a job needs one and
 * retire when idle; an idle pool does not hold the process, a running job does.
 *
 * Which job starts next is decided here, not in piscina, whose own queue only ever holds jobs that wait for a thread to
 * come up: compactions and verifications leave one thread free, so that a flush never waits for one that runs.
 *
 * A thread may die at any time. Piscina rejects the job that it ran, but one that waits for a thread which dies while it
 * starts would wait for ever: then all of piscina's threads are retired, and awaited, before the job is reported failed,
 * since what a thread that still runs may do to its files is not known.
 */
import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { jobFailure } from '../jobs/job-failure.ts'
import type { JobRequest, JobResult } from '../jobs/job-protocol.ts'
import { JobQueue } from '../jobs/job-queue.ts'
import type { WaitingJob } from '../jobs/job-queue.ts'

const THREAD_COUNT_MIN = 2
/**
 * Flushes that run at once leave the service's own thread a core. They are installed in order, so that two that share a
 * core end no sooner than one behind the other; they took a fifth more of the processors in a load.
 */
const FLUSH_COUNT_MAX = Math.max(1, availableParallelism() - 1)
/** Above any sensible setting: how many jobs run at once is counted here. */
const THREAD_COUNT_LIMIT = 1024
/** A thread that starts anew needs some seconds of work until its code runs at full speed. */
const IDLE_TIMEOUT_MS = 10_000
/** How long a cancelled job may go on: slow disks take their time, and no thread polls while it waits for one. */
const GIVE_UP_AFTER_MS = 30_000
/**
 * Jobs make few objects. It saves some MB a thread; it does not make one let go of arenas sooner: 38 arenas made anew
 * kept 340 MB resident, three in turn none. So arenas are to be used again.
 */
const YOUNG_GENERATION_SIZE_MB_MAX = 2

/** How many threads a pool needs for a store with this setting: one that compacts, one that flushes, at least. */
export function threadCountFor(workerCountMax: number): number {
  return Math.min(Math.max(workerCountMax, THREAD_COUNT_MIN), THREAD_COUNT_LIMIT)
}

export class JobPool {
  readonly #workerUrl: URL
  readonly #giveUpAfterMs: number
  readonly #queue = new JobQueue()
  /** The number of threads that each user of the pool asks for. */
  readonly #threadCounts: number[] = []
  #flushCount = 0
  /** Compactions and verifications that run. */
  #otherCount = 0
  #piscina: Piscina | undefined
  #retired: Promise<void> = Promise.resolve()
  /** Why a thread could not start. */
  #startError: unknown

  constructor(workerUrl: URL, giveUpAfterMs: number = GIVE_UP_AFTER_MS) {
    this.#workerUrl = workerUrl
    this.#giveUpAfterMs = giveUpAfterMs
  }

  /** From now on jobs may use so many threads at once. */
  attach(threadCount: number): void {
    this.#threadCounts.push(threadCount)
    this.#startJobs()
  }

  detach(threadCount: number): void {
    this.#threadCounts.splice(this.#threadCounts.indexOf(threadCount), 1)
  }

  /** Calls the job's `resolve` exactly once, when no thread works on it any more. */
  submit(job: WaitingJob): void {
    this.#queue.push(job)
    this.#startJobs()
  }

  /** Takes back a job that has not been started; false if it has. */
  takeBack(job: WaitingJob): boolean {
    return this.#queue.remove(job)
  }

  /**
   * Waits for jobs that were cancelled. If they do not end, the threads are ended: all of them, as it is not known which
   * thread runs which job. Jobs of others that this hits fail, and are tried again.
   */
  async waitForCancelled(jobs: Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => {
      if (this.#piscina !== undefined) {
        this.#retire(this.#piscina)
      }
    }, this.#giveUpAfterMs)
    await jobs
    clearTimeout(timer)
  }

  #startJobs(): void {
    const threadCount = Math.max(THREAD_COUNT_MIN, ...this.#threadCounts)
    while (this.#flushCount + this.#otherCount < threadCount) {
      const job = this.#queue.take(this.#flushCount < FLUSH_COUNT_MAX, this.#otherCount < threadCount - 1)
      if (job === undefined) {
        return
      }
      void this.#runAndResolve(job)
    }
  }

  async #runAndResolve(job: WaitingJob): Promise<void> {
    const isFlush = job.request.type === 'flush'
    this.#flushCount += isFlush ? 1 : 0
    this.#otherCount += isFlush ? 0 : 1
    const result = await this.#run(job.request)
    this.#flushCount -= isFlush ? 1 : 0
    this.#otherCount -= isFlush ? 0 : 1
    job.resolve(result)
    this.#startJobs()
  }

  async #run(request: JobRequest): Promise<JobResult> {
    let posted: Promise<JobResult> | undefined
    try {
      this.#piscina ??= this.#createPiscina()
      posted = this.#piscina.run(request) as Promise<JobResult>
      return await posted
    } catch (error) {
      if (posted === undefined && this.#piscina !== undefined) {
        // No thread could be made, but piscina has queued the job: it must not run later.
        this.#retire(this.#piscina)
      }
      await this.#retired
      return jobFailure('VARVE_INTERNAL', `a job worker failed at a ${request.type}: ${this.#describe(error)}`)
    }
  }

  #createPiscina(): Piscina {
    this.#startError = undefined
    const piscina = new Piscina({
      filename: this.#workerUrl.href,
      name: 'runRequest',
      minThreads: 0,
      maxThreads: THREAD_COUNT_LIMIT,
      idleTimeout: IDLE_TIMEOUT_MS,
      atomics: 'disabled',
      recordTiming: false,
      // Flags of the host, such as --input-type or a loader, are not for these threads.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_SIZE_MB_MAX },
    })
    piscina.on('error', (error: unknown) => {
      this.#startError = error
      this.#retireIfStuck(piscina)
    })
    piscina.on('workerDestroy', () => queueMicrotask(() => this.#retireIfStuck(piscina)))
    return piscina
  }

  #retireIfStuck(piscina: Piscina): void {
    if (this.#piscina === piscina && piscina.queueSize > 0 && piscina.threads.length === 0) {
      this.#retire(piscina)
    }
  }

  #retire(piscina: Piscina): void {
    this.#piscina = undefined
    this.#retired = Promise.allSettled([this.#retired, piscina.destroy()]).then(() => undefined)
  }

  #describe(error: unknown): string {
    const cause = this.#startError ?? error
    return cause instanceof Error ? cause.message : String(cause)
  }
}
