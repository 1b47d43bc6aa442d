/**
 * Makes a checkpoint: a store of its own that holds this one as of one sequence number, all of it or nothing.
 *
 * 1. The active memtable is frozen; the newest sequence number issued is the checkpoint's. All memtables are flushed.
 * 2. In the step that installs the last of these flushes the Version is taken and held: its tables hold everything up to
 *    the sequence and nothing beyond, whatever was written, flushed or compacted meanwhile. While it is held, its tables
 *    stay.
 * 3. In `DIRECTORY.tmp`: the tables are linked, or copied and synced where the file system cannot link. A new manifest
 *    holds the full state, with log number 0, "no log"; CURRENT names it. All is synced, and so is the directory.
 * 4. It is renamed to DIRECTORY, and the directory above is synced.
 *
 * Nothing that is appended to is ever shared: tables are written once. A failure before 4 leaves the store as it was and
 * at most `DIRECTORY.tmp`; a crash too.
 */
import { join } from 'node:path'
import {
  IoError,
  ManifestWriter,
  assert,
  fileNumber,
  manifestFileName,
  replaceCurrent,
  sequenceNumber,
  tableFileName,
  type Env,
  type FileSystem,
  type TableMetadata,
} from '@varve/storage'
import type { LongCall, LongCallOptions } from '../long-calls.ts'
import { resolveDirectory } from '../recovery/directory.ts'
import type { Version } from '../version/version.ts'
import type { VersionSet } from '../version/version-set.ts'
import { CheckpointTarget } from './checkpoint-target.ts'

/** What systems say where a file cannot have a second name: not here, not across file systems, not one more. */
const CANNOT_LINK: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

export interface CheckpointProgress {
  readonly tableCount: number
  readonly doneTableCount: number
  readonly sizeBytes: number
  readonly doneSizeBytes: number
}

export type CheckpointOptions = LongCallOptions<CheckpointProgress>

/** What a checkpoint holds. */
export interface CheckpointReport {
  /** It holds every write up to this sequence number, and none beyond. */
  readonly sequence: number
  readonly tableCount: number
  /** Bytes of its tables. */
  readonly sizeBytes: number
  /** Tables that had to be copied; the others share their bytes with the store. */
  readonly copiedTableCount: number
}

export interface CheckpointSetup {
  readonly env: Env
  readonly directory: string
  readonly versions: VersionSet
  /** Flushes; calls back in the step in which tables hold everything up to a sequence and nothing beyond. */
  flush(onFlushed: (sequence: number) => void): Promise<void>
}

type Call = LongCall<CheckpointProgress>

interface Cut {
  readonly version: Version
  readonly sequence: number
}

/** @throws VarveError with VARVE_INVALID_ARGUMENT, VARVE_EXISTS, VARVE_IO, what a flush throws, what ends the call */
export async function makeCheckpoint(setup: CheckpointSetup, directory: string, call: Call): Promise<CheckpointReport> {
  const { files } = setup.env
  const target = new CheckpointTarget(files, setup.directory, resolveDirectory(directory))
  const lock = await target.claim()
  try {
    const cut = await takeCut(setup, call)
    try {
      return await writeCheckpoint(setup, target, cut, call)
    } finally {
      setup.versions.release(cut.version)
    }
  } catch (error) {
    await target.abandon()
    throw error
  } finally {
    await lock.release()
  }
}

/** The caller releases the Version. */
async function takeCut(setup: CheckpointSetup, call: Call): Promise<Cut> {
  const { versions } = setup
  const cuts: Cut[] = []
  const onFlushed = (sequence: number): void => {
    // A call that was ended has gone on without it, and would never release it.
    if (!call.isEnded) {
      cuts.push({ version: versions.retainCurrent(), sequence })
    }
  }
  try {
    call.throwIfEnded()
    await call.race(setup.flush(onFlushed))
    const [cut] = cuts
    assert(cut !== undefined, 'a flush that succeeds has had its last step')
    return cut
  } catch (error) {
    for (const { version } of cuts) {
      versions.release(version)
    }
    throw error
  }
}

async function writeCheckpoint(
  { env, directory }: CheckpointSetup,
  target: CheckpointTarget,
  { version, sequence }: Cut,
  call: Call,
): Promise<CheckpointReport> {
  const { files } = env
  const tables = version.levels.flat().map((table) => table.metadata)
  const sizeBytes = tables.reduce((sum, table) => sum + table.sizeBytes, 0)
  let copiedTableCount = 0
  let doneSizeBytes = 0
  for (const [i, table] of tables.entries()) {
    call.throwIfEnded()
    copiedTableCount += (await takeOver(files, table, directory, target.temporaryPath)) === 'copied' ? 1 : 0
    doneSizeBytes += table.sizeBytes
    call.tell({ tableCount: tables.length, doneTableCount: i + 1, sizeBytes, doneSizeBytes })
  }
  await writeManifest(files, target.temporaryPath, version, sequence)
  call.throwIfEnded()
  await publish(files, target)
  return { sequence, tableCount: tables.length, sizeBytes, copiedTableCount }
}

async function takeOver(
  files: FileSystem,
  table: TableMetadata,
  from: string,
  to: string,
): Promise<'linked' | 'copied'> {
  const name = tableFileName(table.number)
  const path = join(to, name)
  try {
    await files.link(join(from, name), path)
    return 'linked'
  } catch (error) {
    if (!(error instanceof IoError && CANNOT_LINK.has(error.systemCode))) {
      throw error
    }
  }
  await files.copy(join(from, name), path)
  const copy = await files.open(path, 'update')
  try {
    await copy.dataSync()
  } finally {
    await copy.close()
  }
  return 'copied'
}

/** File numbers are the checkpoint's own: behind those of its tables. */
async function writeManifest(files: FileSystem, directory: string, version: Version, sequence: number): Promise<void> {
  const added = version.toAdded()
  const number = fileNumber(added.reduce((largest, { table }) => Math.max(largest, table.number), 0) + 1)
  const manifest = await ManifestWriter.create(files, join(directory, manifestFileName(number)), number, {
    logNumber: fileNumber(0),
    nextFileNumber: number + 1,
    lastSequence: sequenceNumber(sequence),
    added,
  })
  await manifest.close()
  await files.syncDirectory(directory)
  await replaceCurrent(files, directory, number)
}

async function publish(files: FileSystem, target: CheckpointTarget): Promise<void> {
  // A directory that is empty would be replaced.
  await target.checkMissing()
  await files.rename(target.temporaryPath, target.path)
  try {
    await files.syncDirectory(target.parentPath)
  } catch (error) {
    // Whole, but perhaps not for long: what is told as failed is taken back. If that fails too, it stays whole.
    await files.rename(target.path, target.temporaryPath).catch(() => undefined)
    throw error
  }
}
