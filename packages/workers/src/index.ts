export { createInlineExecutor } from './inline-executor.ts'
export { BackgroundRate, createBackgroundRate } from './jobs/background-rate.ts'
export { JobControl, createJobControl } from './jobs/job-control.ts'
export type { HungListener, JobExecutor } from './jobs/job-executor.ts'
export { jobError } from './jobs/job-failure.ts'
export { JobMemory } from './jobs/job-memory.ts'
export { GRANDPARENT_OVERLAP_TABLE_COUNT_MAX } from './jobs/output-tables.ts'
export type {
  CompactionInput,
  CompactionRequest,
  FlushRequest,
  JobFailure,
  JobOutput,
  JobRequest,
  JobResult,
  KeySpan,
  TableOptions,
  VerifyRequest,
} from './jobs/job-protocol.ts'
export { createPoolExecutor, type PoolExecutorOptions } from './threads/pool-executor.ts'
export { runJob } from './run-job.ts'
