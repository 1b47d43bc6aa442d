/** Runs one job, whatever its type, on the thread that calls. */
import { assert } from '@varve/storage'
import type { Env } from '@varve/storage'
import { runCompaction } from './compaction/compaction-job.ts'
import { runFlush } from './flush/flush-job.ts'
import { JobContext } from './jobs/job-context.ts'
import { toJobFailure } from './jobs/job-failure.ts'
import { JobMemory } from './jobs/job-memory.ts'
import type { JobRequest, JobResult, JobWork } from './jobs/job-protocol.ts'
import { runVerify } from './verify/verify-job.ts'

/**
 * Never throws: every failure is a result. All files of the job are closed when it returns. `memory` is what a thread
 * keeps between its jobs.
 */
export function runJob(env: Env, request: JobRequest, memory: JobMemory = new JobMemory()): JobResult {
  const startedMs = env.clock.nowMs()
  let context: JobContext | undefined
  try {
    context = new JobContext(env, request, memory)
    context.advance()
    const work = perform(context, request)
    assert(work.entriesIn === work.entriesOut + work.entriesDropped, 'a job neither loses nor invents entries')
    return { ok: true, ...work, durationMs: env.clock.nowMs() - startedMs }
  } catch (error) {
    context?.closeAll()
    memory.forget()
    return toJobFailure(error)
  }
}

function perform(context: JobContext, request: JobRequest): JobWork {
  switch (request.type) {
    case 'flush':
      return runFlush(context, request)
    case 'compaction':
      return runCompaction(context, request)
    case 'verify':
      return runVerify(context, request)
  }
}
