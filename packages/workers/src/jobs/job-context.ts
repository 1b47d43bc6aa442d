/**
 * What every job holds while it runs: the Env, memory, the open files (so that none outlives the job), the cancel flag.
 */
import { join } from 'node:path'
import { fileNumber, tableFileName, walFileName } from '@varve/storage'
import type { Env, File, OpenMode } from '@varve/storage'
import { JobCancelledError } from './job-failure.ts'
import type { JobMemory } from './job-memory.ts'
import type { JobRequest } from './job-protocol.ts'

/** How many entries a job handles between two looks at its cancel flag. A power of two. */
export const CANCEL_CHECK_ENTRY_COUNT = 1024

export class JobContext {
  readonly env: Env
  readonly memory: JobMemory
  readonly #directory: string
  readonly #cancelFlag: Int32Array
  readonly #open = new Set<File>()

  constructor(env: Env, request: JobRequest, memory: JobMemory) {
    this.env = env
    this.memory = memory
    this.#directory = request.directory
    this.#cancelFlag = new Int32Array(request.cancelFlag)
  }

  walPath(number: number): string {
    return join(this.#directory, walFileName(fileNumber(number)))
  }

  tablePath(number: number): string {
    return join(this.#directory, tableFileName(fileNumber(number)))
  }

  openTable(number: number, mode: OpenMode): File {
    const file = this.env.files.openSync(this.tablePath(number), mode)
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

  throwIfCancelled(): void {
    if (Atomics.load(this.#cancelFlag, 0) !== 0) {
      throw new JobCancelledError()
    }
  }
}
