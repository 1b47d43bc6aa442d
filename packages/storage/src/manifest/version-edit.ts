/**
 * A VersionEdit: facts that change the durable state of a store, all of them or none. The only way to change it.
 *
 *     edit  := field*
 *     field := 1 logNumber:u64 | 2 nextFileNumber:u64 | 3 lastSequence:u64
 *            | 4 level:varint run:u64 table                 a table is added
 *            | 5 level:varint number:u64                    a table is deleted
 *            | 6 number:u64 size:u64                        a log that was closed cleanly and is durable up to size
 *     table := number:u64 size:u64 entries:u64 tombstones:u64 smallestKey:bytes largestKey:bytes
 *              smallestSequence:u64 largestSequence:u64 rawKeySize:u64 rawValueSize:u64
 *
 * A field's number is a varint; an unknown one means a newer format. Deletions apply before additions, so that a
 * table that only moves to another level is deleted there and added here in one edit.
 */
import { ByteReader } from '../byte-reader.ts'
import { ByteWriter } from '../byte-writer.ts'
import { compareKeys } from '../coding.ts'
import { KEY_SIZE_BYTES_MAX, SEQUENCE_MAX, sequenceNumber, type SequenceNumber } from '../entry.ts'
import { UnsupportedError } from '../errors.ts'
import { FILE_NUMBER_MAX, fileNumber, type FileNumber } from '../file-names.ts'
import type { TableMetadata } from '../table/table-metadata.ts'

export const LEVEL_COUNT = 7

export interface AddedTable {
  readonly level: number
  /** Tables of one level and run do not overlap. In level 0 a larger run is newer. */
  readonly run: number
  readonly table: TableMetadata
}

export interface DeletedTable {
  readonly level: number
  readonly number: FileNumber
}

export interface ClosedWal {
  readonly number: FileNumber
  readonly sizeBytes: number
}

export interface VersionEdit {
  /** Logs below this number are obsolete. */
  readonly logNumber?: FileNumber
  readonly nextFileNumber?: number
  /** All up to this sequence is in tables or was never acknowledged; the log of `logNumber` begins behind it. */
  readonly lastSequence?: SequenceNumber
  readonly added?: readonly AddedTable[]
  readonly deleted?: readonly DeletedTable[]
  readonly closedWals?: readonly ClosedWal[]
}

const FIELD_LOG_NUMBER = 1
const FIELD_NEXT_FILE_NUMBER = 2
const FIELD_LAST_SEQUENCE = 3
const FIELD_ADDED = 4
const FIELD_DELETED = 5
const FIELD_CLOSED_WAL = 6

const SIZE_BYTES_MAX = Number.MAX_SAFE_INTEGER

export function encodeVersionEdit(edit: VersionEdit): Uint8Array {
  const writer = new ByteWriter()
  const scalars = [
    [FIELD_LOG_NUMBER, edit.logNumber],
    [FIELD_NEXT_FILE_NUMBER, edit.nextFileNumber],
    [FIELD_LAST_SEQUENCE, edit.lastSequence],
  ] as const
  for (const [field, value] of scalars) {
    if (value !== undefined) {
      writer.varint(field)
      writer.uint64(value)
    }
  }
  for (const { level, number } of edit.deleted ?? []) {
    writer.varint(FIELD_DELETED)
    writer.varint(level)
    writer.uint64(number)
  }
  for (const added of edit.added ?? []) {
    writer.varint(FIELD_ADDED)
    putAddedTable(writer, added)
  }
  for (const { number, sizeBytes } of edit.closedWals ?? []) {
    writer.varint(FIELD_CLOSED_WAL)
    writer.uint64(number)
    writer.uint64(sizeBytes)
  }
  return writer.finish()
}

/** @throws CorruptionError, UnsupportedError */
export function decodeVersionEdit(bytes: Uint8Array, path: string, fileOffset: number): VersionEdit {
  const reader = new ByteReader(bytes, path, fileOffset)
  const edit: { -readonly [Key in keyof VersionEdit]: VersionEdit[Key] } = {}
  const added: AddedTable[] = []
  const deleted: DeletedTable[] = []
  const closedWals: ClosedWal[] = []
  while (!reader.isAtEnd) {
    const field = reader.varint()
    switch (field) {
      case FIELD_LOG_NUMBER:
        edit.logNumber = getFileNumber(reader)
        break
      case FIELD_NEXT_FILE_NUMBER:
        edit.nextFileNumber = getFileNumber(reader)
        break
      case FIELD_LAST_SEQUENCE:
        edit.lastSequence = sequenceNumber(reader.uint64(SEQUENCE_MAX))
        break
      case FIELD_ADDED:
        added.push(getAddedTable(reader))
        break
      case FIELD_DELETED:
        deleted.push({ level: getLevel(reader), number: getFileNumber(reader) })
        break
      case FIELD_CLOSED_WAL:
        closedWals.push({ number: getFileNumber(reader), sizeBytes: reader.uint64(SIZE_BYTES_MAX) })
        break
      default:
        throw new UnsupportedError(
          `${path} has an edit with field ${field}, which this version of Varve does not know: use a newer one`,
        )
    }
  }
  return { ...edit, added, deleted, closedWals }
}

function putAddedTable(writer: ByteWriter, { level, run, table }: AddedTable): void {
  writer.varint(level)
  writer.uint64(run)
  writer.uint64(table.number)
  writer.uint64(table.sizeBytes)
  writer.uint64(table.entryCount)
  writer.uint64(table.tombstoneCount)
  writer.byteString(table.smallestKey)
  writer.byteString(table.largestKey)
  writer.uint64(table.smallestSequence)
  writer.uint64(table.largestSequence)
  writer.uint64(table.rawKeySizeBytes)
  writer.uint64(table.rawValueSizeBytes)
}

function getAddedTable(reader: ByteReader): AddedTable {
  const level = getLevel(reader)
  const run = reader.uint64(SEQUENCE_MAX)
  const table: TableMetadata = {
    number: getFileNumber(reader),
    sizeBytes: reader.uint64(SIZE_BYTES_MAX),
    entryCount: reader.uint64(SIZE_BYTES_MAX),
    tombstoneCount: reader.uint64(SIZE_BYTES_MAX),
    smallestKey: reader.byteString(),
    largestKey: reader.byteString(),
    smallestSequence: sequenceNumber(reader.uint64(SEQUENCE_MAX)),
    largestSequence: sequenceNumber(reader.uint64(SEQUENCE_MAX)),
    rawKeySizeBytes: reader.uint64(SIZE_BYTES_MAX),
    rawValueSizeBytes: reader.uint64(SIZE_BYTES_MAX),
  }
  if (compareKeys(table.smallestKey, table.largestKey) > 0) {
    throw reader.damage(`the bounds of table ${table.number} are out of order`)
  }
  if (table.largestKey.length > KEY_SIZE_BYTES_MAX || table.smallestKey.length > KEY_SIZE_BYTES_MAX) {
    throw reader.damage(`a bound of table ${table.number} is longer than any key`)
  }
  if (table.smallestSequence > table.largestSequence || table.tombstoneCount > table.entryCount) {
    throw reader.damage(`the counts of table ${table.number} contradict each other`)
  }
  return { level, run, table }
}

function getLevel(reader: ByteReader): number {
  const level = reader.varint()
  if (level >= LEVEL_COUNT) {
    throw reader.damage(`there is no level ${level}`)
  }
  return level
}

function getFileNumber(reader: ByteReader): FileNumber {
  return fileNumber(reader.uint64(FILE_NUMBER_MAX))
}
