/**
 * The ledger: every file in the directory is one that the store knows of, CURRENT and LOCK are there. While a store
 * works it also knows of files that jobs write, that readers hold, and that are about to be deleted.
 */
import { join } from 'node:path'
import {
  CURRENT_FILE_NAME,
  LOCK_FILE_NAME,
  LOST_DIRECTORY_NAME,
  parseFileName,
  type FileNumber,
  type FileSystem,
} from '@varve/storage'
import type { JobRunner } from '../jobs/job-runner.ts'
import type { ObsoleteFiles } from '../jobs/obsolete-files.ts'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import type { VersionSet } from '../version/version-set.ts'
import type { Findings } from './findings.ts'

export interface LedgerParts {
  readonly versions: VersionSet
  readonly memtables: MemtableQueue
  readonly runner: JobRunner
  readonly obsoleteFiles: ObsoleteFiles
}

/** No edit may be under way: a manifest that is being made is not known yet. */
export async function checkLedger(
  files: FileSystem,
  directory: string,
  parts: LedgerParts,
  findings: Findings,
): Promise<void> {
  await findings.collect(directory, async () => {
    const names = await files.list(directory)
    // In this step: what is there now and not known now is nobody's. Numbers are never used again.
    const isKnown = knownNames(directory, parts)
    const unknown = names.filter((name) => !isKnown(name))
    for (const name of unknown) {
      const path = join(directory, name)
      if ((await files.kindOf(path)) !== 'missing') {
        findings.add(path, 0, 'nothing names this file')
      }
    }
    if (!names.includes(LOCK_FILE_NAME)) {
      findings.add(join(directory, LOCK_FILE_NAME), 0, 'it is missing')
    }
  })
}

function knownNames(directory: string, parts: LedgerParts): (name: string) => boolean {
  const { versions, memtables, runner, obsoleteFiles } = parts
  const pending = obsoleteFiles.pendingPaths
  const tables = versions.heldTableNumbers()
  const wals = new Set<FileNumber | undefined>(
    [...memtables.frozen, memtables.active].map((memtable) => memtable.wal.number),
  )
  wals.add(memtables.nextWal?.number)
  return (name) => {
    const file = parseFileName(name)
    switch (file?.kind) {
      case 'table':
        return tables.has(file.number) || runner.isUnnamedOutput(file.number) || pending.has(join(directory, name))
      case 'wal':
        return wals.has(file.number) || pending.has(join(directory, name))
      case 'manifest':
        return file.number === versions.manifestNumber || pending.has(join(directory, name))
      case undefined:
        return name === CURRENT_FILE_NAME || name === LOCK_FILE_NAME || name === LOST_DIRECTORY_NAME
    }
  }
}
