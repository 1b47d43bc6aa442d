/** A store's share of the pool of threads: its own jobs, and how many compactions it may run at once. */
import { JobControl } from '../jobs/job-control.ts'
import type { HungListener, JobExecutor } from '../jobs/job-executor.ts'
import { jobFailure } from '../jobs/job-failure.ts'
import { JobPool, threadCountFor } from './job-pool.ts'
import type { JobRequest, JobResult } from '../jobs/job-protocol.ts'
import type { WaitingJob } from '../jobs/job-queue.ts'

export interface PoolExecutorOptions {
  /** Threads that may run jobs at once; at least two are used, so that flushes never wait behind compactions. */
  readonly workerCountMax: number
  /** For tests: threads of this file instead of the jobs', in a pool of their own. */
  readonly workerUrl?: URL
  /** For tests: when a job without a sign of life counts as hung, in a pool of its own. */
  readonly hungAfterMs?: number
}

/** Where a store's open jobs are kept to be cancelled. */
interface OpenJob extends WaitingJob {
  readonly done: Promise<JobResult>
}

export class PoolExecutor implements JobExecutor {
  readonly compactionCountMax: number
  readonly #pool: JobPool
  readonly #threadCount: number
  readonly #jobs = new Set<OpenJob>()
  #closed: Promise<void> | undefined

  constructor(pool: JobPool, options: PoolExecutorOptions) {
    this.#pool = pool
    this.#threadCount = threadCountFor(options.workerCountMax)
    this.compactionCountMax = this.#threadCount - 1
    pool.attach(this.#threadCount)
  }

  async run(request: JobRequest, onHung?: HungListener): Promise<JobResult> {
    if (this.#closed !== undefined) {
      return jobFailure('VARVE_CLOSED', 'the executor is closed')
    }
    const { promise: done, resolve } = withResolvers<JobResult>()
    const job: OpenJob = { request, resolve, onHung, done }
    this.#jobs.add(job)
    this.#pool.submit(job)
    const result = await done
    this.#jobs.delete(job)
    return result
  }

  close(): Promise<void> {
    this.#closed ??= this.#cancelAll()
    return this.#closed
  }

  async #cancelAll(): Promise<void> {
    for (const job of this.#jobs) {
      new JobControl(job.request.control).cancel()
      if (this.#pool.takeBack(job)) {
        job.resolve(jobFailure('VARVE_ABORTED', 'the executor was closed before the job began'))
      }
    }
    // One that does not heed its cancel flag is found to hang, and ends all the same.
    await Promise.all(Array.from(this.#jobs, (job) => job.done))
    this.#pool.detach(this.#threadCount)
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: ((value: T) => void) | undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve: (value) => resolve?.(value) }
}

const JOB_WORKER_URL: URL = new URL('./job-worker.js', import.meta.url)

/** The one pool of this thread. It costs nothing until a job is run. */
const sharedPool = new JobPool(JOB_WORKER_URL)

export function createPoolExecutor(options: PoolExecutorOptions): JobExecutor {
  const { workerUrl, hungAfterMs } = options
  const isShared = workerUrl === undefined && hungAfterMs === undefined
  return new PoolExecutor(isShared ? sharedPool : new JobPool(workerUrl ?? JOB_WORKER_URL, hungAfterMs), options)
}
