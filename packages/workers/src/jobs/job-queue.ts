/** Jobs that wait to be started: flushes before compactions, each kind in the order of arrival. */
import type { JobRequest, JobResult } from './job-protocol.ts'

export interface WaitingJob {
  readonly request: JobRequest
  readonly resolve: (result: JobResult) => void
}

export class JobQueue {
  readonly #flushes: WaitingJob[] = []
  readonly #compactions: WaitingJob[] = []

  get isEmpty(): boolean {
    return this.#flushes.length + this.#compactions.length === 0
  }

  push(job: WaitingJob): void {
    this.#listOf(job).push(job)
  }

  /** Takes the next job out, or `undefined` if none waits that may start. */
  take(mayFlush: boolean, mayCompact: boolean): WaitingJob | undefined {
    return (mayFlush ? this.#flushes.shift() : undefined) ?? (mayCompact ? this.#compactions.shift() : undefined)
  }

  /** Takes this job out; false if it does not wait. */
  remove(job: WaitingJob): boolean {
    const list = this.#listOf(job)
    const index = list.indexOf(job)
    if (index >= 0) {
      list.splice(index, 1)
    }
    return index >= 0
  }

  #listOf(job: WaitingJob): WaitingJob[] {
    return job.request.type === 'flush' ? this.#flushes : this.#compactions
  }
}
