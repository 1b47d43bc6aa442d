import { expect, test } from 'vitest'
import { AssertionError } from '../assert.ts'
import { checksum } from '../checksum.ts'
import { putUint32 } from '../coding.ts'
import { sequenceNumber } from '../entry.ts'
import { CorruptionError, IoError, UnsupportedError } from '../errors.ts'
import { fileNumber } from '../file-names.ts'
import { MemoryFiles } from '../test-support/memory-files.ts'
import {
  MANIFEST_FORMAT_VERSION,
  MANIFEST_HEADER_SIZE_BYTES,
  MANIFEST_RECORD_HEADER_SIZE_BYTES,
  encodeManifestHeader,
  encodeManifestRecord,
} from './manifest-format.ts'
import { readManifest } from './manifest-reader.ts'
import { ManifestWriter } from './manifest-writer.ts'
import { encodeVersionEdit, type VersionEdit } from './version-edit.ts'

const NUMBER = fileNumber(7)
const PATH = '/d/MANIFEST-000007'
const EDITS: VersionEdit[] = [
  { logNumber: fileNumber(3), nextFileNumber: 8, lastSequence: sequenceNumber(0) },
  { deleted: [{ level: 2, number: fileNumber(4) }] },
  { lastSequence: sequenceNumber(2 ** 40), closedWals: [{ number: fileNumber(5), sizeBytes: 77 }] },
]

/** A manifest with the three edits, and where each of its records begins; the last number is its size. */
async function example(): Promise<{ bytes: Uint8Array; offsets: number[] }> {
  const files = new MemoryFiles()
  const [fullState = {}, ...later] = EDITS
  const writer = await ManifestWriter.create(files, PATH, NUMBER, fullState)
  const offsets = [MANIFEST_HEADER_SIZE_BYTES, writer.sizeBytes]
  for (const edit of later) {
    await writer.append(edit)
    offsets.push(writer.sizeBytes)
  }
  await writer.close()
  return { bytes: files.bytesOf(PATH), offsets }
}

async function read(bytes: Uint8Array, number = NUMBER): ReturnType<typeof readManifest> {
  const files = new MemoryFiles()
  files.set(PATH, bytes)
  return await readManifest(files, PATH, number)
}

test('the format is pinned, byte for byte', () => {
  expect([MANIFEST_FORMAT_VERSION, MANIFEST_HEADER_SIZE_BYTES, MANIFEST_RECORD_HEADER_SIZE_BYTES]).toEqual([1, 32, 8])
  expect(Buffer.from(encodeManifestHeader(NUMBER)).toString('hex')).toBe(
    '56415256454d414e' + '01000000' + '00000000' + '0700000000000000' + '00000000' + '753cf477',
  )
  const edit = encodeVersionEdit({ logNumber: fileNumber(5) })
  expect(Buffer.from(encodeManifestRecord(edit, NUMBER, 32)).toString('hex')).toBe(
    '2cfa696e' + '09000000' + '010500000000000000',
  )
})

test('edits come back in order, and their size is the file’s', async () => {
  const { bytes } = await example()
  const { edits, sizeBytes, tornSizeBytes } = await read(bytes)
  expect(edits).toEqual(EDITS.map((edit) => ({ added: [], deleted: [], closedWals: [], ...edit })))
  expect([sizeBytes, tornSizeBytes]).toEqual([bytes.length, 0])
})

test('a last record that is cut at any length is a torn tail', async () => {
  const { bytes, offsets } = await example()
  const start = offsets[2] ?? 0
  for (let length = start; length < bytes.length; length++) {
    const { edits, sizeBytes, tornSizeBytes } = await read(bytes.subarray(0, length))
    expect([edits.length, sizeBytes, tornSizeBytes], `cut at ${length}`).toEqual([2, start, length - start])
  }
})

test('a last record of which any byte is wrong is a torn tail', async () => {
  const { bytes, offsets } = await example()
  const start = offsets[2] ?? 0
  for (let at = start; at < bytes.length; at++) {
    const { edits, sizeBytes, tornSizeBytes } = await read(withByteFlipped(bytes, at))
    expect([edits.length, sizeBytes, tornSizeBytes], `byte ${at}`).toEqual([2, start, bytes.length - start])
  }
})

test('zeros behind the last record are a torn tail', async () => {
  const { bytes } = await example()
  const { edits, tornSizeBytes } = await read(Buffer.concat([bytes, Buffer.alloc(500)]))
  expect([edits.length, tornSizeBytes]).toEqual([3, 500])
})

test('a damaged record that whole ones follow is corruption, whichever of its bytes it is', async () => {
  const { bytes, offsets } = await example()
  const [, start = 0, end = 0] = offsets
  for (let at = start; at < end; at++) {
    await expect(read(withByteFlipped(bytes, at)), `byte ${at}`).rejects.toMatchObject({
      code: 'VARVE_CORRUPTION',
      path: PATH,
      offset: start,
    })
  }
})

test('a manifest without its first record is corruption, torn or not', async () => {
  const { bytes, offsets } = await example()
  const end = offsets[1] ?? 0
  for (let length = 0; length < end; length++) {
    await expect(read(bytes.subarray(0, length)), `cut at ${length}`).rejects.toThrow(CorruptionError)
  }
  for (let at = 0; at < end; at++) {
    await expect(read(withByteFlipped(bytes, at)), `byte ${at}`).rejects.toThrow(CorruptionError)
  }
  expect((await read(bytes.subarray(0, end))).edits).toHaveLength(1)
})

test('records that change their places are found', async () => {
  const { bytes, offsets } = await example()
  const [, first = 0, second = 0] = offsets
  const swapped = Buffer.concat([bytes.subarray(0, first), bytes.subarray(second), bytes.subarray(first, second)])
  const { edits, tornSizeBytes } = await read(swapped)
  expect([edits.length, tornSizeBytes], 'none of them is whole where it stands').toEqual([1, bytes.length - first])
})

test('a manifest under another’s name is corruption, even with a record of the right number', async () => {
  const { bytes } = await example()
  await expect(read(bytes, fileNumber(8))).rejects.toThrow(/manifest 7 under the name of manifest 8/)
})

test('a newer format with a valid checksum is refused as newer, without one it is damage', async () => {
  const { bytes } = await example()
  putUint32(bytes, 8, MANIFEST_FORMAT_VERSION + 1)
  await expect(read(bytes)).rejects.toThrow(CorruptionError)
  putUint32(bytes, 28, checksum(bytes.subarray(0, 28), 0))
  await expect(read(bytes)).rejects.toThrow(UnsupportedError)
  await expect(read(bytes)).rejects.toThrow(/manifest format 2; this version of Varve reads up to 1/)
})

test('a newer field in a whole record is refused as newer, not cut off', async () => {
  const { bytes } = await example()
  const record = encodeManifestRecord(Uint8Array.of(99, 1, 2), NUMBER, bytes.length)
  await expect(read(Buffer.concat([bytes, record]))).rejects.toThrow(UnsupportedError)
})

test('a manifest is durable, header and edit, before `create` and `append` resolve', async () => {
  const files = new MemoryFiles()
  const writer = await ManifestWriter.create(files, PATH, NUMBER, {})
  expect(files.log).toEqual([`create ${PATH}`, `write ${PATH}`, `write ${PATH}`, `sync ${PATH}`])
  await writer.append({})
  expect(files.log.slice(4)).toEqual([`write ${PATH}`, `sync ${PATH}`])
  await expect(ManifestWriter.create(files, PATH, NUMBER, {}), 'never over another').rejects.toThrow(IoError)
})

test('nothing is written to a manifest after a failed write or sync', async () => {
  for (const operation of ['write', 'dataSync'] as const) {
    const files = new MemoryFiles()
    const writer = await ManifestWriter.create(files, PATH, NUMBER, {})
    const file = files.openSync(PATH, 'update')
    const works = file[operation]
    Object.assign(file, {
      [operation]: () => Promise.reject(new IoError('writing', PATH, new Error('EIO'))),
    })
    await expect(writer.append({})).rejects.toThrow(IoError)
    Object.assign(file, { [operation]: works })
    await expect(writer.append({})).rejects.toThrow(AssertionError)
  }
})

function withByteFlipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes[at] ?? 0) ^ 0x40)
}
