export { allDone } from './all-done.ts'
export { AssertionError, assert } from './assert.ts'
export { checksum, checksumSeed } from './checksum.ts'
export { compareBytes, compareKeys, getVarint, putVarint, varintSizeBytes } from './coding.ts'
export { CODECS, codecMissing, codecOfLevel, isCodec, isCodecAvailable, type Codec } from './compression/codec.ts'
export {
  KEY_SIZE_BYTES_MAX,
  KIND_DELETE,
  KIND_PUT,
  SEQUENCE_MAX,
  VALUE_SIZE_BYTES_DEFAULT_MAX,
  VALUE_SIZE_BYTES_LIMIT,
  isKnownKind,
  sequenceNumber,
  type EntryKind,
  type SequenceNumber,
} from './entry.ts'
export type { Clock, Env, File, FileLock, FileSystem, OpenMode, Random, Scheduler } from './env/env.ts'
export { readFully, readFullySync, readSmallFile, writeFully, writeFullySync } from './env/file-io.ts'
export { createNodeEnv } from './env/node-env.ts'
export {
  BusyError,
  ClosedError,
  ConflictError,
  CorruptionError,
  InvalidArgumentError,
  IoError,
  LockedError,
  ReadOnlyError,
  UnsupportedError,
  VarveError,
  isNotFound,
  toVarveError,
  type ErrorCode,
} from './errors.ts'
export {
  CURRENT_FILE_NAME,
  FILE_NUMBER_MAX,
  CURRENT_TEMPORARY_FILE_NAME,
  LOCK_FILE_NAME,
  LOST_DIRECTORY_NAME,
  fileNumber,
  isStoreFileName,
  manifestFileName,
  parseFileName,
  tableFileName,
  walFileName,
  type FileNumber,
  type NumberedFile,
  type NumberedFileKind,
} from './file-names.ts'
export { installCurrent, prepareCurrent, readCurrent, replaceCurrent } from './manifest/current-file.ts'
export {
  readManifest,
  readManifestPrefix,
  type ManifestContents,
  type ManifestPrefix,
} from './manifest/manifest-reader.ts'
export { ManifestWriter } from './manifest/manifest-writer.ts'
export {
  LEVEL_COUNT,
  encodeVersionEdit,
  type AddedTable,
  type ClosedWal,
  type DeletedTable,
  type VersionEdit,
} from './manifest/version-edit.ts'
export { BlockCursor } from './table/block-cursor.ts'
export {
  AT_END,
  AT_ENTRY,
  FOUND,
  NEEDS_BLOCK,
  NOT_FOUND,
  type BlockNaming,
  type BlockSource,
  type ReadStatus,
} from './table/block-source.ts'
export { Block, ROLE_DATA, ROLE_FILTER, ROLE_INDEX, decodeBlock, type BlockRole } from './table/block.ts'
export { hashKey } from './table/hash.ts'
export { keyPrefix } from './table/key-prefix.ts'
export { checkTable } from './table/table-check.ts'
export { TableCursor } from './table/table-cursor.ts'
export { BLOCK_TRAILER_SIZE_BYTES, FILTER_HASH_SEED, TABLE_SIZE_BYTES_LIMIT } from './table/table-format.ts'
export { LookUpResult, approximateOffsetOf, lookUp } from './table/table-look-up.ts'
export { differenceOf, type TableMetadata } from './table/table-metadata.ts'
export { OUTPUT_BUFFER_SIZE_BYTES } from './table/table-output.ts'
export type { TableProperties } from './table/table-properties.ts'
export { TableReader } from './table/table-reader.ts'
export { salvageTable, type SalvagedPart, type TableGap } from './table/table-salvage.ts'
export { TableScan } from './table/table-scan.ts'
export { SCAN_BUFFER_SIZE_BYTES } from './table/table-block-scan.ts'
export { TableWriter, type TableWriterOptions } from './table/table-writer.ts'
export { Workspace, type WorkspaceRegion } from './table/workspace.ts'
export {
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  WalEntryReader,
  claimedWalGroupSizeBytes,
  putWalEntryHead,
  putWalHeader,
  readWalGroup,
  readWalHeader,
  readWalSalt,
  sealWalGroup,
  walEntrySizeBytes,
  type WalGroup,
  type WalHeader,
  type WalPosition,
} from './wal/wal-format.ts'
