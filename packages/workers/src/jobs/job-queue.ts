/**
 * Jobs that wait to be started: flushes before compactions, compactions before verifications, each kind in the order of
 * arrival. Writes wait for the former two, nobody but the caller for the last.
 */
import type { HungListener } from './job-executor.ts'
import type { JobRequest, JobResult } from './job-protocol.ts'

export interface WaitingJob {
  readonly request: JobRequest
  readonly resolve: (result: JobResult) => void
  readonly onHung?: HungListener | undefined
}

export class JobQueue {
  readonly #waiting: Readonly<Record<JobRequest['type'], WaitingJob[]>> = { flush: [], compaction: [], verify: [] }

  get isEmpty(): boolean {
    const { flush, compaction, verify } = this.#waiting
    return flush.length + compaction.length + verify.length === 0
  }

  /** Flushes that wait. */
  get flushCount(): number {
    return this.#waiting.flush.length
  }

  push(job: WaitingJob): void {
    this.#listOf(job).push(job)
  }

  /** Takes the next job out, or `undefined` if none waits that may start. */
  take(mayFlush: boolean, mayBeOther: boolean): WaitingJob | undefined {
    const { flush, compaction, verify } = this.#waiting
    return (mayFlush ? flush.shift() : undefined) ?? (mayBeOther ? (compaction.shift() ?? verify.shift()) : undefined)
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
    return this.#waiting[job.request.type]
  }
}
