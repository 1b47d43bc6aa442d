/** A store's share of the pool of threads: its own jobs, and how many compactions it may run at once. */
import type { JobExecutor } from '../jobs/job-executor.ts'
import { jobFailure } from '../jobs/job-failure.ts'
import { JobPool, threadCountFor } from './job-pool.ts'
import type { JobRequest, JobResult } from '../jobs/job-protocol.ts'
import type { WaitingJob } from '../jobs/job-queue.ts'

export interface PoolExecutorOptions {
  /** Threads that may run jobs at once; at least two are used, so that flushes never wait behind compactions. */
  readonly workerCountMax: number
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

  async run(request: JobRequest): Promise<JobResult> {
    if (this.#closed !== undefined) {
      return jobFailure('VARVE_CLOSED', 'the executor is closed')
    }
    const { promise: done, resolve } = withResolvers<JobResult>()
    const job: OpenJob = { request, resolve, done }
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
      Atomics.store(new Int32Array(job.request.cancelFlag), 0, 1)
      if (this.#pool.takeBack(job)) {
        job.resolve(jobFailure('VARVE_ABORTED', 'the executor was closed before the job began'))
      }
    }
    await this.#pool.waitForCancelled(Promise.all(Array.from(this.#jobs, (job) => job.done)))
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

/** The one pool of this thread. It costs nothing until a job is run. */
const sharedPool = new JobPool(new URL('./job-worker.js', import.meta.url))

export function createPoolExecutor(options: PoolExecutorOptions): JobExecutor {
  return new PoolExecutor(sharedPool, options)
}
