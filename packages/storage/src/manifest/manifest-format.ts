/**
 * The manifest, byte for byte: a log of VersionEdits. The first record holds the full state at the time the file was
 * made. Numbers are little-endian.
 *
 *     file   := header record*
 *     header := magic[8] format:u32 zero:u32 number:u64 zero:u32 checksum:u32       32 bytes
 *     record := checksum:u32 size:u32 edit[size]                                    checksum: of size and edit, seeded
 *                                                                                   with the file's number and the offset
 *
 * An edit is acted upon only when its record is durable. So a record that is not whole at the end of the file was never
 * acted upon and is cut; one that is not whole anywhere else is damage.
 *
 * Example: an edit that only sets the log number to 5 is  01 05 00 00 00 00 00 00 00,  in a record of 17 bytes.
 */
import { checksum, checksumSeed } from '../checksum.ts'
import { getUint32, getUint64, putUint32, putUint64 } from '../coding.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import type { FileNumber } from '../file-names.ts'

export const MANIFEST_FORMAT_VERSION = 1
export const MANIFEST_HEADER_SIZE_BYTES = 32
export const MANIFEST_RECORD_HEADER_SIZE_BYTES = 8
/** A larger one is no manifest: recovery reads it whole. Rotation keeps manifests far below. */
export const MANIFEST_SIZE_BYTES_MAX: number = 1024 * 1024 * 1024

const MAGIC = Uint8Array.from('VARVEMAN', (letter) => letter.charCodeAt(0))

export function encodeManifestHeader(number: FileNumber): Uint8Array {
  const bytes = new Uint8Array(MANIFEST_HEADER_SIZE_BYTES)
  bytes.set(MAGIC)
  putUint32(bytes, 8, MANIFEST_FORMAT_VERSION)
  putUint64(bytes, 16, number)
  putUint32(bytes, 28, checksum(bytes.subarray(0, 28), 0))
  return bytes
}

/** @throws CorruptionError, UnsupportedError */
export function checkManifestHeader(bytes: Uint8Array, number: FileNumber, path: string): void {
  if (bytes.length < MANIFEST_HEADER_SIZE_BYTES || getUint32(bytes, 28) !== checksum(bytes.subarray(0, 28), 0)) {
    throw new CorruptionError(path, 0, 'its header is not whole')
  }
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new CorruptionError(path, 0, 'it is not a manifest')
  }
  const format = getUint32(bytes, 8)
  if (format > MANIFEST_FORMAT_VERSION) {
    throw new UnsupportedError(
      `${path} has manifest format ${format}; this version of Varve reads up to ${MANIFEST_FORMAT_VERSION}: use a newer one`,
    )
  }
  if (format < 1) {
    throw new CorruptionError(path, 8, 'there is no manifest format 0')
  }
  if (getUint64(bytes, 16) !== number) {
    throw new CorruptionError(path, 16, `it is manifest ${getUint64(bytes, 16)} under the name of manifest ${number}`)
  }
}

export function encodeManifestRecord(edit: Uint8Array, number: FileNumber, offset: number): Uint8Array {
  const record = new Uint8Array(MANIFEST_RECORD_HEADER_SIZE_BYTES + edit.length)
  putUint32(record, 4, edit.length)
  record.set(edit, MANIFEST_RECORD_HEADER_SIZE_BYTES)
  putUint32(record, 0, checksum(record.subarray(4), checksumSeed(number, offset)))
  return record
}

/** The edit of the record at `offset`, or `undefined` if no whole record stands there. No edit is empty. */
export function readManifestRecord(bytes: Uint8Array, number: FileNumber, offset: number): Uint8Array | undefined {
  const start = offset + MANIFEST_RECORD_HEADER_SIZE_BYTES
  if (start > bytes.length) {
    return undefined
  }
  const end = start + getUint32(bytes, offset + 4)
  if (
    end === start ||
    end > bytes.length ||
    getUint32(bytes, offset) !== checksum(bytes.subarray(offset + 4, end), checksumSeed(number, offset))
  ) {
    return undefined
  }
  return bytes.subarray(start, end)
}
