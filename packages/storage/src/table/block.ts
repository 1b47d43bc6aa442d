/**
 * One block of a table in memory, its checksum verified: the bytes, and where the restart points stand. Its bytes never
 * change, so that any number of cursors may read one, and a cache may drop it at any time. The fields that every look-up
 * needs stand first, in one line of memory where the runtime keeps their order.
 */
import { getUint32 } from '../coding.ts'
import { decompressBlock, rawSizeOf } from '../compression/compressed-block.ts'
import { CorruptionError } from '../errors.ts'
import { IndexPrefixes } from './index-prefixes.ts'
import { BLOCK_TRAILER_SIZE_BYTES, RESTART_INTERVAL, checkBlockTrailer } from './table-format.ts'
import { type WorkspaceRegion, ownRegion } from './workspace.ts'

export type BlockRole = 0 | 1 | 2
export const ROLE_INDEX = 0
export const ROLE_FILTER = 1
export const ROLE_DATA = 2

/** No look-up came to the block yet; the next one makes a list of its entries; it is made; it cannot be made. */
export type ListState = 0 | 1 | 2 | 3
export const LIST_UNSEEN = 0
export const LIST_UNTRIED = 1
export const LIST_MADE = 2
export const LIST_IMPOSSIBLE = 3

/** What a block costs beside its bytes: this object, the typed array, the cache's entry. */
const OVERHEAD_SIZE_BYTES = 300
const PLACE_SIZE_BYTES = 17

export class Block {
  /** May be larger than the block: a scan's read-ahead holds many, and a data block may have room for its entry list. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly role: BlockRole
  /** Owned by the cache that holds the block, if one does: whether it was used lately. */
  wasUsed = false
  /** Owned by look-ups, see entry-list.ts. From `listLimit` on there is room for a list; 0 if there is none. */
  readonly listLimit: number
  listState: ListState = LIST_UNSEEN
  /** Behind the last entry, or behind the last byte of a filter. */
  readonly end: number
  /** 0 for a filter. The offsets stand from `end` on. */
  readonly restartCount: number
  /** For indexes. */
  readonly prefixes: IndexPrefixes | undefined
  /**
   * The way past the cache, which owns these: an index that may have places has the blocks that its entries name, as far
   * as they are in the same cache, by the positions of the entries. A block is in one place at most. `place` is where its
   * entry's value stands in the index, which tells it from others should positions be the same in a damaged index.
   *
   * `lists` has the bytes of those that have an entry list. Who reads there need not come by the block itself, and marks
   * its position in `marks` as used.
   */
  places: (Block | undefined)[] | undefined
  lists: (Uint8Array | undefined)[] | undefined
  marks: Uint8Array | undefined
  mayHavePlaces = false
  parent: Block | undefined
  position = 0
  place = 0
  readonly path: string
  /** In the file. */
  readonly offset: number

  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    restartCount: number,
    role: BlockRole,
    path: string,
    offset: number,
    prefixes?: IndexPrefixes,
    listLimit = 0,
  ) {
    this.bytes = bytes
    this.start = start
    this.listLimit = listLimit
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
    const places = parent.#makePlaces()
    places[position]?.leavePlace()
    places[position] = this
    this.parent = parent
    this.position = position
    this.place = place
    this.noteList()
  }

  leavePlace(): void {
    const { parent, position } = this
    this.parent = undefined
    if (parent?.places !== undefined) {
      this.wasUsed ||= parent.marks?.[position] === 1
      parent.places[position] = undefined
      if (parent.lists !== undefined) {
        parent.lists[position] = undefined
      }
    }
  }

  /** The block's list, if it has one, is to be found from its place. */
  noteList(): void {
    if (this.listState === LIST_MADE && this.parent?.lists !== undefined) {
      this.parent.lists[this.position] = this.bytes
    }
  }

  /** Whether the block was used since this was last asked. */
  takeUsed(): boolean {
    const marks = this.parent?.marks
    const wasUsed = this.wasUsed || marks?.[this.position] === 1
    this.wasUsed = false
    if (marks !== undefined) {
      marks[this.position] = 0
    }
    return wasUsed
  }

  #makePlaces(): (Block | undefined)[] {
    if (this.places === undefined) {
      const count = this.restartCount * RESTART_INTERVAL
      this.places = Array.from({ length: count })
      this.lists = Array.from({ length: count })
      this.marks = new Uint8Array(count)
    }
    return this.places
  }

  /** No entry of this index leads anywhere any more. */
  clearPlaces(): void {
    this.mayHavePlaces = false
    for (const child of this.places ?? []) {
      child?.leavePlace()
    }
    this.places = undefined
    this.lists = undefined
    this.marks = undefined
  }

  /** Memory that a cached block takes. */
  get sizeBytes(): number {
    const placesSizeBytes = this.role === ROLE_INDEX ? this.restartCount * RESTART_INTERVAL * PLACE_SIZE_BYTES : 0
    return this.bytes.length + OVERHEAD_SIZE_BYTES + placesSizeBytes + (this.prefixes?.sizeBytes ?? 0)
  }
}

/**
 * The block of `sizeBytes` that stands in `raw` at `start`, its trailer behind it, and in its file at `offset`. It keeps
 * `raw` and does not copy, unless the block is compressed: then it is decompressed into `scratch` if it fits there, else
 * into memory of its own.
 * @param listRoomSizeBytes room for an entry list: behind the trailer in `raw`, which is the block's own then
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
  listRoomSizeBytes = 0,
): Block {
  if (start + sizeBytes + BLOCK_TRAILER_SIZE_BYTES > raw.length) {
    throw new CorruptionError(path, offset, 'a block is cut short')
  }
  const codec = checkBlockTrailer(raw, start, sizeBytes, path, fileNumber, offset)
  if (codec === 'none') {
    return parseBlock(raw, start, sizeBytes, role, path, offset, listRoomSizeBytes > 0)
  }
  const end = start + sizeBytes
  const rawSize = rawSizeOf(raw, start, end, path, offset)
  const into = scratch !== undefined && rawSize <= scratch.sizeBytes ? scratch : ownRegion(rawSize + listRoomSizeBytes)
  decompressBlock(codec, raw, start, end, rawSize, into.bytes, into.offset, path, offset)
  return parseBlock(into.bytes, into.offset, rawSize, role, path, offset, into !== scratch && listRoomSizeBytes > 0)
}

/** The block of `sizeBytes` that stands in `raw` at `start`, checksum and compression apart. */
function parseBlock(
  raw: Uint8Array,
  start: number,
  sizeBytes: number,
  role: BlockRole,
  path: string,
  offset: number,
  hasListRoom: boolean,
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
  const prefixes = role === ROLE_INDEX ? IndexPrefixes.of(raw, start, end, restartCount) : undefined
  const listLimit = role === ROLE_DATA && hasListRoom ? start + sizeBytes : 0
  return new Block(raw, start, end, restartCount, role, path, offset, prefixes, listLimit)
}
