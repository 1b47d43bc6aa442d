/**
 * A thread that runs one job at a time, on a piscina of its own, so that it can be ended alone. The thread is started by
 * its first job, retires when it is idle, and is started anew by the next.
 *
 *     fit, idle <-> fit, running -> unfit: ended, never used again
 *
 * A thread may exit, throw, hang or answer nonsense at any moment. Then it is ended, and only when it is gone is its job
 * reported as failed: until then it may wake up and go on with the job's files and memory. A thread that sits in a
 * system call ends when that returns.
 */
import { Piscina } from 'piscina'
import { isAnswerTo } from '../jobs/job-answer.ts'
import { JobControl } from '../jobs/job-control.ts'
import { jobFailure } from '../jobs/job-failure.ts'
import type { JobFailure, JobRequest, JobResult } from '../jobs/job-protocol.ts'
import { JobWatch } from './job-watch.ts'

/** A thread that starts anew needs some seconds of work until its code runs at full speed. */
const IDLE_TIMEOUT_MS = 10_000
/**
 * Jobs make few objects. It saves some MB a thread; it does not make one let go of arenas sooner: 38 arenas made anew
 * kept 340 MB resident, three in turn none. So arenas are to be used again.
 */
const YOUNG_GENERATION_SIZE_MB_MAX = 2

export class JobThread {
  readonly #hungAfterMs: number
  readonly #piscina: Piscina
  #isFit = true
  #isRunning = false
  /** The thread that was started last, when it is gone, and what its running job does then. */
  #worker: Piscina['threads'][number] | undefined
  #exited: Promise<void> = Promise.resolve()
  #onExit: (code: number) => void = () => undefined
  /** What went wrong in the thread apart from a job's answer. */
  #fault: unknown

  constructor(workerUrl: URL, hungAfterMs: number) {
    this.#hungAfterMs = hungAfterMs
    this.#piscina = new Piscina({
      filename: workerUrl.href,
      name: 'runRequest',
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_TIMEOUT_MS,
      atomics: 'disabled',
      recordTiming: false,
      // Flags of the host, such as --input-type or a loader, are not for these threads.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_SIZE_MB_MAX },
    })
    this.#piscina.on('error', (error: unknown) => this.#onFault(error))
  }

  /** Whether it may run another job. */
  get isFit(): boolean {
    return this.#isFit
  }

  /**
   * Resolves when the thread works on the job no more; never rejects.
   * @param onHung called at once when the thread is found to hang; how long it takes to end is up to the system
   */
  async run(request: JobRequest, onHung: (message: string) => void): Promise<JobResult> {
    const what = describe(request)
    let hungMessage: string | undefined
    const watch = new JobWatch(new JobControl(request.control), this.#hungAfterMs, () => {
      hungMessage = `${what} hung: its thread showed no progress for ${this.#hungAfterMs / 1000} s and is ended`
      onHung(hungMessage)
      void this.#end()
    })
    this.#isRunning = true
    let failure: JobFailure
    try {
      const answer = await this.#post(request)
      if (!isAnswerTo(request, answer)) {
        failure = jobFailure('VARVE_INTERNAL', `${what} failed: its thread answered what is no result of it`)
      } else if (answer.ok || answer.cancelled || answer.code === 'VARVE_IO') {
        return answer
      } else {
        // What is wrong may lie in the thread: the next try gets a fresh one.
        failure = answer
      }
    } catch (error) {
      const reason = this.#fault ?? error
      const message = reason instanceof Error ? reason.message : String(reason)
      failure = jobFailure('VARVE_INTERNAL', hungMessage ?? `${what} failed: its thread ended: ${message}`)
    } finally {
      watch.end()
      this.#isRunning = false
      if (!this.#isFit) {
        void this.#end()
      }
    }
    await this.#end()
    return failure
  }

  /** The thread's answer. If no thread can be started this rejects, and what piscina has queued is dropped with it. */
  #post(request: JobRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      ;(this.#piscina.run(request) as Promise<unknown>).then(resolve, reject)
      // Piscina leaves a job waiting whose thread ends while it starts.
      this.#onExit = (code) => reject(new Error(`exited with code ${code}`))
      const [worker] = this.#piscina.threads
      if (worker !== undefined && worker !== this.#worker) {
        this.#worker = worker
        this.#exited = new Promise((exited) => {
          worker.once('exit', (code) => {
            exited()
            // One that retired may be gone only now that its successor runs.
            if (worker === this.#worker) {
              this.#onExit(code)
            }
          })
        })
      }
    })
  }

  /** The thread is not used again, and is ended unless it still runs a job. */
  #onFault(error: unknown): void {
    this.#fault ??= error
    this.#isFit = false
    if (!this.#isRunning) {
      void this.#end()
    }
  }

  /** Resolves when the thread is gone. */
  async #end(): Promise<void> {
    this.#isFit = false
    // Without a thread it would only reject what was queued, to nobody where `run` threw.
    if (this.#piscina.threads.length > 0) {
      await this.#piscina.destroy()
    }
    await this.#exited
  }
}

/** For messages. */
function describe(request: JobRequest): string {
  return `${workOf(request)} in ${request.directory}`
}

function workOf(request: JobRequest): string {
  switch (request.type) {
    case 'flush':
      return `the flush of log ${request.walNumber}`
    case 'compaction': {
      const numbers = request.runs.flat().map((table) => table.number)
      return `the compaction of tables ${numbers.join(', ')}`
    }
    case 'verify':
      return `the verification of table ${request.metadata.number}`
  }
}
