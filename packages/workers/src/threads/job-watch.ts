/**
 * Notices a job that does not get on. Looks are counted, not time: where the process itself was stopped, or its thread
 * was busy, the looks that were missed count as one, and the job has had no time either.
 */
import type { JobControl } from '../jobs/job-control.ts'

/** How often the job is looked at within the time after which it counts as hung. */
const LOOK_COUNT = 6

export class JobWatch {
  readonly #timer: NodeJS.Timeout

  /** Calls `onHung` once when the job has shown no progress for about `hungAfterMs`, unless it was ended before. */
  constructor(control: JobControl, hungAfterMs: number, onHung: () => void) {
    let seen = control.progress
    let unchangedCount = 0
    this.#timer = setInterval(() => {
      const { progress } = control
      unchangedCount = progress === seen ? unchangedCount + 1 : 0
      seen = progress
      if (unchangedCount === LOOK_COUNT) {
        this.end()
        onHung()
      }
    }, hungAfterMs / LOOK_COUNT)
    // The job holds the process, not who looks at it.
    this.#timer.unref()
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
