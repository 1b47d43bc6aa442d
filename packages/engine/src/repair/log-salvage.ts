/**
 * The whole groups of a log, wherever they lie. Groups behind damage are kept, as LevelDB and RocksDB keep the records
 * that they find behind it: each has a checksum and sequence numbers of its own, was acknowledged like those before it,
 * and whoever repairs wants what there is. What is missing between is reported by its sequence numbers.
 *
 * Each stretch of groups that follow each other becomes one image, in place: groups are moved to the front and sealed
 * anew, so that a flush job takes them for a log.
 */
import { join } from 'node:path'
import {
  CorruptionError,
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  claimedWalGroupSizeBytes,
  putWalHeader,
  readFully,
  readWalGroup,
  readWalHeader,
  readWalSalt,
  sealWalGroup,
  walFileName,
  type Env,
  type FileNumber,
  type WalGroup,
  type WalHeader,
} from '@varve/storage'
import { WAL_SIZE_BYTES_MAX } from '../recovery/wal-replay.ts'

export interface LogStretch {
  readonly groups: readonly WalGroup[]
  readonly firstSequence: number
  readonly entryCount: number
}

const SEARCH_SLACK_SIZE_BYTES = 16 * 1024 * 1024

export class LogSalvage {
  readonly number: FileNumber
  readonly image: SharedArrayBuffer
  readonly stretches: readonly LogStretch[]
  /** Behind the last whole group is something else than zeros. */
  readonly hasTail: boolean
  readonly headerIsWhole: boolean
  readonly #bytes: Uint8Array
  readonly #header: WalHeader

  private constructor(number: FileNumber, image: SharedArrayBuffer, path: string) {
    this.number = number
    this.image = image
    this.#bytes = new Uint8Array(image)
    const header = readWalHeader(this.#bytes, this.#bytes.length, path)
    this.headerIsWhole = header?.number === number
    // Of a damaged header the salt may be left: the groups' checksums show whether it is.
    this.#header = { number, salt: header?.salt ?? readWalSalt(this.#bytes) }
    const groups = this.#findGroups()
    this.stretches = stretchesOf(groups)
    const end = groups.at(-1)?.endOffset ?? WAL_HEADER_SIZE_BYTES
    this.hasTail = this.#bytes.subarray(end).some((byte) => byte !== 0)
  }

  /** @throws CorruptionError if it is no file, or larger than any log; UnsupportedError, IoError */
  static async read(env: Env, directory: string, number: FileNumber): Promise<LogSalvage> {
    const path = join(directory, walFileName(number))
    const file = await env.files.open(path, 'read')
    try {
      const size = file.sizeSync()
      if (size > WAL_SIZE_BYTES_MAX) {
        throw new CorruptionError(path, WAL_SIZE_BYTES_MAX, `it has ${size} bytes, more than any log`)
      }
      const image = new SharedArrayBuffer(Math.max(size, WAL_HEADER_SIZE_BYTES))
      await readFully(file, new Uint8Array(image), 0, size, 0)
      return new LogSalvage(number, image, path)
    } finally {
      await file.close()
    }
  }

  /** Makes the image a log of this stretch alone; returns where it ends. Stretches are asked for in order. */
  moveToFront(stretch: LogStretch): number {
    const bytes = this.#bytes
    putWalHeader(bytes, this.#header)
    let offset = WAL_HEADER_SIZE_BYTES
    for (const group of stretch.groups) {
      const size = group.endOffset - group.offset
      bytes.copyWithin(offset, group.offset, group.endOffset)
      sealWalGroup(bytes, this.#header, offset, offset + size, group.count, group.baseSequence, group.synced)
      offset += size
    }
    return offset
  }

  #findGroups(): WalGroup[] {
    const bytes = this.#bytes
    const groups: WalGroup[] = []
    let budget = 2 * bytes.length + SEARCH_SLACK_SIZE_BYTES
    for (let offset = WAL_HEADER_SIZE_BYTES; offset + WAL_GROUP_HEADER_SIZE_BYTES <= bytes.length && budget > 0;) {
      budget -= claimedWalGroupSizeBytes(bytes, bytes.length, this.#header, offset)
      const group = readWalGroup(bytes, bytes.length, this.#header, offset)
      const last = groups.at(-1)
      // Sequences ascend: what looks like a group and does not follow is none of this log.
      const isNext = group !== undefined && (last === undefined || group.baseSequence >= last.baseSequence + last.count)
      if (isNext && group.baseSequence > 0) {
        groups.push(group)
        offset = group.endOffset
      } else {
        offset++
      }
    }
    return groups
  }
}

function stretchesOf(groups: readonly WalGroup[]): LogStretch[] {
  const stretches: { groups: WalGroup[]; firstSequence: number; entryCount: number }[] = []
  for (const group of groups) {
    const open = stretches.at(-1)
    if (open !== undefined && open.firstSequence + open.entryCount === group.baseSequence) {
      open.groups.push(group)
      open.entryCount += group.count
    } else {
      stretches.push({ groups: [group], firstSequence: group.baseSequence, entryCount: group.count })
    }
  }
  return stretches
}
