/**
 * What every job holds while it runs: the Env, memory, the open files (so that none outlives the job), and its control
 * memory, through which it is cancelled and shows that it gets on.
 */
import { join } from 'node:path'
import { fileNumber, tableFileName, walFileName } from '@varve/storage'
import type { Env, File, OpenMode } from '@varve/storage'
import { BackgroundRate } from './background-rate.ts'
import { JobControl } from './job-control.ts'
import { JobCancelledError } from './job-failure.ts'
import type { JobMemory } from './job-memory.ts'
import type { JobRequest } from './job-protocol.ts'
import { WatchedFile } from './watched-file.ts'

/** How many entries a job handles between two calls of `advance`. A power of two. */
export const ADVANCE_ENTRY_COUNT = 1024

/** How long a job that writes too fast waits before it shows that it is alive, and looks whether it still has to wait. */
const PACE_SLICE_MS = 20

export class JobContext {
  readonly env: Env
  readonly memory: JobMemory
  readonly #directory: string
  readonly #control: JobControl
  readonly #rate: BackgroundRate | undefined
  readonly #isFlush: boolean
  readonly #open = new Set<File>()
  readonly #onOperation = (): void => this.advance()
  readonly #beforeWrite = (sizeBytes: number): void => this.#pace(sizeBytes)

  constructor(env: Env, request: JobRequest, memory: JobMemory) {
    this.env = env
    this.memory = memory
    this.#directory = request.directory
    this.#control = new JobControl(request.control)
    const rate = request.type === 'verify' ? undefined : request.rate
    this.#rate = rate && new BackgroundRate(rate)
    this.#isFlush = request.type === 'flush'
  }

  walPath(number: number): string {
    return join(this.#directory, walFileName(fileNumber(number)))
  }

  tablePath(number: number): string {
    return join(this.#directory, tableFileName(fileNumber(number)))
  }

  openTable(number: number, mode: OpenMode): File {
    const file = new WatchedFile(
      this.env.files.openSync(this.tablePath(number), mode),
      this.#onOperation,
      this.#beforeWrite,
    )
    this.#open.add(file)
    return file
  }

  close(file: File): void {
    // Forgotten first: a descriptor whose close failed must not be closed again.
    this.#open.delete(file)
    file.closeSync()
  }

  /** Closes what a failed job left open. The job's own failure is the one to report: those to close are returned. */
  closeAll(): unknown[] {
    const errors: unknown[] = []
    for (const file of this.#open) {
      try {
        this.close(file)
      } catch (error) {
        errors.push(error)
      }
    }
    return errors
  }

  syncDirectory(): void {
    this.env.files.syncDirectorySync(this.#directory)
  }

  /** Shows that the job gets on. @throws JobCancelledError if it is to stop */
  advance(): void {
    this.#control.advance()
    if (this.#control.isCancelled) {
      throw new JobCancelledError()
    }
  }

  /** Waits until so many bytes more may be written. @throws JobCancelledError */
  #pace(sizeBytes: number): void {
    const rate = this.#rate
    if (rate === undefined) {
      return
    }
    const { clock } = this.env
    const endMs = clock.nowMs() + rate.take(clock.nowMs(), sizeBytes, this.#isFlush)
    for (let leftMs = endMs - clock.nowMs(); leftMs > 0; leftMs = endMs - clock.nowMs()) {
      if (this.#isFlush && rate.isLifted) {
        return
      }
      this.#control.sleep(Math.min(leftMs, PACE_SLICE_MS))
      this.advance()
    }
  }
}
