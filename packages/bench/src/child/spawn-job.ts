/** Runs a job in a fresh process: nothing that an earlier one left in memory or in compiled code is there. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, JobResult } from './job.ts'

const CHILD_FILE = fileURLToPath(new URL('./child.js', import.meta.url))

/** @throws when the process does not end well */
export async function spawnJob(job: Job): Promise<JobResult> {
  const child = spawn(process.execPath, ['--expose-gc', CHILD_FILE, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  // Before whatever removes the directory that the child writes to.
  process.prependListener('exit', kill)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (...ending) => resolve(ending))
  }).finally(() => process.off('exit', kill))
  if (exitCode !== 0) {
    throw new Error(`the process of ${JSON.stringify(job)} ended with ${signal ?? exitCode}`)
  }
  return JSON.parse(output) as JobResult
}
