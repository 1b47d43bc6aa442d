/**
 * Where the entries of a data block begin, by the first bytes of their keys: found in two or three lines of memory,
 * where the search in the block itself waits for one after the other. It stands at the end of the block's bytes, in room
 * that was taken with them, and is made when a look-up comes to the block for the second time: one that is read once does
 * not pay for it. A list needs no `Block` to be read, which would be two more lines.
 *
 *     list   := record{count} skipped[skippedSize] first:u32 last:u32 count:u16 skippedSize:u8            big-endian
 *     record := prefix:u32 offset:u16
 *
 * `skipped` is what all keys begin with, a prefix the four bytes behind that, 0 behind a key's end; `first` and `last` are
 * the smallest and the largest. An offset is where the entry begins in the bytes. All entries were seen to be whole.
 */
import { LIST_IMPOSSIBLE, LIST_MADE, LIST_UNSEEN, LIST_UNTRIED, type Block } from './block.ts'
import { EntryWalk, commonPrefixSize } from './entry-walk.ts'
import { getVarint, varintSizeBytes } from '../coding.ts'

const RECORD_SIZE_BYTES = 6
const TAIL_SIZE_BYTES = 11
const PREFIX_SIZE_BYTES = 4
const OFFSET_MAX = 0xffff
/** Records are gone through one by one from where a key should be. */
const COUNT_MAX = 256
/** Room for what all keys begin with. */
const SKIPPED_SIZE_BYTES = 16
/** Where entries are smaller than this, the list would be more than an eighth of the block. */
const ENTRY_SIZE_BYTES_MIN = 48

/** An entry that a list leads to. */
export interface ListedEntry {
  bytes: Uint8Array
  kind: number
  sequence: number
  valueOffset: number
  valueSize: number
}

/** What a list says of a key: it is not in the block; the entry was read; the block has to be searched. */
export type ListAnswer = 0 | 1 | 2
export const NOT_LISTED = 0
export const LISTED = 1
export const UNSURE_LIST = 2

/** Room to take for the list of each data block of a table, whose blocks have about so many entries of this size. */
export function listRoomSizeBytes(entryCount: number, blockCount: number, bodySizeBytes: number): number {
  if (blockCount === 0 || bodySizeBytes < entryCount * ENTRY_SIZE_BYTES_MIN) {
    return 0
  }
  const perBlock = Math.min(COUNT_MAX, Math.ceil((entryCount / blockCount) * 1.25) + 4)
  return perBlock * RECORD_SIZE_BYTES + SKIPPED_SIZE_BYTES + TAIL_SIZE_BYTES
}

/** Reads the entry that has the key, by the list at the end of `bytes`: all versions of the key are one then. */
export function readListed(bytes: Uint8Array, key: Uint8Array, keySize: number, entry: ListedEntry): ListAnswer {
  const tail = bytes.length - TAIL_SIZE_BYTES
  const skippedSize = bytes[tail + 10] as number
  const count = ((bytes[tail + 8] as number) << 8) | (bytes[tail + 9] as number)
  const skippedAt = tail - skippedSize
  if (keySize < skippedSize) {
    return NOT_LISTED
  }
  for (let i = 0; i < skippedSize; i++) {
    if (key[i] !== bytes[skippedAt + i]) {
      return NOT_LISTED
    }
  }
  const wanted = keyPrefix(key, skippedSize, keySize)
  const first = uint32At(bytes, tail)
  const last = uint32At(bytes, tail + 4)
  if (wanted < first || wanted > last) {
    return NOT_LISTED
  }
  const from = skippedAt - count * RECORD_SIZE_BYTES
  const end = skippedAt
  // Random keys lie about evenly between the first and the last.
  const guess = first === last ? 0 : (((wanted - first) / (last - first)) * (count - 1)) | 0
  let at = from + guess * RECORD_SIZE_BYTES
  while (at > from && uint32At(bytes, at) >= wanted) {
    at -= RECORD_SIZE_BYTES
  }
  while (at < end && uint32At(bytes, at) < wanted) {
    at += RECORD_SIZE_BYTES
  }
  if (at === end || uint32At(bytes, at) !== wanted) {
    return NOT_LISTED
  }
  const next = at + RECORD_SIZE_BYTES
  if (next < end && uint32At(bytes, next) === wanted) {
    return UNSURE_LIST
  }
  const offset = ((bytes[at + 4] as number) << 8) | (bytes[at + 5] as number)
  return readEntry(bytes, offset, key, keySize, skippedSize + PREFIX_SIZE_BYTES, entry)
}

/** Makes the list of a block, if this is the second look-up that comes to it, there is room, and the block is whole. */
export function considerList(block: Block): void {
  if (block.listState === LIST_UNSEEN) {
    block.listState = LIST_UNTRIED
  } else if (block.listState === LIST_UNTRIED) {
    block.listState = makeList(block) ? LIST_MADE : LIST_IMPOSSIBLE
    block.noteList()
  }
}

function makeList(block: Block): boolean {
  const { bytes, start, end, listLimit } = block
  if (listLimit === 0 || end > OFFSET_MAX) {
    return false
  }
  const counted = new EntryWalk(bytes, start, end)
  const skippedSize = commonPrefixSize(counted)
  const count = counted.count
  const tail = bytes.length - TAIL_SIZE_BYTES
  const from = tail - Math.max(skippedSize, 0) - count * RECORD_SIZE_BYTES
  if (skippedSize < 0 || skippedSize > 0xff || count > COUNT_MAX || from < listLimit) {
    return false
  }
  const walk = new EntryWalk(bytes, start, end)
  let at = from
  let prefix = 0
  while (walk.next()) {
    const before = prefix
    prefix = keyPrefix(walk.key, skippedSize, walk.keySize)
    if (prefix < before) {
      return false
    }
    putUint32At(bytes, at, prefix)
    putUint16At(bytes, at + 4, walk.offset)
    at += RECORD_SIZE_BYTES
  }
  for (let i = 0; i < skippedSize; i++) {
    bytes[at + i] = walk.key[i] as number
  }
  putUint32At(bytes, tail, uint32At(bytes, from))
  putUint32At(bytes, tail + 4, prefix)
  putUint16At(bytes, tail + 8, count)
  bytes[tail + 10] = skippedSize
  return true
}

/** Reads the entry at `offset`, which is whole and has the first `knownSize` bytes of the key, if it has all of it. */
function readEntry(
  bytes: Uint8Array,
  offset: number,
  key: Uint8Array,
  keySize: number,
  knownSize: number,
  entry: ListedEntry,
): ListAnswer {
  const shared = bytes[offset] as number
  const unshared = bytes[offset + 1] as number
  let valueSize = bytes[offset + 2] as number
  let at = offset + 3
  if ((shared | unshared) >= 0x80 || shared > knownSize) {
    return UNSURE_LIST
  }
  if (shared + unshared !== keySize) {
    return NOT_LISTED
  }
  if (valueSize >= 0x80) {
    valueSize = getVarint(bytes, offset + 2, bytes.length)
    at = offset + 2 + varintSizeBytes(valueSize)
  }
  const tag = bytes[at++] as number
  const sequenceSize = tag >>> 4
  if (sequenceSize > 4) {
    return UNSURE_LIST
  }
  let sequence = 0
  for (let i = sequenceSize - 1; i >= 0; i--) {
    sequence = sequence * 256 + (bytes[at + i] as number)
  }
  at += sequenceSize
  for (let i = 0; i < unshared; i++) {
    if (bytes[at + i] !== key[shared + i]) {
      return NOT_LISTED
    }
  }
  entry.bytes = bytes
  entry.kind = tag & 15
  entry.sequence = sequence
  entry.valueOffset = at + unshared
  entry.valueSize = valueSize
  return LISTED
}

/** Four bytes of a key from `offset` on, behind its end zeros: a smaller number is a smaller key. */
function keyPrefix(key: Uint8Array, offset: number, keySize: number): number {
  if (keySize - offset >= PREFIX_SIZE_BYTES) {
    return uint32At(key, offset)
  }
  let prefix = 0
  for (let i = 0; i < PREFIX_SIZE_BYTES; i++) {
    prefix = prefix * 256 + (offset + i < keySize ? (key[offset + i] as number) : 0)
  }
  return prefix
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}

function putUint32At(bytes: Uint8Array, at: number, value: number): void {
  putUint16At(bytes, at, value >>> 16)
  putUint16At(bytes, at + 2, value)
}

function putUint16At(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}
