/** Who runs jobs: the piscina pool in services, the calling thread in tests. Both run the same code. */
import type { VarveError } from '@varve/storage'
import type { JobRequest, JobResult } from './job-protocol.ts'

/** Told once when a job is found to hang; its result follows when its thread is gone. */
export type HungListener = (error: VarveError) => void

export interface JobExecutor {
  /**
   * Runs a job and resolves with its result; never rejects. Flushes are started before other jobs that wait, and never
   * wait for one that runs; compactions are started before verifications. When it resolves, no thread can touch the job's
   * arena or files any more.
   */
  run(request: JobRequest, onHung?: HungListener): Promise<JobResult>
  /** How many compactions may run at once. */
  readonly compactionCountMax: number
  /** Resolves when no thread of this executor can still touch a file. Running jobs are cancelled. Idempotent. */
  close(): Promise<void>
}
