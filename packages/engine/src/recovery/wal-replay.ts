/**
 * Reads the logs that a crash, or a clean close, left behind, group by group, and decides where what was acknowledged
 * ends: whether the place where reading stops is a torn tail (never promised) or damage (promised, and gone).
 *
 * 1. A group counts if its checksum, number and offset are right and its base sequence follows the one before it; the
 *    first one follows the manifest's last sequence. A file may end exactly at a group's end and still lack
 *    acknowledged groups: only continuity shows that.
 * 2. Reading stops at the first group that does not count. If any later whole group, in this or a later log, says that
 *    something beyond this place was durable, or the manifest does, it is damage, and nothing is opened.
 * 3. Otherwise everything behind it was never acknowledged as durable, and goes.
 *
 * ("Only the newest log may be torn" would be the wrong rule: the newest is often an empty one, made ahead of time.)
 */
import { join } from 'node:path'
import {
  CorruptionError,
  claimedWalGroupSizeBytes,
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  readFully,
  readWalGroup,
  readWalHeader,
  walFileName,
  type ClosedWal,
  type Env,
  type FileNumber,
  type WalGroup,
  type WalHeader,
  type WalPosition,
} from '@varve/storage'

/** No arena is larger: memtables have at most 1 GiB, and so has a batch. */
export const WAL_SIZE_BYTES_MAX: number = 2 * 1024 * 1024 * 1024

const SEARCH_SLACK_SIZE_BYTES = 16 * 1024 * 1024

/** The groups of a log that are recovered: its image, up to `committedSizeBytes`. */
export interface ReplayedWal {
  readonly number: FileNumber
  readonly image: SharedArrayBuffer
  readonly committedSizeBytes: number
  readonly entryCount: number
  readonly firstSequence: number
}

export interface WalReplay {
  /** Logs that hold groups, oldest first. */
  readonly wals: readonly ReplayedWal[]
  readonly lastSequence: number
  /** Logs of which nothing is recovered, though they hold whole groups: set aside, not deleted. */
  readonly cutOff: readonly FileNumber[]
  /** Bytes of unacknowledged groups that were cut off. */
  readonly tornSizeBytes: number
}

interface WalImage {
  readonly number: FileNumber
  readonly path: string
  readonly image: SharedArrayBuffer
  readonly bytes: Uint8Array
  /** `undefined` if it is not whole: then the log was only being made. */
  readonly header: WalHeader | undefined
}

interface Stop {
  readonly wal: WalImage
  readonly offset: number
  readonly why: string
  /** What is recovered ends here: a log that is missing altogether lies behind it, though before `wal`. */
  readonly recoveredTo: WalPosition
}

/** What the manifest says of the logs. */
export interface LogsOfManifest {
  /** What earlier logs held is in tables. The header of this one was durable before the manifest named it. */
  readonly logNumber: FileNumber
  /** The first group follows this sequence. */
  readonly lastSequence: number
  /** Logs that a clean close recorded as durable up to a size. */
  readonly closedWals: readonly ClosedWal[]
}

/**
 * @param numbers the logs at or above the manifest's log number, ascending
 * @throws CorruptionError, UnsupportedError, IoError
 */
export async function replayWals(
  env: Env,
  directory: string,
  numbers: readonly FileNumber[],
  known: LogsOfManifest,
): Promise<WalReplay> {
  const wals: ReplayedWal[] = []
  let next = known.lastSequence + 1
  // Groups also say that logs were durable which have been flushed since: those do not count any more.
  let recoveredTo: WalPosition = { number: known.logNumber, offset: 0 }
  for (let i = 0; i < numbers.length; i++) {
    const wal = await readImage(env, directory, numbers[i] as FileNumber)
    const replayed = replayOne(wal, next)
    if (replayed.entryCount > 0) {
      wals.push(replayed)
      next += replayed.entryCount
    }
    const stop = stopOf(wal, replayed, known, recoveredTo)
    if (stop !== undefined) {
      const later = await readLater(env, directory, numbers.slice(i + 1))
      checkNothingPromised(stop, later, known.closedWals)
      const behind = replayed.entryCount === 0 ? [wal, ...later] : later
      const cutOff = behind.filter((image) => hasGroups(image)).map((image) => image.number)
      return { wals, lastSequence: next - 1, cutOff, tornSizeBytes: wal.bytes.length - stop.offset }
    }
    if (wal.header !== undefined) {
      recoveredTo = { number: wal.number, offset: replayed.committedSizeBytes }
    }
  }
  checkClosed(numbers, known.closedWals, directory)
  return { wals, lastSequence: next - 1, cutOff: [], tornSizeBytes: 0 }
}

async function readImage(env: Env, directory: string, number: FileNumber): Promise<WalImage> {
  const path = join(directory, walFileName(number))
  const file = await env.files.open(path, 'read')
  try {
    const size = file.sizeSync()
    if (size > WAL_SIZE_BYTES_MAX) {
      throw new CorruptionError(path, WAL_SIZE_BYTES_MAX, `it has ${size} bytes, more than any log`)
    }
    const image = new SharedArrayBuffer(size)
    const bytes = new Uint8Array(image)
    await readFully(file, bytes, 0, size, 0)
    const header = readWalHeader(bytes, size, path)
    if (header !== undefined && header.number !== number) {
      throw new CorruptionError(path, 0, `it is log ${header.number} under the name of log ${number}`)
    }
    return { number, path, image, bytes, header }
  } finally {
    await file.close()
  }
}

async function readLater(env: Env, directory: string, numbers: readonly FileNumber[]): Promise<WalImage[]> {
  const images: WalImage[] = []
  for (const number of numbers) {
    images.push(await readImage(env, directory, number))
  }
  return images
}

function replayOne(wal: WalImage, firstSequence: number): ReplayedWal {
  let offset = wal.header === undefined ? 0 : WAL_HEADER_SIZE_BYTES
  let next = firstSequence
  for (let group = groupAt(wal, offset); group?.baseSequence === next; group = groupAt(wal, offset)) {
    offset = group.endOffset
    next += group.count
  }
  return {
    number: wal.number,
    image: wal.image,
    committedSizeBytes: offset,
    entryCount: next - firstSequence,
    firstSequence,
  }
}

/** Where and why replaying a log stopped, or `undefined` if it was read to a clean end. */
function stopOf(
  wal: WalImage,
  replayed: ReplayedWal,
  { logNumber, closedWals }: LogsOfManifest,
  before: WalPosition,
): Stop | undefined {
  const offset = replayed.committedSizeBytes
  const closed = closedWals.find(({ number }) => number === wal.number)
  if (closed !== undefined && offset < closed.sizeBytes) {
    throw new CorruptionError(
      wal.path,
      offset,
      `it was closed cleanly with ${closed.sizeBytes} bytes, and a group of them is not whole`,
    )
  }
  if (wal.header === undefined) {
    if (wal.number === logNumber) {
      throw new CorruptionError(wal.path, 0, 'the manifest names this log, and its header is not whole')
    }
    // A header is durable before the first group. Without groups the log was only being made: it holds nothing.
    if (!isZeroFrom(wal.bytes, WAL_HEADER_SIZE_BYTES)) {
      throw new CorruptionError(wal.path, 0, 'its header is damaged, and groups stand behind it')
    }
    return undefined
  }
  if (isZeroFrom(wal.bytes, offset)) {
    return undefined
  }
  const group = groupAt(wal, offset)
  const why = group === undefined ? 'a group is not whole' : `groups before sequence ${group.baseSequence} are missing`
  const recoveredTo = replayed.entryCount > 0 ? { number: wal.number, offset } : before
  return { wal, offset, why, recoveredTo }
}

function groupAt(wal: WalImage, offset: number): WalGroup | undefined {
  return wal.header === undefined ? undefined : readWalGroup(wal.bytes, wal.bytes.length, wal.header, offset)
}

/** Space that was written ahead of time, or the end of the file. */
function isZeroFrom(bytes: Uint8Array, offset: number): boolean {
  for (let at = offset; at < bytes.length; at++) {
    if (bytes[at] !== 0) {
      return false
    }
  }
  return true
}

/** Throws if anything behind the stop, or the manifest, says that something beyond it was durable. */
function checkNothingPromised(stop: Stop, later: readonly WalImage[], closedWals: readonly ClosedWal[]): void {
  const closed = closedWals.find(({ number }) => number > stop.wal.number)
  if (closed !== undefined) {
    throw new CorruptionError(
      stop.wal.path,
      stop.offset,
      `${stop.why}, but ${walFileName(closed.number)} was closed cleanly behind it`,
    )
  }
  const isBeyond = (synced: WalPosition): boolean =>
    synced.number > stop.recoveredTo.number ||
    (synced.number === stop.recoveredTo.number && synced.offset > stop.recoveredTo.offset)
  for (const wal of [stop.wal, ...later]) {
    for (const group of wholeGroups(wal, wal === stop.wal ? stop.offset : WAL_HEADER_SIZE_BYTES)) {
      if (isBeyond(group.synced)) {
        throw new CorruptionError(
          stop.wal.path,
          stop.offset,
          `${stop.why}, but ${walFileName(wal.number)} shows at offset ${group.offset} that it was durable`,
        )
      }
    }
  }
}

function hasGroups(wal: WalImage): boolean {
  return !wholeGroups(wal, WAL_HEADER_SIZE_BYTES).next().done
}

/**
 * All whole groups at or behind an offset, wherever they begin. Values may be made to look like groups that overlap: what
 * is put through checksums in search of groups is bounded, by more than honest files ever need.
 */
function* wholeGroups(wal: WalImage, from: number): Generator<WalGroup> {
  const { bytes, header } = wal
  let budget = 2 * bytes.length + SEARCH_SLACK_SIZE_BYTES
  for (let offset = from; header !== undefined && offset + WAL_GROUP_HEADER_SIZE_BYTES <= bytes.length;) {
    budget -= claimedWalGroupSizeBytes(bytes, bytes.length, header, offset)
    if (budget < 0) {
      throw new CorruptionError(wal.path, from, 'a group is not whole, and whether others follow it cannot be told')
    }
    const group = groupAt(wal, offset)
    if (group === undefined) {
      offset++
    } else {
      yield group
      offset = group.endOffset
    }
  }
}

/** Logs that a clean close recorded must be there. */
function checkClosed(numbers: readonly FileNumber[], closedWals: readonly ClosedWal[], directory: string): void {
  for (const { number } of closedWals) {
    if (!numbers.includes(number)) {
      throw new CorruptionError(join(directory, walFileName(number)), 0, 'it was closed cleanly, and is missing')
    }
  }
}
