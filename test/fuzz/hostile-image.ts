/** Changes to a store's files under right checksums: what only somebody who means harm, or a defect, leaves behind. */
import path from 'node:path'
import { WAL_GROUP_HEADER_SIZE_BYTES, checksum, checksumSeed, parseFileName } from '@varve/storage'
import { blocksOf } from '../corruption/file-layout.ts'
import type { Image } from '../corruption/image-files.ts'
import { groupsOf } from '../corruption/store-image.ts'
import type { SeededRandom } from '../harness/random.ts'

const TRAILER_SIZE_BYTES = 5
const FOOTER_SIZE_BYTES = 48
const MANIFEST_HEADER_SIZE_BYTES = 32
const HOSTILE_NUMBERS = [0, 1, 127, 128, 255, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1]

/** One file with a change in it. */
export function hostileChange(random: SeededRandom, image: Image): { file: string; bytes: Uint8Array } {
  const files = [...image.keys()].filter((name) => parseFileName(path.basename(name)) !== undefined)
  const file = random.pick(files)
  const bytes = Buffer.from(image.get(file) ?? [])
  const number = parseFileName(path.basename(file))?.number ?? 0
  if (file.endsWith('.sst')) {
    changeTable(random, image, file, bytes, number)
  } else if (file.endsWith('.wal')) {
    changeLog(random, image, file, bytes)
  } else {
    changeManifest(random, bytes, number)
  }
  return { file, bytes }
}

function changeTable(random: SeededRandom, image: Image, file: string, bytes: Buffer, number: number): void {
  const footer = bytes.length - FOOTER_SIZE_BYTES
  const top = { start: bytes.readUInt32LE(footer), size: bytes.readUInt32LE(footer + 4) }
  const properties = { start: bytes.readUInt32LE(footer + 8), size: bytes.readUInt32LE(footer + 12) }
  const blocks = blocksOf(image, file).map(({ start, end }) => ({ start, size: end - start - TRAILER_SIZE_BYTES }))
  const indexes = blocks.filter((_, i) => i > blocks.length - 4)
  const { start, size } = random.pick([top, properties, ...indexes, random.pick(blocks)])
  scramble(random, bytes, start, start + size)
  bytes.writeUInt32LE(checksum(bytes.subarray(start, start + size + 1), checksumSeed(number, start)), start + size + 1)
}

function changeLog(random: SeededRandom, image: Image, file: string, bytes: Buffer): void {
  const groups = groupsOf(image).filter((group) => group.file === file)
  if (groups.length === 0) {
    return
  }
  const { offset, endOffset } = random.pick(groups)
  const isHead = random.chance(0.3)
  // The checksum, the size, the offset and the number are what makes it a group.
  const start = isHead ? offset + 24 : offset + WAL_GROUP_HEADER_SIZE_BYTES
  scramble(random, bytes, start, isHead ? offset + WAL_GROUP_HEADER_SIZE_BYTES : endOffset)
  if (random.chance(0.2)) {
    bytes.writeUInt32LE(random.pick([1, 1000, 2 ** 32 - 1]), offset + 8)
  }
  const salt = bytes.readUInt32LE(12)
  const number = Number(bytes.readBigUInt64LE(16))
  const seed = (checksumSeed(number, offset) ^ salt) >>> 0
  bytes.writeUInt32LE(checksum(bytes.subarray(offset + 4, endOffset), seed), offset)
}

function changeManifest(random: SeededRandom, bytes: Buffer, number: number): void {
  const records: number[] = []
  for (let at = MANIFEST_HEADER_SIZE_BYTES; at + 8 <= bytes.length; at += 8 + bytes.readUInt32LE(at + 4)) {
    records.push(at)
  }
  const at = random.pick(records)
  const end = at + 8 + bytes.readUInt32LE(at + 4)
  scramble(random, bytes, at + 8, end)
  bytes.writeUInt32LE(checksum(bytes.subarray(at + 4, end), checksumSeed(number, at)), at)
}

function scramble(random: SeededRandom, bytes: Buffer, start: number, end: number): void {
  for (let i = random.between(1, 3); i > 0; i--) {
    const at = random.between(start, end - 1)
    const kind = random.weighted({ flip: 3, byte: 2, word: 2, copy: 2 })
    if (kind === 'flip') {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    } else if (kind === 'byte') {
      bytes[at] = random.pick(HOSTILE_NUMBERS.slice(0, 5))
    } else if (kind === 'word' && at + 4 <= end) {
      bytes.writeUInt32LE(random.pick(HOSTILE_NUMBERS), at)
    } else {
      const from = random.between(start, end - 1)
      // Not beyond the part for which the checksum is put right.
      const size = Math.min(random.between(1, 60), end - from, end - at)
      bytes.copyWithin(at, from, from + size)
    }
  }
}
