/**
 * Runs one flush or compaction in the executor: fills in what all requests have in common, checks the result's counts,
 * and deletes what a failed job left behind. Keeps the tallies.
 */
import { join } from 'node:path'
import { assert, tableFileName, fileNumber, type VarveError } from '@varve/storage'
import {
  GRANDPARENT_OVERLAP_TABLE_COUNT_MAX,
  createJobControl,
  jobError,
  type CompactionRequest,
  type FlushRequest,
  type JobExecutor,
  type JobOutput,
  type JobRequest,
  type TableOptions,
} from '@varve/workers'
import type { VersionSet } from '../version/version-set.ts'
import type { ObsoleteFiles } from './obsolete-files.ts'

export interface JobStats {
  readonly count: number
  readonly runningCount: number
  readonly failedCount: number
  readonly totalMs: number
  readonly bytesRead: number
  readonly bytesWritten: number
}

export interface JobRunnerSetup {
  readonly directory: string
  readonly table: TableOptions
  readonly executor: JobExecutor
  /** Draws file numbers. */
  readonly versions: Pick<VersionSet, 'takeFileNumbers'>
  readonly obsoleteFiles: ObsoleteFiles
  /** Sequences that readers may still ask for, ascending, the visible one last. */
  liveSequences(): number[]
  /** A job is found to hang. It fails when its thread is gone. */
  onHung(error: VarveError): void
}

type Own<Request> = Omit<Request, 'directory' | 'table' | 'liveSequences' | 'outputNumbers' | 'control'>
export type JobSpecification = Own<FlushRequest> | Own<CompactionRequest>

type Tally = { -readonly [Key in keyof JobStats]: number }

export class JobRunner {
  readonly #setup: JobRunnerSetup
  /** First numbers and counts of what running jobs may write, and of what finished ones wrote that no edit names yet. */
  readonly #outputs = new Map<object, { readonly first: number; readonly count: number }>()
  readonly #tallies: Record<JobSpecification['type'], Tally> = { flush: newTally(), compaction: newTally() }

  constructor(setup: JobRunnerSetup) {
    this.#setup = setup
  }

  statsOf(type: JobSpecification['type']): JobStats {
    return { ...this.#tallies[type] }
  }

  get compactionCountMax(): number {
    return this.#setup.executor.compactionCountMax
  }

  /**
   * @param inputSizeBytes an upper bound of what will be written, from which the number of outputs follows
   * @param entriesIn how many entries the job must find
   * @throws VarveError if it failed; nothing durable has changed then
   */
  async run(specification: JobSpecification, inputSizeBytes: number, entriesIn: number): Promise<JobOutput> {
    const { directory, table, executor, versions } = this.#setup
    const tally = this.#tallies[specification.type]
    const count = outputCountMax(specification, inputSizeBytes, table.tableSizeBytes)
    const outputNumbers = { first: versions.takeFileNumbers(count), count }
    const liveSequences = this.#setup.liveSequences()
    const control = createJobControl()
    const request: JobRequest = { ...specification, directory, table, liveSequences, outputNumbers, control }
    tally.runningCount++
    this.#outputs.set(outputNumbers, outputNumbers)
    const result = await executor.run(request, (error) => this.#setup.onHung(error))
    tally.runningCount--
    this.#outputs.delete(outputNumbers)
    try {
      if (!result.ok) {
        throw jobError(result)
      }
      checkConservation(result, entriesIn)
    } catch (error) {
      tally.failedCount++
      // No thread works on the job any more.
      this.#removeOutputs(outputNumbers)
      throw error
    }
    tally.count++
    tally.totalMs += result.durationMs
    tally.bytesRead += result.bytesRead
    tally.bytesWritten += result.bytesWritten
    this.#outputs.set(result, outputNumbers)
    return result
  }

  /** The tables of a job are named by the current Version. */
  installed(output: JobOutput): void {
    this.#outputs.delete(output)
  }

  /** Whether a table is, or may become, the output of a job that no edit names yet. */
  isUnnamedOutput(number: number): boolean {
    return [...this.#outputs.values()].some(({ first, count }) => number >= first && number < first + count)
  }

  /** Deletes the tables of finished jobs that no edit names. None may be about to. */
  discardUnnamed(): void {
    for (const outputNumbers of this.#outputs.values()) {
      this.#removeOutputs(outputNumbers)
    }
    this.#outputs.clear()
  }

  #removeOutputs({ first, count }: { readonly first: number; readonly count: number }): void {
    for (let number = first; number < first + count; number++) {
      this.#setup.obsoleteFiles.remove(join(this.#setup.directory, tableFileName(fileNumber(number))))
    }
  }
}

/** Tables may be cut from half of their size on, and where they overlap enough of those below. */
function outputCountMax(specification: JobSpecification, inputSizeBytes: number, tableSizeBytes: number): number {
  const grandparents = specification.type === 'compaction' ? specification.grandparents : []
  const overlapped = grandparents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const cutCount = overlapped / (tableSizeBytes * GRANDPARENT_OVERLAP_TABLE_COUNT_MAX)
  return Math.floor((2 * inputSizeBytes) / tableSizeBytes) + Math.floor(cutCount) + 2
}

/** Entries into a job = entries out + entries dropped. */
function checkConservation(output: JobOutput, entriesIn: number): void {
  const inTables = output.tables.reduce((sum, table) => sum + table.entryCount, 0)
  assert(output.entriesIn === entriesIn, 'a job reads all entries of its inputs')
  assert(output.entriesIn === output.entriesOut + output.entriesDropped, 'a job loses no entry')
  assert(output.entriesOut === inTables, 'tables hold what a job put out')
}

function newTally(): Tally {
  return { count: 0, runningCount: 0, failedCount: 0, totalMs: 0, bytesRead: 0, bytesWritten: 0 }
}

/** Whether trying again later may help: the system refused, as it does while a disk is full. */
export function isTransient(error: VarveError): boolean {
  return error.code === 'VARVE_IO'
}

/** A failure that is not the system's is not tried for ever. */
export const TRIES_MAX = 3
