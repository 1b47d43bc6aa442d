/**
 * The file that each thread of the pool loads. It makes the thread nicer before anything else is loaded: the code of jobs
 * takes some tens of milliseconds to load.
 */
import { constants, getPriority, setPriority } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import type { JobRequest, JobResult } from '../jobs/job-protocol.ts'

/**
 * Jobs give way to the service's own thread where there are fewer cores than busy threads: so much nicer they get a
 * tenth of what it gets. At 5, a third, the service's thread waited for a core twice as long in the middle of a load; at
 * 19 jobs would starve beside whatever else the machine does.
 */
const NICER_BY = 10

// On Linux a thread has a niceness of its own, and 0 is the calling thread; elsewhere it would be the whole process.
if (!isMainThread && process.platform === 'linux') {
  setPriority(0, Math.min(getPriority(0) + NICER_BY, constants.priority.PRIORITY_LOW))
}

const { createRequestRunner } = await import('./request-runner.ts')

export const runRequest: (request: JobRequest) => JobResult = createRequestRunner()
