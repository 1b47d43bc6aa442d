/**
 * One block of a table in memory, its checksum verified: the bytes, and where the restart points stand. Its bytes never
 * change, so that any number of cursors may read one, and a cache may drop it at any time.
 */
import { getUint32 } from '../coding.ts'
import { decompressBlock, rawSizeOf } from '../compression/compressed-block.ts'
import { CorruptionError } from '../errors.ts'
import { RestartPrefixes } from './restart-prefixes.ts'
import { BLOCK_TRAILER_SIZE_BYTES, RESTART_INTERVAL, checkBlockTrailer } from './table-format.ts'
import { type WorkspaceRegion, ownRegion } from './workspace.ts'

export type BlockRole = 0 | 1 | 2
export const ROLE_INDEX = 0
export const ROLE_FILTER = 1
export const ROLE_DATA = 2

const PREFIXED_RESTART_COUNT_MIN = 3

/** What a block costs beside its bytes: this object, the typed array, the cache's entry. */
const OVERHEAD_SIZE_BYTES = 300

export class Block {
  /** May be larger than the block: a scan's read-ahead holds many. */
  readonly bytes: Uint8Array
  readonly start: number
  /** Behind the last entry, or behind the last byte of a filter. */
  readonly end: number
  /** 0 for a filter. The offsets stand from `end` on. */
  readonly restartCount: number
  readonly role: BlockRole
  readonly path: string
  /** In the file. */
  readonly offset: number
  /** For indexes, where there are enough restart points to search for. */
  readonly prefixes: RestartPrefixes | undefined
  /** Owned by the cache that holds the block, if one does: whether it was used lately, and where it is named. */
  wasUsed = false
  /**
   * The way past the cache: an index that may have places has the blocks that its entries name, as far as they are in the
   * same cache, by the positions of the entries. A block is in one place at most. `place` is where its entry's value
   * stands in the index, which tells it from others should positions ever be the same.
   */
  mayHavePlaces = false
  places: (Block | undefined)[] | undefined
  parent: Block | undefined
  position = 0
  place = 0

  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    restartCount: number,
    role: BlockRole,
    path: string,
    offset: number,
    prefixes?: RestartPrefixes,
  ) {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.restartCount = restartCount
    this.role = role
    this.path = path
    this.offset = offset
    this.prefixes = prefixes
  }

  /** From now on the entry of `parent` at `position` leads here. */
  takePlace(parent: Block, position: number, place: number): void {
    this.leavePlace()
    parent.places ??= []
    const before = parent.places[position]
    before?.leavePlace()
    parent.places[position] = this
    this.parent = parent
    this.position = position
    this.place = place
  }

  leavePlace(): void {
    const places = this.parent?.places
    if (places !== undefined) {
      places[this.position] = undefined
    }
    this.parent = undefined
  }

  /** No entry of this index leads anywhere any more. */
  clearPlaces(): void {
    this.mayHavePlaces = false
    for (const child of this.places ?? []) {
      if (child !== undefined) {
        child.parent = undefined
      }
    }
    this.places = undefined
  }

  /** Memory that a cached block takes. */
  get sizeBytes(): number {
    const placesSizeBytes = this.role === ROLE_INDEX ? this.restartCount * RESTART_INTERVAL * 8 : 0
    return this.bytes.length + OVERHEAD_SIZE_BYTES + placesSizeBytes + (this.prefixes?.sizeBytes ?? 0)
  }
}

/**
 * The block of `sizeBytes` that stands in `raw` at `start`, its trailer behind it, and in its file at `offset`. It keeps
 * `raw` and does not copy, unless the block is compressed: then it is decompressed into `scratch` if it fits there, else
 * into memory of its own.
 * @throws CorruptionError, or UnsupportedError if it is compressed in a way that this version or runtime lacks
 */
export function decodeBlock(
  raw: Uint8Array,
  start: number,
  sizeBytes: number,
  role: BlockRole,
  path: string,
  fileNumber: number,
  offset: number,
  scratch?: WorkspaceRegion,
): Block {
  if (start + sizeBytes + BLOCK_TRAILER_SIZE_BYTES > raw.length) {
    throw new CorruptionError(path, offset, 'a block is cut short')
  }
  const codec = checkBlockTrailer(raw, start, sizeBytes, path, fileNumber, offset)
  if (codec === 'none') {
    return parseBlock(raw, start, sizeBytes, role, path, offset)
  }
  const end = start + sizeBytes
  const rawSize = rawSizeOf(raw, start, end, path, offset)
  const into = scratch !== undefined && rawSize <= scratch.sizeBytes ? scratch : ownRegion(rawSize)
  decompressBlock(codec, raw, start, end, rawSize, into.bytes, into.offset, path, offset)
  return parseBlock(into.bytes, into.offset, rawSize, role, path, offset)
}

/** The block of `sizeBytes` that stands in `raw` at `start`, checksum and compression apart. */
function parseBlock(
  raw: Uint8Array,
  start: number,
  sizeBytes: number,
  role: BlockRole,
  path: string,
  offset: number,
): Block {
  if (role === ROLE_FILTER) {
    return new Block(raw, start, start + sizeBytes, 0, role, path, offset)
  }
  const restartCount = sizeBytes < 8 ? 0 : getUint32(raw, start + sizeBytes - 4)
  const entriesSize = sizeBytes - 4 - restartCount * 4
  if (restartCount === 0 || entriesSize <= 0) {
    throw new CorruptionError(path, offset, 'a block has no room for its restart points')
  }
  const end = start + entriesSize
  let last = -1
  for (let i = 0; i < restartCount; i++) {
    const restart = getUint32(raw, end + i * 4)
    if (restart <= last || restart >= entriesSize || (i === 0 && restart !== 0)) {
      throw new CorruptionError(path, offset, 'the restart points of a block are out of order')
    }
    last = restart
  }
  const prefixes =
    role === ROLE_INDEX && restartCount >= PREFIXED_RESTART_COUNT_MIN
      ? RestartPrefixes.of(raw, start, end, restartCount)
      : undefined
  return new Block(raw, start, end, restartCount, role, path, offset, prefixes)
}
