/** Runs a job in a fresh process: nothing that an earlier one left in memory or in compiled code is there. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Job, JobResult } from './job.ts'

const CHILD_FILE = fileURLToPath(new URL('./child.js', import.meta.url))
const STDERR_TAIL_LENGTH = 4000

/** A child process that did not end well. */
export class JobError extends Error {
  /** Nothing else can be measured either. */
  readonly isDiskFull: boolean

  constructor(job: Job, ending: string, stderr: string) {
    super(`${nameOf(job)} ended with ${ending}${stderr === '' ? '' : `:\n${stderr.trimEnd()}`}`)
    this.isDiskFull = /ENOSPC|no space left|disk is full|SQLITE_FULL/i.test(stderr)
  }
}

export interface SpawnOptions {
  /** The command that runs the process instead of starting it directly. */
  readonly wrapper?: readonly string[]
  /** The process is meant to end like this. */
  readonly expectedSignal?: NodeJS.Signals
}

/**
 * Resolves to what the job answers; to `undefined` if the process ended with the signal that was expected.
 * @throws JobError when the process does not end well
 */
export async function spawnJob(job: Job, options: SpawnOptions = {}): Promise<JobResult | undefined> {
  const { wrapper = [], expectedSignal } = options
  const [file, ...args] = [...wrapper, process.execPath, '--expose-gc', CHILD_FILE, JSON.stringify(job)]
  const child = spawn(file as string, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  // A group of its own: what a wrapper has started ends with it.
  const kill = (): void => killGroup(child.pid)
  // Before whatever removes the directory that the child writes to.
  process.prependListener('exit', kill)
  let output = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_TAIL_LENGTH)
  })
  const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (...ending) => resolve(ending))
  }).finally(() => process.off('exit', kill))
  if (
    expectedSignal !== undefined &&
    (signal === expectedSignal || exitCode === 128 + constants.signals[expectedSignal])
  ) {
    return undefined
  }
  if (exitCode !== 0) {
    throw new JobError(job, signal ?? `exit code ${exitCode}`, stderr)
  }
  return JSON.parse(output) as JobResult
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error
    }
  }
}

function nameOf(job: Job): string {
  switch (job.type) {
    case 'workload':
      return `${job.workload} on ${job.store}`
    case 'limit':
      return `the limit ${job.limit}`
    case 'bare':
      return 'a bare process'
    case 'prepare':
    case 'prepare-killed':
    case 'memory':
    case 'durability-write':
    case 'durability-check':
    case 'kernel':
      return `${job.type} of ${job.store}`
  }
}
