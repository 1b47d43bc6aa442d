/** Compares CURRENT and the manifest, as they stand on disk, with what the store knows. No edit may be under way. */
import { join } from 'node:path'
import {
  CURRENT_FILE_NAME,
  CorruptionError,
  assert,
  compareKeys,
  encodeVersionEdit,
  manifestFileName,
  readCurrent,
  readManifest,
  type FileSystem,
} from '@varve/storage'
import { replayEdits } from '../recovery/manifest-state.ts'
import type { VersionSet } from '../version/version-set.ts'
import type { Findings } from './findings.ts'

export async function checkManifest(
  files: FileSystem,
  directory: string,
  versions: VersionSet,
  findings: Findings,
): Promise<void> {
  const { manifestNumber: number, manifestSizeBytes } = versions
  assert(number !== undefined, 'an open store has a manifest')
  const currentPath = join(directory, CURRENT_FILE_NAME)
  await findings.collect(currentPath, async () => {
    const named = await readCurrent(files, directory)
    if (named !== number) {
      throw new CorruptionError(currentPath, 0, `it names ${manifestFileName(named)}, not ${manifestFileName(number)}`)
    }
  })
  const path = join(directory, manifestFileName(number))
  await findings.collect(path, async () => {
    const sizeBytes = await files.sizeOf(path)
    if (sizeBytes !== manifestSizeBytes) {
      const offset = Math.min(sizeBytes, manifestSizeBytes)
      throw new CorruptionError(path, offset, `it has ${sizeBytes} bytes where ${manifestSizeBytes} were written`)
    }
    const contents = await readManifest(files, path, number)
    if (contents.tornSizeBytes > 0) {
      throw new CorruptionError(path, contents.sizeBytes, 'a record is not whole')
    }
    const state = replayEdits(contents.edits, path)
    const onDisk = encodeVersionEdit({ added: state.version.toAdded() })
    const isSame =
      compareKeys(onDisk, encodeVersionEdit({ added: versions.current.toAdded() })) === 0 &&
      state.logNumber === versions.logNumber &&
      state.lastSequence === versions.lastSequence &&
      state.nextFileNumber <= versions.nextFileNumber
    if (!isSame) {
      throw new CorruptionError(path, 0, 'its edits do not come to the state of the open store')
    }
  })
}
