/** Who runs jobs: the piscina pool in services, the calling thread in tests. Both run the same code. */
import type { JobRequest, JobResult } from './job-protocol.ts'

export interface JobExecutor {
  /**
   * Runs a job and resolves with its result; never rejects. Flushes are started before other jobs that wait, and never
   * wait for one that runs; compactions are started before verifications.
   */
  run(request: JobRequest): Promise<JobResult>
  /** How many compactions may run at once. */
  readonly compactionCountMax: number
  /** Resolves when no thread of this executor can still touch a file. Running jobs are cancelled. Idempotent. */
  close(): Promise<void>
}
