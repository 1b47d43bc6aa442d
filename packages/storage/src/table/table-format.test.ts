import { expect, test } from 'vitest'
import { CODECS, isCodecAvailable } from '../compression/codec.ts'
import { checksum, checksumSeed } from '../checksum.ts'
import { putUint32 } from '../coding.ts'
import { KIND_DELETE, KIND_PUT } from '../entry.ts'
import { MemoryFile } from './test-support/memory-file.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { fileNumber } from '../file-names.ts'
import { type Block, ROLE_DATA, decodeBlock } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import * as format from './table-format.ts'
import { PROPERTY_TAGS, decodeTableProperties, encodeTableProperties } from './table-properties.ts'
import { TableReader } from './table-reader.ts'
import { TEST_TABLE_NUMBER, openTable, writeTable } from './test-support/random-entries.ts'

const encoder = new TextEncoder()

const ENTRIES = [
  { key: encoder.encode('ant'), sequence: 7, kind: KIND_PUT, value: encoder.encode('1') },
  { key: encoder.encode('anteater'), sequence: 300, kind: KIND_DELETE, value: new Uint8Array(0) },
]

test('constants on disk never change', () => {
  expect(format.TABLE_FORMAT_VERSION).toBe(1)
  expect(format.TABLE_FOOTER_SIZE_BYTES).toBe(48)
  expect(format.BLOCK_TRAILER_SIZE_BYTES).toBe(5)
  expect(format.RESTART_INTERVAL).toBe(16)
  expect(format.INDEX_BLOCK_SIZE_BYTES).toBe(4096)
  expect(CODECS).toEqual(['none', 'lz4', 'deflate', 'zstd'])
  expect(format.KIND_INDEX).toBe(0)
  expect(format.FILTER_HASH_SEED).toBe(0x76617276)
  expect(Object.values(PROPERTY_TAGS)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
})

test('the bytes of a small table', () => {
  const { file, metadata } = writeTable(ENTRIES)
  const bytes = file.toBytes()
  expect(bytes.length).toBe(metadata.sizeBytes)
  const block = '00030111 07 616e74 31 03050022 2c01 6561746572 00000000 01000000 00'.replaceAll(' ', '')
  expect(Buffer.from(bytes.subarray(0, block.length / 2)).toString('hex')).toBe(block)
  expect(Buffer.from(bytes.subarray(-16)).toString('latin1')).toBe('\x01\0\0\0\0\0\0\0VARVESST')
  expect(checksum(bytes, 0)).toMatchInlineSnapshot(`2968032528`)
})

/** Each codec's bytes as they stood in the first file that had them: they must be read for ever. */
const COMPRESSED = {
  lz4: '88012aff0d0003781107616e7461206c61796572206f6620736564696d656e742014005180000000000100000001b3657659',
  deflate: '8801276360ae10644fcc2b4954c849ac4c2d52c84f53284e4dc9cc4dcd2b51a0871803030303239000000228fef524',
  zstd:
    '88013528b52ffd208865010044020003781107616e7461206c61796572206f6620736564696d656e74200000000001000000' +
    '0100844ba71303488a61c7',
} as const

const SEDIMENT = {
  key: encoder.encode('ant'),
  sequence: 7,
  kind: KIND_PUT,
  value: encoder.encode('a layer of sediment '.repeat(6)),
}

test.each(['lz4', 'deflate', 'zstd'] as const)('the bytes of a block that is compressed by %s', (codec) => {
  const block = Buffer.from(COMPRESSED[codec], 'hex')
  const read = (): Block =>
    decodeBlock(block, 0, block.length - format.BLOCK_TRAILER_SIZE_BYTES, ROLE_DATA, 'x', TEST_TABLE_NUMBER, 0)
  if (!isCodecAvailable(codec)) {
    expect(read).toThrow(UnsupportedError)
    return
  }
  const cursor = new BlockCursor()
  cursor.reset(read())
  expect(cursor.next()).toBe(true)
  const { key, keySize, sequence, kind, valueOffset, valueSize } = cursor
  const value = cursor.block.bytes.subarray(valueOffset, valueOffset + valueSize)
  expect(Buffer.from(key.subarray(0, keySize)).toString()).toBe('ant')
  expect([sequence, kind, Buffer.from(value).toString()]).toEqual([7, KIND_PUT, 'a layer of sediment '.repeat(6)])
  expect(cursor.next()).toBe(false)
  // Ours makes the same of it; the runtime's codecs may find another way some day.
  if (codec === 'lz4') {
    const { file } = writeTable([SEDIMENT], { codec })
    expect(Buffer.from(file.toBytes().subarray(0, block.length)).toString('hex')).toBe(COMPRESSED[codec])
  }
})

test('what a newer version wrote is refused as such', () => {
  const { file } = writeTable(ENTRIES)
  const bytes = file.toBytes()
  const footer = bytes.length - format.TABLE_FOOTER_SIZE_BYTES
  format.putTableFooter(
    bytes,
    footer,
    format.readTableFooter(bytes, footer, file.path, TEST_TABLE_NUMBER, bytes.length),
    format.TABLE_FORMAT_VERSION + 1,
  )
  const newer = new MemoryFile(file.path, bytes)
  expect(() => TableReader.openSync(newer, TEST_TABLE_NUMBER, bytes.length)).toThrow(UnsupportedError)
})

test('an unknown compression is refused by name', () => {
  const block = writeTable(ENTRIES).file.toBytes().slice(0, 32)
  block[27] = 9
  putUint32(block, 28, checksum(block.subarray(0, 28), checksumSeed(TEST_TABLE_NUMBER, 0)))
  expect(() => decodeBlock(block, 0, 27, ROLE_DATA, 'x', TEST_TABLE_NUMBER, 0)).toThrow(/compression type 9/)
})

test('a table under another number or size is damaged', () => {
  const { file, metadata } = writeTable(ENTRIES)
  expect(() => TableReader.openSync(file, fileNumber(43), metadata.sizeBytes)).toThrow(CorruptionError)
  expect(() => TableReader.openSync(file, TEST_TABLE_NUMBER, metadata.sizeBytes + 1)).toThrow(CorruptionError)
})

test('unknown properties are skipped below 128, refused from there on', () => {
  const properties = openTable(writeTable(ENTRIES)).properties
  const bytes = encodeTableProperties(properties)
  expect(decodeTableProperties(bytes, 'x', 0)).toEqual(properties)
  const withTag = (tag: number): Uint8Array => Uint8Array.of(...bytes, tag, 2, 1, 1)
  expect(decodeTableProperties(withTag(100), 'x', 0)).toEqual(properties)
  expect(() => decodeTableProperties(withTag(128), 'x', 0)).toThrow(UnsupportedError)
  expect(() => decodeTableProperties(bytes.subarray(0, bytes.length - 1), 'x', 0)).toThrow(CorruptionError)
})
