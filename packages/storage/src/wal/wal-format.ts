/**
 * The write-ahead log, byte for byte. A WAL is the image of one memtable's arena: what is here on disk is there in
 * memory, at the same offsets. Numbers are little-endian.
 *
 *     file    := header group* zero*            (zeros: space written ahead of time)
 *     header  := magic[8] format:u32 salt:u32 number:u64 zero:u32 checksum:u32                           32 bytes
 *     group   := checksum:u32 payloadSize:u32 count:u32 offset:u32 walNumber:u64 baseSequence:u64
 *                syncedWalNumber:u64 syncedOffset:u32                                                     44 bytes
 *                entry{count}                                                                  payloadSize bytes
 *     entry   := kind:u8 keySize:varint valueSize:varint key value        (no valueSize and value for a delete)
 *
 * A group is what was committed together: it is there as a whole or not at all, and the i-th of its entries has the
 * sequence number baseSequence + i. Its checksum covers all of it but the checksum itself, and is seeded with the
 * file's random salt, the WAL's number and the group's offset: a value that looks like a group is none.
 * `syncedWalNumber` and `syncedOffset` say up to where everything was known to be durable when the group was written;
 * recovery tells a torn tail (never promised) from damage (promised, and gone) by them.
 *
 * Example: put "k" = "v" as the only entry of a group is  01 01 01 6b 76  behind the 44 bytes of the group's header.
 */
import { checksum, checksumSeed } from '../checksum.ts'
import { getUint32, getUint64, getVarint, putUint32, putUint64, putVarint, varintSizeBytes } from '../coding.ts'
import { KIND_DELETE, KIND_PUT, SEQUENCE_MAX, isKnownKind } from '../entry.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'

export const WAL_FORMAT_VERSION = 1
export const WAL_HEADER_SIZE_BYTES = 32
export const WAL_GROUP_HEADER_SIZE_BYTES = 44

const MAGIC = Uint8Array.from('VARVEWAL', (letter) => letter.charCodeAt(0))

export interface WalHeader {
  readonly number: number
  readonly salt: number
}

/** A place in the logs: everything in earlier WALs, and this one up to `offset`. */
export interface WalPosition {
  readonly number: number
  readonly offset: number
}

export interface WalGroup {
  readonly offset: number
  readonly payloadOffset: number
  readonly endOffset: number
  readonly count: number
  readonly baseSequence: number
  readonly synced: WalPosition
}

export function putWalHeader(bytes: Uint8Array, header: WalHeader): void {
  bytes.set(MAGIC, 0)
  putUint32(bytes, 8, WAL_FORMAT_VERSION)
  putUint32(bytes, 12, header.salt)
  putUint64(bytes, 16, header.number)
  putUint32(bytes, 24, 0)
  putUint32(bytes, 28, checksum(bytes.subarray(0, 28), 0))
}

/**
 * The header of a WAL, or `undefined` if it is not whole: a crash while the log was made leaves that.
 * @throws UnsupportedError if a newer version wrote it
 */
export function readWalHeader(bytes: Uint8Array, length: number, path: string): WalHeader | undefined {
  if (length < WAL_HEADER_SIZE_BYTES || getUint32(bytes, 28) !== checksum(bytes.subarray(0, 28), 0)) {
    return undefined
  }
  const format = getUint32(bytes, 8)
  if (MAGIC.some((byte, i) => bytes[i] !== byte) || format < 1) {
    return undefined
  }
  if (format > WAL_FORMAT_VERSION) {
    throw new UnsupportedError(
      `${path} has log format ${format}; this version of Varve reads up to ${WAL_FORMAT_VERSION}: use a newer one`,
    )
  }
  return { number: getUint64(bytes, 16), salt: getUint32(bytes, 12) }
}

/** The salt that stands in a header, whether or not that is whole. */
export function readWalSalt(bytes: Uint8Array): number {
  return getUint32(bytes, 12)
}

/** Fills in the header of the group at `offset`, whose payload already stands behind it up to `endOffset`. */
export function sealWalGroup(
  bytes: Uint8Array,
  header: WalHeader,
  offset: number,
  endOffset: number,
  count: number,
  baseSequence: number,
  synced: WalPosition,
): void {
  putUint32(bytes, offset + 4, endOffset - offset - WAL_GROUP_HEADER_SIZE_BYTES)
  putUint32(bytes, offset + 8, count)
  putUint32(bytes, offset + 12, offset)
  putUint64(bytes, offset + 16, header.number)
  putUint64(bytes, offset + 24, baseSequence)
  putUint64(bytes, offset + 32, synced.number)
  putUint32(bytes, offset + 40, synced.offset)
  putUint32(bytes, offset, groupChecksum(bytes, header, offset, endOffset))
}

/**
 * How many bytes a group at `offset` would have, by its header alone; 0 if it is none. Whether it is one, its checksum
 * says, which is not worth taking everywhere: bytes that somebody stored may look like headers.
 */
export function claimedWalGroupSizeBytes(bytes: Uint8Array, length: number, header: WalHeader, offset: number): number {
  if (
    offset + WAL_GROUP_HEADER_SIZE_BYTES > length ||
    getUint32(bytes, offset + 12) !== offset ||
    getUint64(bytes, offset + 16) !== header.number
  ) {
    return 0
  }
  const sizeBytes = WAL_GROUP_HEADER_SIZE_BYTES + getUint32(bytes, offset + 4)
  return offset + sizeBytes > length ? 0 : sizeBytes
}

/** The group at `offset`, or `undefined` if no whole and valid group of this WAL stands there. */
export function readWalGroup(
  bytes: Uint8Array,
  length: number,
  header: WalHeader,
  offset: number,
): WalGroup | undefined {
  const sizeBytes = claimedWalGroupSizeBytes(bytes, length, header, offset)
  if (sizeBytes === 0) {
    return undefined
  }
  const payloadOffset = offset + WAL_GROUP_HEADER_SIZE_BYTES
  const endOffset = offset + sizeBytes
  const count = getUint32(bytes, offset + 8)
  const baseSequence = getUint64(bytes, offset + 24)
  if (
    count === 0 ||
    baseSequence + count - 1 > SEQUENCE_MAX ||
    getUint32(bytes, offset) !== groupChecksum(bytes, header, offset, endOffset)
  ) {
    return undefined
  }
  const synced = { number: getUint64(bytes, offset + 32), offset: getUint32(bytes, offset + 40) }
  return { offset, payloadOffset, endOffset, count, baseSequence, synced }
}

function groupChecksum(bytes: Uint8Array, header: WalHeader, offset: number, endOffset: number): number {
  return checksum(bytes.subarray(offset + 4, endOffset), (checksumSeed(header.number, offset) ^ header.salt) >>> 0)
}

/** The bytes that an entry takes in a group's payload. */
export function walEntrySizeBytes(kind: number, keySize: number, valueSize: number): number {
  const head = 1 + varintSizeBytes(keySize) + keySize
  return kind === KIND_DELETE ? head : head + varintSizeBytes(valueSize) + valueSize
}

/** Writes what stands before an entry's key, and returns the offset where its key begins. */
export function putWalEntryHead(
  bytes: Uint8Array,
  offset: number,
  kind: number,
  keySize: number,
  valueSize: number,
): number {
  bytes[offset] = kind
  const behindKeySize = putVarint(bytes, offset + 1, keySize)
  return kind === KIND_PUT ? putVarint(bytes, behindKeySize, valueSize) : behindKeySize
}

/**
 * Steps through the entries of a group's payload, or of packed operations, which have the same form. Fields describe the
 * entry last stepped to. No object an entry.
 */
export class WalEntryReader {
  kind = 0
  keyOffset = 0
  keySize = 0
  valueOffset = 0
  valueSize = 0
  /** Where the entry begins and where the next one does. */
  offset = 0
  endOffset = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #end = 0
  #path = ''

  /** Stands before the first entry of `bytes` from `offset` to `end`; `path` is for error messages. */
  reset(bytes: Uint8Array, offset: number, end: number, path: string): void {
    this.#bytes = bytes
    this.#end = end
    this.#path = path
    this.endOffset = offset
  }

  /**
   * Steps to the next entry; false at the end.
   * @throws CorruptionError, UnsupportedError for an unknown kind of entry
   */
  next(): boolean {
    const bytes = this.#bytes
    const offset = this.endOffset
    if (offset >= this.#end) {
      return false
    }
    const kind = bytes[offset] as number
    if (!isKnownKind(kind)) {
      throw new UnsupportedError(
        `${this.#path} holds an entry of kind ${kind} at offset ${offset}, which this version of Varve cannot read`,
      )
    }
    const keySize = this.#varint(offset + 1)
    let at = offset + 1 + varintSizeBytes(keySize)
    let valueSize = 0
    if (kind === KIND_PUT) {
      valueSize = this.#varint(at)
      at += varintSizeBytes(valueSize)
    }
    this.kind = kind
    this.offset = offset
    this.keyOffset = at
    this.keySize = keySize
    this.valueOffset = at + keySize
    this.valueSize = valueSize
    this.endOffset = at + keySize + valueSize
    if (this.endOffset > this.#end) {
      throw new CorruptionError(this.#path, offset, 'an entry reaches beyond its group')
    }
    return true
  }

  #varint(offset: number): number {
    const byte = this.#bytes[offset] as number
    if (byte < 0x80 && offset < this.#end) {
      return byte
    }
    const value = getVarint(this.#bytes, offset, this.#end)
    if (value < 0) {
      throw new CorruptionError(this.#path, offset, 'a size is not a number')
    }
    return value
  }
}
