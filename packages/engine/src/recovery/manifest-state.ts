/** What the edits of a manifest come to, one after the other. */
import { CorruptionError, fileNumber, type ClosedWal, type VersionEdit } from '@varve/storage'
import { Version } from '../version/version.ts'
import type { VersionSetState } from '../version/version-set.ts'

export interface ManifestState extends VersionSetState {
  readonly closedWals: readonly ClosedWal[]
}

/** @throws CorruptionError if the edits of the manifest at `path` contradict each other */
export function replayEdits(edits: readonly VersionEdit[], path: string): ManifestState {
  let version = Version.empty()
  let logNumber = fileNumber(0)
  let lastSequence = 0
  let nextFileNumber = 1
  let closedWals: readonly ClosedWal[] = []
  for (const edit of edits) {
    version = applyFound(version, edit, path)
    logNumber = edit.logNumber ?? logNumber
    lastSequence = edit.lastSequence ?? lastSequence
    nextFileNumber = edit.nextFileNumber ?? nextFileNumber
    closedWals = edit.closedWals ?? []
  }
  return { version, logNumber, lastSequence, nextFileNumber, closedWals }
}

/** Edits that contradict each other are damage here, not a programmer's error. */
function applyFound(version: Version, edit: VersionEdit, path: string): Version {
  try {
    const next = version.apply(edit)
    next.checkInvariants()
    return next
  } catch (error) {
    throw new CorruptionError(path, 0, 'its edits contradict each other', { cause: error })
  }
}
