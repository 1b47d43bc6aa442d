/** What a test tells the threads that run a store's jobs, in a file beside the store's directory. */
import fs from 'node:fs'
import type { JobRequest } from '@varve/workers'

/** Where in a job it happens: before anything, in the midst of the output, or behind all of it. */
export type JobPoint = 'start' | 'first-byte' | 'table-synced' | 'names-synced' | 'answer' | 'answered'

export type JobFault = 'exit' | 'throw' | 'hang' | 'garbage' | 'twice'

export interface JobFaultPlan {
  readonly type: JobRequest['type']
  readonly point: JobPoint
  readonly fault: JobFault
  /** How many jobs it happens to. */
  readonly count: number
}

function pathOf(directory: string): string {
  return `${directory}.job-fault`
}

export function planJobFault(directory: string, plan: JobFaultPlan | undefined): void {
  const temporaryPath = `${pathOf(directory)}.next`
  fs.writeFileSync(temporaryPath, JSON.stringify(plan ?? null))
  fs.renameSync(temporaryPath, pathOf(directory))
}

/** The plan, if there is one and it has not happened often enough. */
export function plannedJobFault(directory: string): JobFaultPlan | undefined {
  const plan = fs.existsSync(pathOf(directory))
    ? (JSON.parse(fs.readFileSync(pathOf(directory), 'utf8')) as JobFaultPlan | null)
    : null
  return plan !== null && plan.count > 0 ? plan : undefined
}
