/**
 * Runs one flush or compaction in the executor: fills in what all requests have in common, checks the result's counts,
 * and deletes what a failed job left behind. Keeps the tallies.
 */
import { join } from 'node:path'
import { assert, tableFileName, fileNumber, type Env, type TableMetadata, type VarveError } from '@varve/storage'
import {
  GRANDPARENT_OVERLAP_TABLE_COUNT_MAX,
  JobControl,
  createJobControl,
  jobError,
  type CompactionRequest,
  type FlushRequest,
  type JobExecutor,
  type JobFailure,
  type JobOutput,
  type JobRequest,
  type JobResult,
  type TableOptions,
  type VerifyRequest,
} from '@varve/workers'
import type { VersionSet } from '../version/version-set.ts'
import type { ObsoleteFiles } from './obsolete-files.ts'

/** Of the jobs of one kind; one that is split by key range counts as one. All but `runningCount` only grow. */
export interface JobStats {
  /** Those that succeeded. */
  readonly count: number
  /** Those that run or wait for a thread, each part for itself. */
  readonly runningCount: number
  /** Tries that failed; those that were cancelled by closing the store are among them. */
  readonly failedCount: number
  /** Milliseconds that those that succeeded took in their threads, the parts of each together. */
  readonly totalMs: number
  /** Milliseconds from the request to the result of those that succeeded, waits for threads included. */
  readonly elapsedMs: number
  /** Bytes of logs and tables. */
  readonly bytesRead: number
  /** Bytes of tables. */
  readonly bytesWritten: number
}

export type JobKind = JobRequest['type']

export interface JobRunnerSetup {
  readonly env: Pick<Env, 'clock'>
  readonly directory: string
  readonly table: TableOptions
  readonly executor: JobExecutor
  /** Draws file numbers. */
  readonly versions: Pick<VersionSet, 'takeFileNumbers'>
  readonly obsoleteFiles: ObsoleteFiles
  /** How fast jobs may write; see `BackgroundRate`. */
  readonly rate?: SharedArrayBuffer | undefined
  /** Sequences that readers may still ask for, ascending, the visible one last. */
  liveSequences(): number[]
  /** A job is found to hang. It fails when its thread is gone. */
  onHung(error: VarveError): void
}

type WritingRequest = FlushRequest | CompactionRequest
type Own<Request> = Omit<Request, 'directory' | 'table' | 'liveSequences' | 'outputNumbers' | 'control' | 'rate'>
export type JobSpecification = Own<FlushRequest> | Own<CompactionRequest>

/** One of the jobs that do a piece of work together. */
export interface JobPart {
  readonly specification: JobSpecification
  readonly inputSizeBytes: number
}

interface NumberRange {
  readonly first: number
  readonly count: number
}

type Tally = { -readonly [Key in keyof JobStats]: number }

export class JobRunner {
  readonly #setup: JobRunnerSetup
  /** Numbers of what running jobs may write, and of what finished ones wrote that no edit names yet. */
  readonly #outputs = new Map<object, readonly NumberRange[]>()
  readonly #tallies: Record<JobKind, Tally> = { flush: newTally(), compaction: newTally(), verify: newTally() }

  constructor(setup: JobRunnerSetup) {
    this.#setup = setup
  }

  statsOf(type: JobKind): JobStats {
    return { ...this.#tallies[type] }
  }

  /** What is at or below is seen by all readers, those to come included, or by none. */
  get oldestLiveSequence(): number {
    return this.#setup.liveSequences()[0] ?? 0
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
    return await this.runParts([{ specification, inputSizeBytes }], entriesIn)
  }

  /**
   * Runs parts of one piece of work at once, as far as there are places, for the same readers. Their tables come in the
   * order of the parts; if one part fails, all do.
   */
  async runParts(parts: readonly JobPart[], entriesIn: number): Promise<JobOutput> {
    const { executor, env } = this.#setup
    const beganMs = env.clock.nowMs()
    const requests = parts.map((part) => this.#requestOf(part))
    const ranges = requests.map(({ outputNumbers }) => outputNumbers)
    const tally = this.#tallies[(requests[0] as WritingRequest).type]
    tally.runningCount += requests.length
    this.#outputs.set(requests, ranges)
    const results = await Promise.all(
      requests.map(async (request) => {
        const result = await executor.run(request, (error) => this.#setup.onHung(error))
        tally.runningCount--
        if (!result.ok) {
          // What the others write is of no use.
          requests.forEach(({ control }) => new JobControl(control).cancel())
        }
        return result
      }),
    )
    this.#outputs.delete(requests)
    let output: JobOutput
    try {
      output = outputOf(results)
      checkConservation(output, entriesIn)
    } catch (error) {
      tally.failedCount++
      // No thread works on the parts any more.
      ranges.forEach((range) => this.#removeOutputs(range))
      throw error
    }
    this.#count(tally, beganMs, output)
    this.#outputs.set(output, ranges)
    return output
  }

  /** Runs a verification. What it finds is its failure, which is for the caller to judge: it is not thrown. */
  async verify(request: VerifyRequest): Promise<JobResult> {
    const { executor, env } = this.#setup
    const beganMs = env.clock.nowMs()
    const tally = this.#tallies.verify
    tally.runningCount++
    const result = await executor.run(request)
    tally.runningCount--
    if (result.ok) {
      this.#count(tally, beganMs, result)
    } else {
      tally.failedCount++
    }
    return result
  }

  #count(tally: Tally, beganMs: number, output: JobOutput): void {
    tally.count++
    tally.totalMs += output.durationMs
    tally.elapsedMs += this.#setup.env.clock.nowMs() - beganMs
    tally.bytesRead += output.bytesRead
    tally.bytesWritten += output.bytesWritten
  }

  #requestOf({ specification, inputSizeBytes }: JobPart): WritingRequest {
    const { directory, table, versions, rate } = this.#setup
    const count = outputCountMax(specification, inputSizeBytes, table.tableSizeBytes)
    const outputNumbers = { first: versions.takeFileNumbers(count), count }
    const liveSequences = this.#setup.liveSequences()
    const control = createJobControl()
    return { ...specification, directory, table, liveSequences, outputNumbers, control, rate }
  }

  /** The tables of a job are named by the current Version. */
  installed(output: JobOutput): void {
    this.#outputs.delete(output)
  }

  /** Whether a table is, or may become, the output of a job that no edit names yet. */
  isUnnamedOutput(number: number): boolean {
    return [...this.#outputs.values()].flat().some(({ first, count }) => number >= first && number < first + count)
  }

  /** Deletes the tables of finished jobs that no edit names. None may be about to. */
  discardUnnamed(): void {
    for (const outputNumbers of [...this.#outputs.values()].flat()) {
      this.#removeOutputs(outputNumbers)
    }
    this.#outputs.clear()
  }

  #removeOutputs({ first, count }: NumberRange): void {
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

/** Of all parts, as of one job. @throws VarveError, why the first of them failed, not that others were cancelled for it */
function outputOf(results: readonly JobResult[]): JobOutput {
  const outputs: JobOutput[] = []
  let failure: JobFailure | undefined
  for (const result of results) {
    if (result.ok) {
      outputs.push(result)
    } else if (failure === undefined || (failure.cancelled && !result.cancelled)) {
      failure = result
    }
  }
  if (failure !== undefined) {
    throw jobError(failure)
  }
  const sum = (pick: (output: JobOutput) => number): number =>
    outputs.reduce((total, output) => total + pick(output), 0)
  return {
    ok: true,
    tables: outputs.flatMap(({ tables }) => tables),
    entriesIn: sum(({ entriesIn }) => entriesIn),
    entriesOut: sum(({ entriesOut }) => entriesOut),
    entriesDropped: sum(({ entriesDropped }) => entriesDropped),
    bytesRead: sum(({ bytesRead }) => bytesRead),
    bytesWritten: sum(({ bytesWritten }) => bytesWritten),
    durationMs: sum(({ durationMs }) => durationMs),
  }
}

/**
 * An upper bound of what a merge of tables writes, but for the heads of entries: they may be compressed where its output
 * is not.
 */
export function mergedSizeBytesMax(tables: readonly TableMetadata[]): number {
  return tables.reduce(
    (sum, { sizeBytes, rawKeySizeBytes, rawValueSizeBytes }) =>
      sum + Math.max(sizeBytes, rawKeySizeBytes + rawValueSizeBytes),
    0,
  )
}

/** Entries into a job = entries out + entries dropped. */
function checkConservation(output: JobOutput, entriesIn: number): void {
  const inTables = output.tables.reduce((sum, table) => sum + table.entryCount, 0)
  assert(output.entriesIn === entriesIn, 'a job reads all entries of its inputs')
  assert(output.entriesIn === output.entriesOut + output.entriesDropped, 'a job loses no entry')
  assert(output.entriesOut === inTables, 'tables hold what a job put out')
}

function newTally(): Tally {
  return { count: 0, runningCount: 0, failedCount: 0, totalMs: 0, elapsedMs: 0, bytesRead: 0, bytesWritten: 0 }
}

/** Whether trying again later may help: the system refused, as it does while a disk is full. */
export function isTransient(error: VarveError): boolean {
  return error.code === 'VARVE_IO'
}

/** A failure that is not the system's is not tried for ever. */
export const TRIES_MAX = 3
