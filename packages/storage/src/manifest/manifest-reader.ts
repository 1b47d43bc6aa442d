/** Reads a manifest into its edits, and tells a torn tail from damage. */
import { readSmallFile } from '../env/file-io.ts'
import type { FileSystem } from '../env/env.ts'
import { CorruptionError } from '../errors.ts'
import type { FileNumber } from '../file-names.ts'
import {
  MANIFEST_HEADER_SIZE_BYTES,
  MANIFEST_RECORD_HEADER_SIZE_BYTES,
  MANIFEST_SIZE_BYTES_MAX,
  checkManifestHeader,
  readManifestRecord,
} from './manifest-format.ts'
import { decodeVersionEdit, type VersionEdit } from './version-edit.ts'

export interface ManifestContents {
  readonly edits: readonly VersionEdit[]
  readonly sizeBytes: number
  /** Bytes behind the last whole record: an edit that a crash interrupted. */
  readonly tornSizeBytes: number
}

/** @throws CorruptionError, UnsupportedError, IoError */
export async function readManifest(files: FileSystem, path: string, number: FileNumber): Promise<ManifestContents> {
  const bytes = await readSmallFile(files, path, MANIFEST_SIZE_BYTES_MAX)
  checkManifestHeader(bytes, number, path)
  const edits: VersionEdit[] = []
  let offset = MANIFEST_HEADER_SIZE_BYTES
  for (;;) {
    const edit = readManifestRecord(bytes, number, offset)
    if (edit === undefined) {
      break
    }
    edits.push(decodeVersionEdit(edit, path, offset + MANIFEST_RECORD_HEADER_SIZE_BYTES))
    offset += MANIFEST_RECORD_HEADER_SIZE_BYTES + edit.length
  }
  if (edits.length === 0) {
    throw new CorruptionError(path, offset, 'the record of the full state is not whole')
  }
  if (hasRecordAfter(bytes, number, offset)) {
    throw new CorruptionError(path, offset, 'a record is damaged, and whole ones follow it')
  }
  return { edits, sizeBytes: offset, tornSizeBytes: bytes.length - offset }
}

function hasRecordAfter(bytes: Uint8Array, number: FileNumber, offset: number): boolean {
  for (let at = offset + 1; at + MANIFEST_RECORD_HEADER_SIZE_BYTES <= bytes.length; at++) {
    if (readManifestRecord(bytes, number, at) !== undefined) {
      return true
    }
  }
  return false
}
