/**
 * Verifies an open store against its files:
 *
 * 1. While no edit is applied: CURRENT and the manifest are those of the open store, and the ledger is right.
 * 2. The live logs are the images of their memtables, as far as they are committed.
 * 3. The Version is held. Its runs do not overlap, and each of its tables is checked by a job of its own: short ones, so
 *    that flushes and compactions, which go first, never wait long. A table is compared with older runs one at a time,
 *    and only with tables whose sequences would allow a wrong order.
 *
 * What is wrong is found, not thrown; after a finding the rest is checked nevertheless.
 */
import { join } from 'node:path'
import { tableFileName, type Env } from '@varve/storage'
import {
  JobControl,
  createJobControl,
  jobError,
  type CompactionInput,
  type JobResult,
  type VerifyRequest,
} from '@varve/workers'
import { TRIES_MAX } from '../jobs/job-runner.ts'
import type { LongCall, LongCallOptions } from '../long-calls.ts'
import type { TableHandle } from '../version/table-handle.ts'
import type { Version } from '../version/version.ts'
import { Findings, type VerifyFinding } from './findings.ts'
import { checkLedger, type LedgerParts } from './ledger-check.ts'
import { checkManifest } from './manifest-check.ts'
import { checkRuns, suspectsOf } from './run-check.ts'
import { checkWals } from './wal-check.ts'

export interface VerifyProgress {
  readonly tableCount: number
  readonly doneTableCount: number
  readonly sizeBytes: number
  readonly doneSizeBytes: number
  readonly findingCount: number
}

export type VerifyOptions = LongCallOptions<VerifyProgress>

export interface VerifyReport {
  /** What is wrong; empty if nothing is. */
  readonly findings: readonly VerifyFinding[]
  readonly tableCount: number
  /** Entries of the tables, as the manifest knows them. */
  readonly entryCount: number
  /** Bytes of the tables. */
  readonly sizeBytes: number
  readonly durationMs: number
}

export interface VerificationSetup extends LedgerParts {
  readonly env: Env
  readonly directory: string
}

type Call = LongCall<VerifyProgress>

/** @throws VarveError: what ended the call, or VARVE_INTERNAL if jobs fail for no reason that lies in a file */
export async function verifyStore(setup: VerificationSetup, call: Call): Promise<VerifyReport> {
  const { env, directory, versions, memtables } = setup
  const { files, clock } = env
  const startedMs = clock.nowMs()
  const findings = new Findings()
  await versions.whileUnchanged(async () => {
    await checkManifest(files, directory, versions, findings)
    await checkLedger(files, directory, setup, findings)
  })
  await checkWals(files, memtables, findings, () => call.throwIfEnded())
  call.throwIfEnded()
  const version = versions.retainCurrent()
  const tables = new TableVerification(setup, version, findings, call)
  try {
    checkRuns(directory, version, findings)
    await tables.run()
  } finally {
    // A job that was ended may still read.
    const release = (): void => versions.release(version)
    void tables.whenIdle.then(release, release)
  }
  const { tableCount, entryCount, sizeBytes } = tables
  return { findings: findings.list, tableCount, entryCount, sizeBytes, durationMs: clock.nowMs() - startedMs }
}

class TableVerification {
  readonly tableCount: number
  readonly entryCount: number
  readonly sizeBytes: number
  /** Resolves when no job reads any table. */
  whenIdle: Promise<unknown> = Promise.resolve()
  readonly #setup: VerificationSetup
  readonly #runs: readonly (readonly TableHandle[])[]
  readonly #findings: Findings
  readonly #call: Call
  readonly #control = createJobControl()
  readonly #damaged = new Set<TableHandle>()

  constructor(setup: VerificationSetup, version: Version, findings: Findings, call: Call) {
    const tables = version.levels.flat()
    this.tableCount = tables.length
    this.entryCount = tables.reduce((sum, { metadata }) => sum + metadata.entryCount, 0)
    this.sizeBytes = tables.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0)
    this.#setup = setup
    this.#runs = version.runs()
    this.#findings = findings
    this.#call = call
    call.onEnded = () => new JobControl(this.#control).cancel()
  }

  /** Oldest first: a table that is found damaged is not compared with newer ones. */
  async run(): Promise<void> {
    let doneTableCount = 0
    let doneSizeBytes = 0
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      for (const table of this.#runs[i] ?? []) {
        await this.#check(table, this.#runs.slice(i + 1))
        doneTableCount++
        doneSizeBytes += table.metadata.sizeBytes
        const { tableCount, sizeBytes } = this
        const findingCount = this.#findings.count
        this.#call.tell({ tableCount, doneTableCount, sizeBytes, doneSizeBytes, findingCount })
      }
    }
  }

  async #check(table: TableHandle, olderRuns: readonly (readonly TableHandle[])[]): Promise<void> {
    const { directory } = this.#setup
    const suspects = olderRuns
      .map((run) => suspectsOf(table, run).filter((older) => !this.#damaged.has(older)))
      .filter((run) => run.length > 0)
    const result = await this.#runJob({
      type: 'verify',
      directory,
      control: this.#control,
      metadata: table.metadata,
      olderRuns: suspects.map((run) => run.map(inputOf)),
    })
    if (!result.ok) {
      this.#damaged.add(table)
      this.#findings.addError(jobError(result), join(directory, tableFileName(table.metadata.number)))
    }
  }

  /** A worker that dies says nothing of the table. */
  async #runJob(request: VerifyRequest): Promise<JobResult> {
    for (let tries = 1; ; tries++) {
      this.#call.throwIfEnded()
      const job = this.#setup.runner.verify(request)
      this.whenIdle = job
      const result = await this.#call.race(job)
      if (result.ok || result.code !== 'VARVE_INTERNAL' || tries === TRIES_MAX) {
        return result
      }
    }
  }
}

function inputOf({ metadata }: TableHandle): CompactionInput {
  const { number, sizeBytes, entryCount, smallestKey, largestKey } = metadata
  return { number, sizeBytes, entryCount, smallestKey, largestKey }
}
