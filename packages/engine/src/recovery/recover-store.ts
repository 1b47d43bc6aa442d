/**
 * Opens what a directory holds, or makes a new store in it. Crashing at any point of this leaves a directory that opens.
 *
 * 1. CURRENT names the manifest, the manifest the tables and the first log that still counts. Every table must be there
 *    with its size.
 * 2. The logs are replayed into tables, by the same jobs that flush memtables. What was only read may live in the page
 *    cache alone: nothing that was found is appended to, neither log nor manifest.
 * 3. A new log, a new manifest with the full state and, for a new store, the way to its directory are made durable. Then
 *    CURRENT is replaced.
 *    Until then nothing of what was found has been changed.
 * 4. Then, and only then, files that nothing names any more are deleted. What held unacknowledged groups behind a torn
 *    place is moved to lost/, and so are unnamed tables if the manifest's own tail was cut.
 */
import { join } from 'node:path'
import {
  AssertionError,
  CURRENT_FILE_NAME,
  CURRENT_TEMPORARY_FILE_NAME,
  CorruptionError,
  FILE_NUMBER_MAX,
  allDone,
  fileNumber,
  manifestFileName,
  parseFileName,
  readCurrent,
  readManifest,
  sequenceNumber,
  tableFileName,
  toVarveError,
  walFileName,
  type AddedTable,
  type Env,
  type FileNumber,
  type NumberedFileKind,
  type VarveError,
} from '@varve/storage'
import { JobRunner, TRIES_MAX, isTransient } from '../jobs/job-runner.ts'
import type { ObsoleteFiles } from '../jobs/obsolete-files.ts'
import { VersionSet, type VersionSetHooks } from '../version/version-set.ts'
import { Version } from '../version/version.ts'
import { Wal } from '../wal/wal.ts'
import type { JobExecutor, JobOutput, TableOptions } from '@varve/workers'
import { notFound, syncAncestors, type LockedDirectory } from './directory.ts'
import { setAside } from './lost-files.ts'
import { replayEdits, type ManifestState } from './manifest-state.ts'
import { replayWals, type LogsOfManifest, type ReplayedWal, type WalReplay } from './wal-replay.ts'

export interface RecoverySetup {
  readonly env: Env
  readonly directory: string
  readonly executor: JobExecutor
  readonly table: TableOptions
  readonly manifestRotationSizeBytes: number
  readonly obsoleteFiles: ObsoleteFiles
  readonly versionHooks: VersionSetHooks
  onHung(error: VarveError): void
}

export interface RecoveredStore {
  readonly versions: VersionSet
  readonly firstWal: Wal
  readonly lastSequence: number
  readonly report: RecoveryReport
}

/** What opening found and did. */
export interface RecoveryReport {
  readonly isNew: boolean
  readonly replayedWalCount: number
  readonly replayedEntryCount: number
  /** Bytes of groups that were never acknowledged as durable and are gone. */
  readonly tornSizeBytes: number
  /** Files that were moved to lost/. */
  readonly lostFileNames: readonly string[]
}

interface FoundState extends ManifestState {
  readonly manifestWasTorn: boolean
}

/** Of a new store, and of a checkpoint that was never opened: it has its tables alone. */
const NO_LOG: FileNumber = fileNumber(0)

/** What a manifest would say if there were one. */
const NO_LOGS: LogsOfManifest = { logNumber: NO_LOG, lastSequence: 0, closedWals: [] }

/** @throws CorruptionError, UnsupportedError, IoError */
export async function recoverStore(setup: RecoverySetup, found: LockedDirectory): Promise<RecoveredStore> {
  const { env, directory } = setup
  const state = found.holdsStore ? await readState(setup, found.names) : await emptyState(setup, found.names)
  if (!found.holdsStore && !found.mayCreate) {
    throw notFound(directory)
  }
  const walNumbers = numbersOf('wal', found.names).filter((number) => number >= state.logNumber)
  const replay = await replayWals(env, directory, walNumbers, state)
  const versions = new VersionSet(env, directory, state, setup.manifestRotationSizeBytes, setup.versionHooks)
  const added = await flushReplayed(setup, versions, replay)
  const firstWal = new Wal(env, directory, fileNumber(versions.takeFileNumbers(1)))
  let lostFileNames: string[]
  try {
    // A checkpoint may have been renamed into its place by a process that died before that was durable.
    const isFirstOpen = state.logNumber === NO_LOG
    await versions.begin({ added, logNumber: firstWal.number, lastSequence: sequenceNumber(replay.lastSequence) }, [
      whenUsable(firstWal),
      ...(isFirstOpen ? [syncAncestors(env.files, directory)] : []),
    ])
    lostFileNames = await clearAway(setup, versions, firstWal.number, replay.cutOff, state.manifestWasTorn)
  } catch (error) {
    await Promise.allSettled([firstWal.close(), versions.close()])
    throw error
  }
  const report: RecoveryReport = {
    isNew: !found.holdsStore,
    replayedWalCount: replay.wals.length,
    replayedEntryCount: replay.wals.reduce((sum, wal) => sum + wal.entryCount, 0),
    tornSizeBytes: replay.tornSizeBytes,
    lostFileNames,
  }
  return { versions, firstWal, lastSequence: replay.lastSequence, report }
}

async function whenUsable(wal: Wal): Promise<void> {
  await wal.ready
  if (wal.failure !== undefined) {
    throw wal.failure
  }
}

async function readState(setup: RecoverySetup, names: readonly string[]): Promise<FoundState> {
  const { env, directory } = setup
  const number = await readCurrent(env.files, directory)
  const path = join(directory, manifestFileName(number))
  if (!names.includes(manifestFileName(number))) {
    throw new CorruptionError(
      join(directory, CURRENT_FILE_NAME),
      0,
      `it names ${manifestFileName(number)}, which is missing`,
    )
  }
  const { edits, tornSizeBytes } = await readManifest(env.files, path, number)
  const state = replayEdits(edits, path)
  const { version, logNumber, lastSequence } = state
  if (logNumber !== NO_LOG && !names.includes(walFileName(logNumber))) {
    throw new CorruptionError(
      join(directory, walFileName(logNumber)),
      0,
      'the manifest names this log, and it is missing',
    )
  }
  await checkTables(setup, version, lastSequence)
  const nextFileNumber = Math.max(state.nextFileNumber, nextNumberOf(names, directory))
  checkFileNumber(nextFileNumber, path)
  return { ...state, nextFileNumber, manifestWasTorn: tornSizeBytes > 0 }
}

/** What a crash while a store was being made leaves is nothing. Anything more means that CURRENT was lost. */
async function emptyState({ env, directory }: RecoverySetup, names: readonly string[]): Promise<FoundState> {
  const walNumbers = numbersOf('wal', names)
  const replay = await replayWals(env, directory, walNumbers, NO_LOGS)
  if (numbersOf('table', names).length > 0 || replay.wals.length > 0 || replay.cutOff.length > 0) {
    throw new CorruptionError(
      join(directory, CURRENT_FILE_NAME),
      0,
      'it is missing, though there are tables or logs with writes',
    )
  }
  return {
    ...NO_LOGS,
    version: Version.empty(),
    nextFileNumber: nextNumberOf(names, directory),
    manifestWasTorn: false,
  }
}

async function checkTables({ env, directory }: RecoverySetup, version: Version, lastSequence: number): Promise<void> {
  for (const { metadata } of version.levels.flat()) {
    const path = join(directory, tableFileName(metadata.number))
    if (metadata.largestSequence > lastSequence) {
      throw new CorruptionError(
        path,
        0,
        `it holds sequence ${metadata.largestSequence}, beyond the manifest's last, ${lastSequence}`,
      )
    }
    if ((await env.files.kindOf(path)) !== 'file') {
      throw new CorruptionError(path, 0, 'the manifest names this table, and it is missing')
    }
    const sizeBytes = await env.files.sizeOf(path)
    if (sizeBytes !== metadata.sizeBytes) {
      throw new CorruptionError(
        path,
        Math.min(sizeBytes, metadata.sizeBytes),
        `it has ${sizeBytes} bytes instead of ${metadata.sizeBytes}`,
      )
    }
  }
}

async function flushReplayed(setup: RecoverySetup, versions: VersionSet, replay: WalReplay): Promise<AddedTable[]> {
  const runner = new JobRunner({ ...setup, versions, liveSequences: () => [replay.lastSequence] })
  const flushed = await allDone(
    replay.wals.map(async (wal) => {
      const output = await flushLog(runner, wal)
      return output.tables.map((table) => ({ level: 0, run: wal.firstSequence, table }))
    }),
  )
  return flushed.flat()
}

/** A thread that dies is no reason to stay closed. What the system refuses is for the caller to mend. */
async function flushLog(runner: JobRunner, wal: ReplayedWal): Promise<JobOutput> {
  for (let tries = 1; ; tries++) {
    try {
      return await runner.run(
        {
          type: 'flush',
          outputLevel: 0,
          walNumber: wal.number,
          arena: wal.image,
          committedSizeBytes: wal.committedSizeBytes,
        },
        wal.committedSizeBytes,
        wal.entryCount,
      )
    } catch (error) {
      if (error instanceof AssertionError || isTransient(toVarveError(error)) || tries === TRIES_MAX) {
        throw error
      }
    }
  }
}

/** Removes what the new manifest does not name; returns the names of what was moved to lost/ instead. */
async function clearAway(
  { env, directory, obsoleteFiles }: RecoverySetup,
  versions: VersionSet,
  logNumber: FileNumber,
  cutOffWals: readonly FileNumber[],
  manifestWasTorn: boolean,
): Promise<string[]> {
  const live = new Set(versions.current.levels.flat().map((table) => table.metadata.number))
  const lost: string[] = []
  for (const name of await env.files.list(directory)) {
    const file = parseFileName(name)
    const isObsolete =
      (file?.kind === 'wal' && file.number < logNumber) ||
      (file?.kind === 'table' && !live.has(file.number)) ||
      (file?.kind === 'manifest' && file.number !== versions.manifestNumber)
    const isWorthKeeping =
      file !== undefined && (cutOffWals.includes(file.number) || (file.kind === 'table' && manifestWasTorn))
    if (isObsolete && isWorthKeeping) {
      lost.push(name)
    } else if (isObsolete || name === CURRENT_TEMPORARY_FILE_NAME) {
      obsoleteFiles.remove(join(directory, name))
    }
  }
  return (await setAside(env.files, directory, lost)).map(({ lostName }) => lostName)
}

export function numbersOf(kind: NumberedFileKind, names: readonly string[]): FileNumber[] {
  return names
    .flatMap((name) => parseFileName(name) ?? [])
    .filter((file) => file.kind === kind)
    .map((file) => file.number)
    .toSorted((a, b) => a - b)
}

/** The number behind those of all files that are there. @throws CorruptionError if one has a number that none can have */
export function nextNumberOf(names: readonly string[], directory: string): number {
  let largest = 0
  for (const name of names) {
    const number = parseFileName(name)?.number ?? 0
    checkFileNumber(number, join(directory, name))
    largest = Math.max(largest, number)
  }
  return largest + 1
}

/** Numbers are drawn one by one: no store gets that far, and beyond their end a manifest could not be named any more. */
function checkFileNumber(number: number, path: string): void {
  if (number > FILE_NUMBER_MAX / 10) {
    throw new CorruptionError(path, 0, `no store has reached file number ${number}`)
  }
}
