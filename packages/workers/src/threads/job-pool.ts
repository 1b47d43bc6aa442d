/**
 * The threads that run jobs, one pool for all stores of a process thread. Threads are started when a job needs one and
 * retire when idle; an idle pool does not hold the process, a running job does.
 *
 * Which job starts next is decided here, not in piscina: compactions and verifications leave one thread free, so that a
 * flush never waits for one that runs. The place of a job that hangs is free at once, though its thread may take its time
 * to end.
 */
import { availableParallelism } from 'node:os'
import { VarveError } from '@varve/storage'
import { JobQueue } from '../jobs/job-queue.ts'
import type { WaitingJob } from '../jobs/job-queue.ts'
import { JobThread } from './job-thread.ts'

const THREAD_COUNT_MIN = 2
/**
 * Flushes that run at once leave the service's own thread a core. They are installed in order, so that two that share a
 * core end no sooner than one behind the other; they took a fifth more of the processors in a load.
 */
const FLUSH_COUNT_MAX = Math.max(1, availableParallelism() - 1)
/**
 * Compactions that are started while a flush runs or waits leave a core to it and one to the service's own thread. Where
 * no flush does, writes are held up by compactions or nobody writes: then those have all threads but one.
 */
const OTHER_COUNT_MAX_WHILE_FLUSHING = Math.max(1, availableParallelism() - 2)
/** Above any sensible setting. */
const THREAD_COUNT_LIMIT = 1024
/**
 * A job that shows no sign of life for so long hangs. The longest silences of one that works are an fdatasync of 8 MiB
 * (disks and their drivers give a request up to 30 s before they call it failed), the sort of a memtable of 1 GiB (some
 * seconds), and the start of a thread on a machine with more to do than it can.
 */
const HUNG_AFTER_MS = 60_000

/** How many threads a pool needs for a store with this setting: one that compacts, one that flushes, at least. */
export function threadCountFor(workerCountMax: number): number {
  return Math.min(Math.max(workerCountMax, THREAD_COUNT_MIN), THREAD_COUNT_LIMIT)
}

export class JobPool {
  readonly #workerUrl: URL
  readonly #hungAfterMs: number
  readonly #queue = new JobQueue()
  /** The number of threads that each user of the pool asks for. */
  readonly #threadCounts: number[] = []
  /** The one that was used last is used next, so that the others retire. */
  readonly #idleThreads: JobThread[] = []
  #flushCount = 0
  /** Compactions and verifications that run. */
  #otherCount = 0

  constructor(workerUrl: URL, hungAfterMs: number = HUNG_AFTER_MS) {
    this.#workerUrl = workerUrl
    this.#hungAfterMs = hungAfterMs
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

  #startJobs(): void {
    const threadCount = Math.max(THREAD_COUNT_MIN, ...this.#threadCounts)
    while (this.#flushCount + this.#otherCount < threadCount) {
      const isFlushing = this.#flushCount > 0 || this.#queue.flushCount > 0
      const otherCountMax = Math.min(threadCount - 1, isFlushing ? OTHER_COUNT_MAX_WHILE_FLUSHING : Infinity)
      const job = this.#queue.take(this.#flushCount < FLUSH_COUNT_MAX, this.#otherCount < otherCountMax)
      if (job === undefined) {
        return
      }
      void this.#runAndResolve(job)
    }
  }

  async #runAndResolve(job: WaitingJob): Promise<void> {
    const leave = this.#takePlace(job)
    const thread = this.#takeThread()
    const result = await thread.run(job.request, (message) => {
      job.onHung?.(new VarveError('VARVE_INTERNAL', message))
      leave()
      this.#startJobs()
    })
    if (thread.isFit) {
      this.#idleThreads.push(thread)
    }
    leave()
    job.resolve(result)
    this.#startJobs()
  }

  /** Returns what gives the place back; only its first call does. */
  #takePlace(job: WaitingJob): () => void {
    const isFlush = job.request.type === 'flush'
    this.#flushCount += isFlush ? 1 : 0
    this.#otherCount += isFlush ? 0 : 1
    let isTaken = true
    return () => {
      this.#flushCount -= isTaken && isFlush ? 1 : 0
      this.#otherCount -= isTaken && !isFlush ? 1 : 0
      isTaken = false
    }
  }

  #takeThread(): JobThread {
    for (let thread = this.#idleThreads.pop(); thread !== undefined; thread = this.#idleThreads.pop()) {
      // One may have died since its last job.
      if (thread.isFit) {
        return thread
      }
    }
    return new JobThread(this.#workerUrl, this.#hungAfterMs)
  }
}
