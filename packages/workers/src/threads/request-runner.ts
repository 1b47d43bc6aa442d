/** What a thread of the pool does with a request: the job, on the real system, with memory that it keeps between jobs. */
import { createNodeEnv } from '@varve/storage'
import { JobMemory } from '../jobs/job-memory.ts'
import type { JobRequest, JobResult } from '../jobs/job-protocol.ts'
import { runJob } from '../run-job.ts'

export function createRequestRunner(): (request: JobRequest) => JobResult {
  const env = createNodeEnv()
  const memory = new JobMemory()
  return (request) => runJob(env, request, memory)
}
