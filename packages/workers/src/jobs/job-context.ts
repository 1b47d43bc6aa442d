/**
 * What every job holds while it runs: the Env, memory, the open files (so that none outlives the job), and its control
 * memory, through which it is cancelled and shows that it gets on.
 */
import { join } from 'node:path'
import { fileNumber, tableFileName, walFileName } from '@varve/storage'
import type { Env, File, OpenMode } from '@varve/storage'
import { JobControl } from './job-control.ts'
import { JobCancelledError } from './job-failure.ts'
import type { JobMemory } from './job-memory.ts'
import type { JobRequest } from './job-protocol.ts'
import { WatchedFile } from './watched-file.ts'

/** How many entries a job handles between two calls of `advance`. A power of two. */
export const ADVANCE_ENTRY_COUNT = 1024

export class JobContext {
  readonly env: Env
  readonly memory: JobMemory
  readonly #directory: string
  readonly #control: JobControl
  readonly #open = new Set<File>()
  readonly #onOperation = (): void => this.advance()

  constructor(env: Env, request: JobRequest, memory: JobMemory) {
    this.env = env
    this.memory = memory
    this.#directory = request.directory
    this.#control = new JobControl(request.control)
  }

  walPath(number: number): string {
    return join(this.#directory, walFileName(fileNumber(number)))
  }

  tablePath(number: number): string {
    return join(this.#directory, tableFileName(fileNumber(number)))
  }

  openTable(number: number, mode: OpenMode): File {
    const file = new WatchedFile(this.env.files.openSync(this.tablePath(number), mode), this.#onOperation)
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
}
