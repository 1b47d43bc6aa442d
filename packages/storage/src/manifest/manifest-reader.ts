/** Reads a manifest into its edits, and tells a torn tail from damage. */
import { getUint32 } from '../coding.ts'
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

/** So much is put through checksums in search of records; and what a try costs besides, as bytes. */
const SEARCH_SIZE_BYTES_MAX = 512 * 1024 * 1024
const SEARCH_TRY_SIZE_BYTES = 512

export interface ManifestContents {
  readonly edits: readonly VersionEdit[]
  readonly sizeBytes: number
  /** Bytes behind the last whole record: an edit that a crash interrupted. */
  readonly tornSizeBytes: number
}

/** What can be read of a manifest from its beginning. */
export interface ManifestPrefix extends ManifestContents {
  /** Why the edits are not all that there were; `undefined` if they are, a torn tail apart. */
  readonly damage: CorruptionError | undefined
}

/** @throws CorruptionError, UnsupportedError, IoError */
export async function readManifest(files: FileSystem, path: string, number: FileNumber): Promise<ManifestContents> {
  const { damage, ...contents } = await readManifestPrefix(files, path, number)
  if (damage !== undefined) {
    throw damage
  }
  return contents
}

/** As `readManifest`, but damage ends the edits. @throws UnsupportedError, IoError; CorruptionError if it is no manifest */
export async function readManifestPrefix(files: FileSystem, path: string, number: FileNumber): Promise<ManifestPrefix> {
  const bytes = await readSmallFile(files, path, MANIFEST_SIZE_BYTES_MAX)
  checkManifestHeader(bytes, number, path)
  const edits: VersionEdit[] = []
  let damage: CorruptionError | undefined
  let offset = MANIFEST_HEADER_SIZE_BYTES
  for (;;) {
    const edit = readManifestRecord(bytes, number, offset)
    if (edit === undefined) {
      break
    }
    try {
      edits.push(decodeVersionEdit(edit, path, offset + MANIFEST_RECORD_HEADER_SIZE_BYTES))
    } catch (error) {
      if (!(error instanceof CorruptionError)) {
        throw error
      }
      damage = error
      break
    }
    offset += MANIFEST_RECORD_HEADER_SIZE_BYTES + edit.length
  }
  if (damage === undefined && edits.length === 0) {
    damage = new CorruptionError(path, offset, 'the record of the full state is not whole')
  } else if (damage === undefined && hasRecordAfter(bytes, number, offset)) {
    damage = new CorruptionError(path, offset, 'a record is damaged, and whole ones follow it')
  }
  return { edits, sizeBytes: offset, tornSizeBytes: bytes.length - offset, damage }
}

/**
 * Whether a whole record stands behind `offset`, wherever it begins. Behind the place where a file was torn there is
 * little; where looking would take long, something else is there, and the answer is yes.
 */
function hasRecordAfter(bytes: Uint8Array, number: FileNumber, offset: number): boolean {
  let budget = SEARCH_SIZE_BYTES_MAX
  for (let at = offset + 1; at + MANIFEST_RECORD_HEADER_SIZE_BYTES < bytes.length; at++) {
    const size = getUint32(bytes, at + 4)
    const firstByte = bytes[at + MANIFEST_RECORD_HEADER_SIZE_BYTES] as number
    if (size > 0 && at + MANIFEST_RECORD_HEADER_SIZE_BYTES + size <= bytes.length && isFieldNumber(firstByte)) {
      budget -= size + SEARCH_TRY_SIZE_BYTES
      if (budget < 0 || readManifestRecord(bytes, number, at) !== undefined) {
        return true
      }
    }
  }
  return false
}

/** Of this format or one to come. */
function isFieldNumber(byte: number): boolean {
  return byte > 0 && byte < 64
}
