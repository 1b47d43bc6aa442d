/** Where the structures of a store's files lie: the bytes that everything else depends on are damaged one by one. */
import {
  BlockCursor,
  ROLE_DATA,
  ROLE_FILTER,
  ROLE_INDEX,
  TableReader,
  getVarint,
  parseFileName,
  varintSizeBytes,
} from '@varve/storage'
import type { BlockRole } from '@varve/storage'
import path from 'node:path'
import { ImageFiles } from './image-files.ts'
import type { Image } from './image-files.ts'
import { groupsOf } from './store-image.ts'

/** From `start` up to but not including `end`. */
export interface Extent {
  readonly start: number
  readonly end: number
}

export interface BlockExtent extends Extent {
  readonly role: BlockRole
}

const TRAILER_SIZE_BYTES = 5
const HEADER_SIZE_BYTES = 32
const GROUP_HEADER_SIZE_BYTES = 44
const RECORD_HEADER_SIZE_BYTES = 8
/** Groups are alike: the headers of some are damaged byte by byte. */
const SAMPLED_GROUPS = 17

/** The blocks of a table with their trailers, in the order of the file; the top index and what follows are not among them. */
export function blocksOf(image: Image, file: string): BlockExtent[] {
  const number = parseFileName(path.basename(file))?.number
  const bytes = image.get(file)
  if (number === undefined || bytes === undefined) {
    throw new Error(`${file} is no table of the image`)
  }
  const table = TableReader.openSync(new ImageFiles(image).openSync(file, 'read'), number, bytes.length)
  const blocks: BlockExtent[] = []
  const top = new BlockCursor()
  top.reset(table.topIndex)
  while (top.next()) {
    const [filter, index] = handlesOf(top, [ROLE_FILTER, ROLE_INDEX])
    if (filter === undefined || index === undefined) {
      throw new Error(`${file} has a partition without an index`)
    }
    const cursor = new BlockCursor()
    cursor.reset(table.readBlockSync(index.start, index.end - index.start - TRAILER_SIZE_BYTES, ROLE_INDEX))
    while (cursor.next()) {
      blocks.push(...handlesOf(cursor, [ROLE_DATA]))
    }
    blocks.push(filter, index)
  }
  return blocks
}

function handlesOf(cursor: BlockCursor, roles: readonly BlockRole[]): BlockExtent[] {
  const { bytes } = cursor.block
  let at = cursor.valueOffset
  const varint = (): number => {
    const value = getVarint(bytes, at, bytes.length)
    at += varintSizeBytes(value)
    return value
  }
  return roles.map((role) => {
    const start = varint()
    return { role, start, end: start + varint() + TRAILER_SIZE_BYTES }
  })
}

/** The parts of a file of which every byte matters to many others. */
export function structureOf(image: Image, file: string): Extent[] {
  const sizeBytes = image.get(file)?.length ?? 0
  switch (parseFileName(path.basename(file))?.kind) {
    case 'table': {
      const blocks = blocksOf(image, file)
      const ends = blocks.map(({ end }) => ({ start: end - TRAILER_SIZE_BYTES - 8, end }))
      const tail = { start: Math.max(...blocks.map(({ end }) => end)), end: sizeBytes }
      return [...blocks.filter(({ role }) => role === ROLE_INDEX), ...ends, tail]
    }
    case 'wal': {
      const headers = groupsOf(image)
        .filter((group, i) => group.file === file && i % SAMPLED_GROUPS === 0)
        .map(({ offset }) => ({ start: offset, end: offset + GROUP_HEADER_SIZE_BYTES }))
      return [{ start: 0, end: HEADER_SIZE_BYTES }, ...headers]
    }
    case 'manifest':
      return [{ start: 0, end: HEADER_SIZE_BYTES + RECORD_HEADER_SIZE_BYTES }]
    case undefined:
      return [{ start: 0, end: sizeBytes }]
  }
}
