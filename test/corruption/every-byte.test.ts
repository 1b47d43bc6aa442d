/**
 * Damages small stores byte by byte, in memory (R8): every byte of what has structure, every few bytes of the rest, all
 * lengths, files that are longer or exchanged, blocks in each other's place. What is read then is right, or an error
 * with path and offset. Every single byte:
 *
 *     VARVE_DAMAGE_STRIDE=1 npx vitest run test/corruption
 *
 * Exempt are bytes of logs that nothing in the files shows as durable: there, and only there, a store may open with a
 * prefix of what was written, and says so. After a clean close nothing is exempt.
 */
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ROLE_DATA, WAL_HEADER_SIZE_BYTES } from '@varve/storage'
import { environmentCount, seedsOfRun } from '../harness/seeds.ts'
import { blocksOf, structureOf } from './file-layout.ts'
import type { Image } from './image-files.ts'
import { groupsOf, makeStoreImage, walFile } from './store-image.ts'
import type { ImageKind, LoggedGroup, StoreImage } from './store-image.ts'
import { readImage } from './store-reading.ts'
import type { Reading } from './store-reading.ts'

/** Between two bytes that are flipped; of structure an eighth of that. Where the first one lies differs from run to run. */
const STRIDE = environmentCount('VARVE_DAMAGE_STRIDE', 131)
const STRUCTURE_STRIDE = Math.max(1, Math.floor(STRIDE / 8))
const CUT_STRIDE = STRIDE === 1 ? 1 : STRIDE * 2
const EDGE_SIZE_BYTES = 48
const SEED = seedsOfRun(0).at(-1) ?? 0
const MASKS = [0x01, 0x80, 0xff, 0x10] as const
const TIMEOUT_MS = STRIDE < 10 ? 3_600_000 : 60_000
/** A compaction that meets the damage must not hang or crash; so often one is tried. */
const COMPACT_EVERY = 11

const KINDS: readonly ImageKind[] = ['closed', 'closed with logs', 'killed']

describe.each(KINDS)('a store that was %s', (kind) => {
  let sound: StoreImage
  let groups: LoggedGroup[]
  let files: string[]
  let tryCount = 0

  beforeAll(async () => {
    sound = await makeStoreImage(kind)
    groups = groupsOf(sound.image)
    files = [...sound.image.keys()].filter((file) => path.basename(file) !== 'LOCK')
  })

  /** Reads the store with one file's bytes replaced; what is damaged begins at `offset`. */
  async function check(file: string, bytes: Uint8Array, offset: number, what: string): Promise<Reading> {
    const damaged = new Map(sound.image).set(file, bytes)
    const where = `${path.basename(file)} of a store that was ${kind}: ${what}`
    const reading = await readImage(sound, damaged, where, tryCount++ % COMPACT_EVERY === 0)
    checkExempt(reading, damaged, file, offset, where)
    return reading
  }

  function checkExempt(reading: Reading, damaged: Image, file: string, offset: number, where: string): void {
    const isWhole = reading.stateIndex === sound.states.length - 1
    if (reading.report !== undefined && !isWhole) {
      expect(file.endsWith('.wal') && !sound.wasClosed, `${where}: writes are missing, and no error`).toBe(true)
      const { tornSizeBytes, lostFileNames } = reading.report
      // The newest log cut behind a group looks like one that had no more; without a header, like one being made.
      const length = damaged.get(file)?.length ?? 0
      const endsClean =
        length <= WAL_HEADER_SIZE_BYTES || groups.some((group) => group.file === file && group.endOffset === length)
      expect(
        endsClean || tornSizeBytes + lostFileNames.length > 0,
        `${where}: writes are missing, and not reported`,
      ).toBe(true)
      expect(isPromised(damaged, file, offset), `${where}: durable writes are missing, and no error`).toBe(false)
    }
  }

  /** Whether a group that is still whole says that what stood at the damaged place was durable. */
  function isPromised(damaged: Image, file: string, offset: number): boolean {
    const broken = groups.find((group) => group.file === file && group.endOffset > offset)
    if (broken === undefined) {
      return false
    }
    const left = groups.filter(
      (group) =>
        (group.file !== file || group.offset > broken.offset) &&
        group.endOffset <= (damaged.get(group.file)?.length ?? 0),
    )
    return left.some(
      ({ synced }) =>
        synced.number > broken.walNumber || (synced.number === broken.walNumber && synced.offset > broken.offset),
    )
  }

  test('is as it should be', async () => {
    const reading = await readImage(sound, sound.image, 'undamaged', true)
    expect(reading).toMatchObject({ stateIndex: sound.states.length - 1, errors: [] })
    const tables = files.filter((file) => file.endsWith('.sst'))
    expect(tables.length).toBeGreaterThan(3)
    expect(groups.length > 50).toBe(kind !== 'closed')
    expect(new Set(groups.map((group) => group.file)).size > 2).toBe(kind !== 'closed')
    expect(groups.every((group) => walFile(group.walNumber) === group.file)).toBe(true)
  })

  test(
    'flip any byte',
    async () => {
      for (const file of files) {
        const bytes = sound.image.get(file) ?? new Uint8Array(0)
        let isSeen = true
        for (const offset of offsetsToFlip(sound.image, file)) {
          const mask = MASKS[offset % MASKS.length] ?? 1
          const what = `byte ${offset} ^ ${mask}`
          const { errors } = await check(file, bytes.with(offset, (bytes[offset] ?? 0) ^ mask), offset, what)
          isSeen = errors.length > 0
          if (
            file.endsWith('.sst') ||
            path.basename(file) === 'CURRENT' ||
            (sound.wasClosed && isInGroup(file, offset))
          ) {
            expect(isSeen, `${file}: ${what} is not noticed`).toBe(true)
          }
        }
      }
    },
    TIMEOUT_MS,
  )

  function isInGroup(file: string, offset: number): boolean {
    return groups.some((group) => group.file === file && group.offset <= offset && offset < group.endOffset)
  }

  test(
    'cut to any length',
    async () => {
      for (const file of files) {
        const bytes = sound.image.get(file) ?? new Uint8Array(0)
        for (const length of lengthsToCut(bytes.length)) {
          const { errors } = await check(file, bytes.slice(0, length), length, `cut to ${length}`)
          if (
            file.endsWith('.sst') ||
            path.basename(file) === 'CURRENT' ||
            (sound.wasClosed && isInGroup(file, length))
          ) {
            expect(errors.length, `${file} cut to ${length} is not noticed`).toBeGreaterThan(0)
          }
        }
      }
    },
    TIMEOUT_MS,
  )

  test('longer by zeros, by garbage, by itself', async () => {
    for (const file of files) {
      const bytes = sound.image.get(file) ?? new Uint8Array(0)
      const tails = [1, 5, 44, 700].flatMap((size) => [
        new Uint8Array(size),
        Uint8Array.from({ length: size }, (_, i) => (i * 151 + 97) & 0xff),
        bytes.slice(0, size),
      ])
      for (const tail of tails) {
        const reading = await check(file, Buffer.concat([bytes, tail]), bytes.length, `longer by ${tail.length}`)
        expect(reading.errors.length > 0 || reading.stateIndex === sound.states.length - 1).toBe(true)
      }
    }
  })

  test('two files of a kind exchanged, or one in the place of the other', async () => {
    for (const suffix of ['.sst', '.wal']) {
      const ofKind = files.filter((file) => file.endsWith(suffix))
      for (const [one, other] of ofKind
        .flatMap((a) => ofKind.map((b) => [a, b] as const))
        .filter(([a, b]) => a !== b)) {
        const oneBytes = sound.image.get(one) ?? new Uint8Array(0)
        const otherBytes = sound.image.get(other) ?? new Uint8Array(0)
        for (const exchanged of [
          new Map(sound.image).set(one, otherBytes).set(other, oneBytes),
          new Map(sound.image).set(one, otherBytes),
        ]) {
          const { errors } = await readImage(sound, exchanged, `${one} and ${other} exchanged`)
          expect(errors.length, `${one} and ${other}`).toBeGreaterThan(0)
        }
      }
    }
  })

  test(
    'blocks in the place of others, of the same table and of another',
    async () => {
      const tables = files.filter((file) => file.endsWith('.sst'))
      const blocks = tables.flatMap((file) => blocksOf(sound.image, file).map((block) => ({ ...block, file })))
      let count = 0
      for (const to of blocks) {
        for (const from of blocks.filter(({ role, start }) => role === to.role && (start + to.start) % 3 === 0)) {
          count++
          if (from === to || (to.role === ROLE_DATA && STRIDE > 1 && count % 16 !== 0)) {
            continue
          }
          const bytes = Uint8Array.from(sound.image.get(to.file) ?? [])
          const moved = (sound.image.get(from.file) ?? bytes).subarray(from.start, from.end)
          bytes.set(moved.subarray(0, to.end - to.start), to.start)
          const what = `block ${from.start} of ${path.basename(from.file)} at ${to.start}`
          const { errors } = await check(to.file, bytes, to.start, what)
          expect(errors.length, `${to.file}: ${what} is not noticed`).toBeGreaterThan(0)
        }
      }
      expect(count).toBeGreaterThan(50)
    },
    TIMEOUT_MS,
  )

  test('a file taken away', async () => {
    for (const file of files) {
      const damaged = new Map(sound.image)
      damaged.delete(file)
      const reading = await readImage(sound, damaged, `${file} taken away`)
      if (reading.errors.length === 0) {
        checkExempt(reading, damaged, file, 0, `${file} taken away`)
      }
    }
  })
})

function offsetsToFlip(image: Image, file: string): number[] {
  const offsets = new Set<number>()
  for (const { start, end } of structureOf(image, file)) {
    for (let offset = start + (SEED % STRUCTURE_STRIDE); offset < end; offset += STRUCTURE_STRIDE) {
      offsets.add(offset)
    }
    offsets.add(end - 1)
  }
  for (let offset = SEED % STRIDE; offset < (image.get(file)?.length ?? 0); offset += STRIDE) {
    offsets.add(offset)
  }
  return [...offsets].toSorted((a, b) => a - b)
}

function lengthsToCut(sizeBytes: number): number[] {
  const isNearAnEdge = (length: number): boolean => length < EDGE_SIZE_BYTES || length > sizeBytes - EDGE_SIZE_BYTES
  return Array.from({ length: sizeBytes }, (_, length) => length).filter(
    (length) => (isNearAnEdge(length) && length % STRUCTURE_STRIDE === 0) || length % CUT_STRIDE === SEED % CUT_STRIDE,
  )
}
