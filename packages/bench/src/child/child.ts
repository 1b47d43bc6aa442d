/** The entry of a child process: one job, as JSON in the first argument; its result is the only output. */
import type { Job } from './job.ts'
import { runJob } from './run-job.ts'

const job = JSON.parse(process.argv[2] ?? '') as Job
process.stdout.write(JSON.stringify(await runJob(job)))
