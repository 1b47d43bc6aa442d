import { expect, test } from 'vitest'
import type { Job } from './job.ts'
import { JobError } from './spawn-job.ts'

const JOB: Job = { type: 'bare' }

test.each([
  'Error: ENOSPC: no space left on device, write',
  'IO error: /tmp/000005.log: No space left on device',
  'SqliteError: database or disk is full',
])('a full disk is told from other failures: %s', (stderr) => {
  expect(new JobError(JOB, 'exit code 1', stderr).isDiskFull).toBe(true)
})

test('a failure tells the job, how it ended, and what it said', () => {
  const error = new JobError(JOB, 'SIGKILL', 'TypeError: no\n')
  expect(error.isDiskFull).toBe(false)
  expect(error.message).toBe('a bare process ended with SIGKILL:\nTypeError: no')
})
