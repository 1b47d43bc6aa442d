/**
 * A table, byte for byte: entries in order, in blocks, with the indexes and filters that find them. It is written once,
 * front to back, and never changed. Numbers are little-endian, sizes in bytes, offsets from the beginning of the file.
 *
 *     file       := partition+ topIndex properties footer          no byte lies outside of these, no gap between them
 *     partition  := data{1..} filter? index                        each with a trailer behind it
 *     trailer    := compression:u8 checksum:u32                    5 bytes; covers block and compression
 *     compression: 0 none, 1 LZ4, 2 deflate (raw), 3 zstd          of data blocks alone; see compressed-block.ts
 *
 *     data, index, topIndex := entry+ restartOffset:u32{restartCount} restartCount:u32
 *     entry      := shared:varint unshared:varint valueSize:varint tag:u8 sequence[0..7] keySuffix[unshared] value
 *     tag        := kind (low four bits, 0 in indexes) | size of sequence << 4
 *
 *     index entry    := separator -> handle of a data block
 *     topIndex entry := separator -> handle of a filter, handle of an index
 *     handle         := offset:varint size:varint                  size without the trailer; 0 0 where there is no filter
 *     filter         := bits probeCount:u8                         see bloom-filter.ts
 *     properties     := (tag:u8 size:varint value)*                see table-properties.ts
 *     footer         := topIndexOffset:u32 topIndexSize:u32 propertiesOffset:u32 propertiesSize:u32
 *                       tableNumber:u64 fileSize:u32 checksum:u32 format:u32 zero:u32 magic[8]        48 bytes
 *
 * Order: by user key as unsigned bytes, then by sequence, newest first. `shared` is the size of the *longest* prefix in
 * common with the entry before (the search in a block relies on that), 0 at restart points: every 16th entry.
 * A separator is a key and a sequence too: at or behind the last entry of its block, before the first of the next. Where
 * both have the same key, it is that key with the last entry's sequence; else a key as short as can be, with sequence 0.
 * So the first block whose separator is not before (key, sequence) holds that version, if any does: one block a look-up,
 * even where versions of one key fill many. A filter has each distinct user key of its partition.
 *
 * Every format to come ends with a footer of these 48 bytes: a newer one is told from a damaged one.
 *
 * Example: the data block of put "ant" = "1" (sequence 7) and delete "anteater" (sequence 300), and its trailer:
 *
 *     00 03 01 11 07 'ant' '1'   03 05 00 22 2c 01 'eater'   00 00 00 00   01 00 00 00      then 00 and the checksum
 */
import { CODECS, CODEC_NONE, type Codec } from '../compression/codec.ts'
import { checksum, checksumSeed } from '../checksum.ts'
import { getUint32, getUint64, putUint32, putUint64 } from '../coding.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'

export const TABLE_FORMAT_VERSION = 1
export const TABLE_FOOTER_SIZE_BYTES = 48
export const BLOCK_TRAILER_SIZE_BYTES = 5
export const RESTART_INTERVAL = 16
/** An index of a partition is cut when it reaches this. */
export const INDEX_BLOCK_SIZE_BYTES = 4096
/** The kind of the entries of an index. */
export const KIND_INDEX = 0
/** Offsets have 32 bits. */
export const TABLE_SIZE_BYTES_LIMIT: number = 2 ** 32 - 1
/** The seed of the hashes in filters. */
export const FILTER_HASH_SEED = 0x76617276

const MAGIC = Uint8Array.from('VARVESST', (letter) => letter.charCodeAt(0))
const FOOTER_CHECKSUM_OFFSET = 28

/** Where a block stands in its file; the trailer behind it is not counted. */
export interface BlockHandle {
  offset: number
  sizeBytes: number
}

export interface TableFooter {
  readonly topIndex: BlockHandle
  readonly properties: BlockHandle
  readonly tableNumber: number
  readonly fileSizeBytes: number
}

/** Writes the footer that ends a file of `footer.fileSizeBytes` bytes. */
export function putTableFooter(
  bytes: Uint8Array,
  offset: number,
  footer: TableFooter,
  format: number = TABLE_FORMAT_VERSION,
): void {
  putUint32(bytes, offset, footer.topIndex.offset)
  putUint32(bytes, offset + 4, footer.topIndex.sizeBytes)
  putUint32(bytes, offset + 8, footer.properties.offset)
  putUint32(bytes, offset + 12, footer.properties.sizeBytes)
  putUint64(bytes, offset + 16, footer.tableNumber)
  putUint32(bytes, offset + 24, footer.fileSizeBytes)
  putUint32(bytes, offset + 32, format)
  putUint32(bytes, offset + 36, 0)
  bytes.set(MAGIC, offset + 40)
  putUint32(
    bytes,
    offset + FOOTER_CHECKSUM_OFFSET,
    footerChecksum(bytes, offset, footer.tableNumber, footer.fileSizeBytes),
  )
}

/**
 * The footer at the end of a file of `fileSizeBytes`, from `bytes` at `offset`. All handles in it lie in the file.
 * @throws CorruptionError, or UnsupportedError if a newer version wrote it
 */
export function readTableFooter(
  bytes: Uint8Array,
  offset: number,
  path: string,
  tableNumber: number,
  fileSizeBytes: number,
): TableFooter {
  const footerOffset = fileSizeBytes - TABLE_FOOTER_SIZE_BYTES
  if (MAGIC.some((byte, i) => bytes[offset + 40 + i] !== byte)) {
    throw new CorruptionError(path, footerOffset, 'it does not end as a table does')
  }
  if (getUint32(bytes, offset + FOOTER_CHECKSUM_OFFSET) !== footerChecksum(bytes, offset, tableNumber, fileSizeBytes)) {
    throw new CorruptionError(path, footerOffset, 'the checksum of the footer is wrong')
  }
  const format = getUint32(bytes, offset + 32)
  if (format > TABLE_FORMAT_VERSION) {
    throw new UnsupportedError(
      `${path} has table format ${format}; this version of Varve reads up to ${TABLE_FORMAT_VERSION}: use a newer one`,
    )
  }
  if (format < 1) {
    throw new CorruptionError(path, footerOffset, 'there is no table format 0')
  }
  const footer = {
    topIndex: { offset: getUint32(bytes, offset), sizeBytes: getUint32(bytes, offset + 4) },
    properties: { offset: getUint32(bytes, offset + 8), sizeBytes: getUint32(bytes, offset + 12) },
    tableNumber: getUint64(bytes, offset + 16),
    fileSizeBytes: getUint32(bytes, offset + 24),
  }
  if (
    footer.tableNumber !== tableNumber ||
    footer.fileSizeBytes !== fileSizeBytes ||
    endOf(footer.topIndex) !== footer.properties.offset ||
    endOf(footer.properties) !== footerOffset
  ) {
    throw new CorruptionError(path, footerOffset, 'the footer does not fit its file')
  }
  return footer
}

/** Where a block and its trailer end. */
export function endOf(handle: BlockHandle): number {
  return handle.offset + handle.sizeBytes + BLOCK_TRAILER_SIZE_BYTES
}

/** Writes the trailer behind the block that stands in `bytes` from `start` to `end` and in its file at `offset`. */
export function putBlockTrailer(
  bytes: Uint8Array,
  start: number,
  end: number,
  tableNumber: number,
  offset: number,
  compression: number = CODEC_NONE,
): void {
  bytes[end] = compression
  putUint32(bytes, end + 1, checksum(bytes.subarray(start, end + 1), checksumSeed(tableNumber, offset)))
}

/**
 * Checks the block of `sizeBytes` that stands in `bytes` at `start`, its trailer behind it, and in its file at `offset`;
 * returns how it is compressed.
 * @throws CorruptionError, or UnsupportedError if it is compressed in an unknown way
 */
export function checkBlockTrailer(
  bytes: Uint8Array,
  start: number,
  sizeBytes: number,
  path: string,
  tableNumber: number,
  offset: number,
): Codec {
  const end = start + sizeBytes
  if (getUint32(bytes, end + 1) !== checksum(bytes.subarray(start, end + 1), checksumSeed(tableNumber, offset))) {
    throw new CorruptionError(path, offset, 'the checksum of a block is wrong')
  }
  const codec = CODECS[bytes[end] as number]
  if (codec === undefined) {
    throw new UnsupportedError(
      `${path} holds a block of compression type ${bytes[end]} at offset ${offset}, which this version of Varve cannot read`,
    )
  }
  return codec
}

function footerChecksum(bytes: Uint8Array, offset: number, tableNumber: number, fileSizeBytes: number): number {
  const head = checksum(
    bytes.subarray(offset, offset + FOOTER_CHECKSUM_OFFSET),
    checksumSeed(tableNumber, fileSizeBytes - TABLE_FOOTER_SIZE_BYTES),
  )
  return checksum(bytes.subarray(offset + FOOTER_CHECKSUM_OFFSET + 4, offset + TABLE_FOOTER_SIZE_BYTES), head)
}
