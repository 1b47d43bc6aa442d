/**
 * Makes of what can be read in a directory a store that opens. Nothing that was found is changed or deleted:
 *
 * 1. CURRENT and the manifests say how the tables belong together, as far as they can be read (manifest-survey.ts).
 * 2. Every table is read in full. If nothing at all is wrong, it ends here.
 * 3. What can be read of damaged tables and of the logs is written into new tables, which nothing names yet.
 * 4. If the manifest is whole, tables keep their levels, and a copy takes the place of what it is a copy of. Else all
 *    tables that no edit has deleted are merged into one run: the newest version of a key wins.
 * 5. A new log and a new manifest, durable. Then the old manifests, and then the other files that the new one does not
 *    name, are moved to lost/. At last CURRENT names the new manifest.
 *
 * A crash before the old manifests are moved leaves the store as it was, with some files more. After that the new
 * manifest is the newest one: open refuses, and repairing again goes on from there.
 */
import { join } from 'node:path'
import {
  CURRENT_FILE_NAME,
  CorruptionError,
  LEVEL_COUNT,
  ManifestWriter,
  SEQUENCE_MAX,
  fileNumber,
  isNotFound,
  manifestFileName,
  parseFileName,
  replaceCurrent,
  sequenceNumber,
  tableFileName,
  type AddedTable,
  type Env,
  type FileNumber,
  type TableMetadata,
} from '@varve/storage'
import type { JobExecutor, TableOptions } from '@varve/workers'
import { JobRunner } from '../jobs/job-runner.ts'
import { ObsoleteFiles } from '../jobs/obsolete-files.ts'
import { lostNames, setAside } from '../recovery/lost-files.ts'
import { nextNumberOf, numbersOf } from '../recovery/recover-store.ts'
import { replayWals } from '../recovery/wal-replay.ts'
import { Version } from '../version/version.ts'
import { Wal } from '../wal/wal.ts'
import { LogRepair } from './log-repair.ts'
import { surveyManifests, type ManifestSurvey } from './manifest-survey.ts'
import { lostKeys, type LostPart, type RepairReport } from './repair-report.ts'
import { mergeTables } from './table-merge.ts'
import { examineTable, salvageInto, type TableFinding } from './table-repair.ts'

export interface RepairSetup {
  readonly env: Env
  readonly directory: string
  readonly executor: JobExecutor
  readonly table: TableOptions
}

const DEEPEST_LEVEL = LEVEL_COUNT - 1

/**
 * The directory is locked. What it throws, it throws before anything that was found is moved, or while it moves: then
 * repairing again goes on. @throws UnsupportedError, IoError, CorruptionError if lost/ is no directory
 */
export async function repairStore(setup: RepairSetup, names: readonly string[]): Promise<RepairReport> {
  const repair = new StoreRepair(setup, names)
  try {
    return await repair.run()
  } finally {
    // Nothing may be deleted any more when the lock is free: another try may use the same numbers.
    await repair.whenIdle()
  }
}

class StoreRepair {
  readonly #setup: RepairSetup
  readonly #names: readonly string[]
  readonly #obsoleteFiles: ObsoleteFiles
  readonly #runner: JobRunner
  readonly #findings = new Map<FileNumber, TableFinding>()
  readonly #lost: LostPart[] = []
  readonly #faults: string[] = []
  /** Files from this number on were made by this repair. */
  #firstOwnNumber = 1
  #nextFileNumber = 1
  #lastSequence = 0

  constructor(setup: RepairSetup, names: readonly string[]) {
    this.#setup = setup
    this.#names = names
    this.#obsoleteFiles = new ObsoleteFiles(setup.env.files, (error) => this.#faults.push(String(error)))
    this.#runner = new JobRunner({
      ...setup,
      versions: { takeFileNumbers: (count) => this.#takeFileNumbers(count) },
      obsoleteFiles: this.#obsoleteFiles,
      // Everything that was read is visible.
      liveSequences: () => [SEQUENCE_MAX],
      onHung: (error) => this.#faults.push(error.message),
    })
  }

  async run(): Promise<RepairReport> {
    const { env, directory } = this.#setup
    const survey = await surveyManifests(env, directory, this.#names)
    this.#faults.push(...survey.faults)
    await this.#examineTables(survey)
    if (await this.#isSound(survey)) {
      return this.#report(
        false,
        false,
        [...survey.tables.values()].map(({ table }) => table),
        [],
      )
    }
    const kept = [...this.#names, ...(await lostNames(env.files, directory)).map((name) => name.replace(/\.\d+$/, ''))]
    this.#firstOwnNumber = Math.max(survey.nextFileNumber, nextNumberOf(kept, directory))
    this.#nextFileNumber = this.#firstOwnNumber
    const known = await this.#keepTables(survey)
    const logs = new LogRepair(this.#setup, this.#runner, this.#lost)
    const ofLogs = await logs.run(this.#names, survey, this.#lastSequence)
    this.#lastSequence = Math.max(this.#lastSequence, logs.lastSequence)
    const inPlace = [...known, ...ofLogs]
    const isInPlace = survey.isCurrent && isConsistent(inPlace)
    const added = isInPlace ? inPlace : await this.#merged(inPlace)
    const setAsideNames = await this.#commit(added, survey)
    return this.#report(
      true,
      !isInPlace,
      added.map(({ table }) => table),
      setAsideNames,
    )
  }

  async whenIdle(): Promise<void> {
    await this.#obsoleteFiles.whenIdle()
  }

  /** Reads every table that counts: those that the manifest names, or all that it does not know to be deleted. */
  async #examineTables(survey: ManifestSurvey): Promise<void> {
    const { env, directory } = this.#setup
    const found = numbersOf('table', this.#names).filter((number) => !survey.deleted.has(number))
    const numbers = survey.isCurrent ? [] : found
    this.#lastSequence = survey.lastSequence
    for (const number of new Set([...[...survey.tables.keys()].map(fileNumber), ...numbers])) {
      const known = survey.tables.get(number)?.table
      const finding = examineTable(env, directory, number, known)
      this.#findings.set(number, finding)
      const metadata = finding.kind === 'sound' ? finding.metadata : known
      this.#lastSequence = Math.max(this.#lastSequence, metadata?.largestSequence ?? 0)
      // A table takes its time; what waits for the event loop goes first.
      await new Promise<void>((resolve) => env.scheduler.immediate(resolve))
    }
  }

  /** Whether an open would find nothing wrong. */
  async #isSound(survey: ManifestSurvey): Promise<boolean> {
    const { env, directory } = this.#setup
    const isUnused = survey.tables.size === 0 && this.#findings.size === 0 && !this.#names.includes(CURRENT_FILE_NAME)
    if (!isUnused && (!survey.isCurrent || !survey.isNamed)) {
      return false
    }
    if (
      [...this.#findings.values()].some(({ kind }) => kind !== 'sound') ||
      !isConsistent([...survey.tables.values()])
    ) {
      return false
    }
    const logNumbers = numbersOf('wal', this.#names).filter((number) => number >= survey.logNumber)
    try {
      if (survey.logNumber !== 0 && !logNumbers.includes(survey.logNumber)) {
        return false
      }
      const { wals } = await replayWals(env, directory, logNumbers, survey)
      return !isUnused || wals.length === 0
    } catch (error) {
      if (error instanceof CorruptionError || isNotFound(error)) {
        return false
      }
      throw error
    }
  }

  /** Sound tables as they are, and new ones with what can be read of the others. */
  async #keepTables(survey: ManifestSurvey): Promise<AddedTable[]> {
    const { env, directory, table: options } = this.#setup
    const kept: AddedTable[] = []
    for (const [number, finding] of this.#findings) {
      const known = survey.tables.get(number)
      const place = { level: known?.level ?? 0, run: known?.run ?? 0 }
      const { smallestKey, largestKey } = known?.table ?? {}
      if (finding.kind === 'sound') {
        kept.push({ ...place, table: finding.metadata })
      } else if (finding.kind === 'lost') {
        this.#lost.push(lostKeys(tableFileName(number), finding.reason, smallestKey, largestKey))
      } else {
        const into = fileNumber(this.#takeFileNumbers(1))
        const { metadata, lost } = await salvageInto(env, directory, number, into, known?.table, options)
        this.#lost.push(...lost)
        if (lost.length === 0) {
          this.#faults.push(`${finding.error.message}; all of its entries could be read`)
        }
        if (metadata !== undefined) {
          this.#lastSequence = Math.max(this.#lastSequence, metadata.largestSequence)
          kept.push({ ...place, table: metadata })
        }
      }
    }
    return kept
  }

  async #merged(tables: readonly AddedTable[]): Promise<AddedTable[]> {
    const merged = await mergeTables(
      this.#runner,
      tables.map(({ table }) => table),
    )
    return merged.map((table) => ({ level: DEEPEST_LEVEL, run: 0, table }))
  }

  async #commit(added: readonly AddedTable[], survey: ManifestSurvey): Promise<string[]> {
    const { env, directory } = this.#setup
    const { files } = env
    const wal = new Wal(env, directory, fileNumber(this.#takeFileNumbers(1)))
    await wal.ready
    if (wal.failure !== undefined) {
      throw wal.failure
    }
    await wal.close()
    const number = fileNumber(this.#takeFileNumbers(1))
    const manifest = await ManifestWriter.create(files, join(directory, manifestFileName(number)), number, {
      logNumber: wal.number,
      nextFileNumber: this.#nextFileNumber,
      lastSequence: sequenceNumber(this.#lastSequence),
      added,
    })
    await manifest.close()
    await files.syncDirectory(directory)
    const live = new Set(added.map(({ table }) => tableFileName(table.number)))
    const obsolete = this.#names.filter((name) => parseFileName(name) !== undefined && !live.has(name))
    const isManifest = (name: string): boolean => parseFileName(name)?.kind === 'manifest'
    const isLostCurrent = this.#names.includes(CURRENT_FILE_NAME) && !survey.isNamed
    const manifests = [...obsolete.filter(isManifest), ...(isLostCurrent ? [CURRENT_FILE_NAME] : [])]
    const lost = [
      ...(await setAside(files, directory, manifests)),
      ...(await setAside(
        files,
        directory,
        obsolete.filter((name) => !isManifest(name)),
      )),
    ]
    await replaceCurrent(files, directory, number)
    await this.#removeUnused(live)
    return lost.map(({ lostName }) => lostName)
  }

  /** Tables that were only a step on the way. */
  async #removeUnused(live: ReadonlySet<string>): Promise<void> {
    const { env, directory } = this.#setup
    for (const name of await env.files.list(directory)) {
      const file = parseFileName(name)
      if (file?.kind === 'table' && file.number >= this.#firstOwnNumber && !live.has(name)) {
        this.#obsoleteFiles.remove(join(directory, name))
      }
    }
  }

  #report(
    wasDamaged: boolean,
    wasRebuilt: boolean,
    tables: readonly TableMetadata[],
    setAsideNames: readonly string[],
  ): RepairReport {
    return {
      wasDamaged,
      faults: this.#faults,
      lost: this.#lost,
      wasRebuilt,
      tableCount: tables.length,
      entryCount: tables.reduce((sum, table) => sum + table.entryCount, 0),
      lastSequence: this.#lastSequence,
      setAsideNames,
    }
  }

  #takeFileNumbers(count: number): number {
    const first = this.#nextFileNumber
    this.#nextFileNumber += count
    return first
  }
}

/** Whether tables may stand where they are said to. */
function isConsistent(tables: readonly AddedTable[]): boolean {
  try {
    Version.empty().apply({ added: tables }).checkInvariants()
    return true
  } catch {
    // An assertion about them: what they say of themselves contradicts it.
    return false
  }
}
