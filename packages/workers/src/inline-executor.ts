/**
 * Runs jobs on the calling thread, one a turn of the Env's loop: the same run every time for the same requests. They keep
 * to no rate: the thread may not be held.
 */
import type { Env } from '@varve/storage'
import type { JobExecutor } from './jobs/job-executor.ts'
import { jobFailure } from './jobs/job-failure.ts'
import { JobMemory } from './jobs/job-memory.ts'
import type { JobRequest, JobResult } from './jobs/job-protocol.ts'
import { JobQueue } from './jobs/job-queue.ts'
import { runJob } from './run-job.ts'

class InlineExecutor implements JobExecutor {
  readonly compactionCountMax: number
  readonly #env: Env
  readonly #memory: JobMemory
  readonly #queue = new JobQueue()
  #isScheduled = false
  #isClosed = false

  constructor(env: Env, memory: JobMemory, compactionCountMax: number) {
    this.compactionCountMax = compactionCountMax
    this.#env = env
    this.#memory = memory
  }

  async run(request: JobRequest): Promise<JobResult> {
    if (this.#isClosed) {
      return jobFailure('VARVE_CLOSED', 'the executor is closed')
    }
    return await new Promise((resolve) => {
      this.#queue.push({ request, resolve })
      this.#schedule()
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    for (let job = this.#queue.take(true, true); job !== undefined; job = this.#queue.take(true, true)) {
      job.resolve(jobFailure('VARVE_ABORTED', 'the executor was closed before the job began'))
    }
    return Promise.resolve()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.isEmpty) {
      return
    }
    this.#isScheduled = true
    this.#env.scheduler.immediate(() => {
      this.#isScheduled = false
      const job = this.#queue.take(true, true)
      if (job !== undefined) {
        job.resolve(runJob(this.#env, withoutRate(job.request), this.#memory))
        this.#schedule()
      }
    })
  }
}

/**
 * Executors whose jobs never run at once may share their memory: those of stores that are opened by the thousand. Of
 * `compactionCountMax` compactions that are under way at once, one at a time runs.
 */
export function createInlineExecutor(
  env: Env,
  memory: JobMemory = new JobMemory(),
  compactionCountMax: number = 1,
): JobExecutor {
  return new InlineExecutor(env, memory, compactionCountMax)
}

function withoutRate(request: JobRequest): JobRequest {
  return request.type === 'verify' ? request : { ...request, rate: undefined }
}
