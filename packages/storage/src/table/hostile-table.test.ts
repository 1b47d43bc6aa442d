/** Tables with right checksums that once made reads go astray: kept counter-examples. */
import { expect, test } from 'vitest'
import { KIND_PUT } from '../entry.ts'
import { CorruptionError } from '../errors.ts'
import { ROLE_DATA, decodeBlock } from './block.ts'
import { BlockBuffer } from './block-buffer.ts'
import { BlockBuilder } from './block-builder.ts'
import { BlockCursor } from './block-cursor.ts'
import { AT_ENTRY } from './block-source.ts'
import { IndexWriter } from './index-writer.ts'
import { TableCursor } from './table-cursor.ts'
import { BLOCK_TRAILER_SIZE_BYTES, TABLE_FOOTER_SIZE_BYTES, putBlockTrailer, putTableFooter } from './table-format.ts'
import { TableOutput } from './table-output.ts'
import { encodeTableProperties } from './table-properties.ts'
import { TableReader } from './table-reader.ts'
import { TableScan } from './table-scan.ts'
import { MemoryFile } from './test-support/memory-file.ts'
import { EagerSource, TEST_TABLE_NUMBER, type TestEntry, writeTable } from './test-support/random-entries.ts'
import { ownRegion } from './workspace.ts'

const entry = (key: string): TestEntry => ({
  key: Buffer.from(key),
  sequence: 7,
  kind: KIND_PUT,
  value: Buffer.from('value'),
})

/** A table of one data block that its index names `count` times, under one partition or `count` of them. */
function tableOfOneBlock(count: number, partitionCount: number): MemoryFile {
  const { metadata } = writeTable([entry('a')])
  const file = new MemoryFile('000042.sst')
  const output = new TableOutput(file, TEST_TABLE_NUMBER, ownRegion(1024 * 1024))
  const handle = { offset: 0, sizeBytes: 0 }
  const data = new BlockBuilder(output.buffer)
  const { key, sequence, kind, value } = entry('a')
  data.add(key, 0, 1, 0, sequence, kind, value, 0, value.length)
  data.finish()
  output.seal(handle)
  const index = new IndexWriter(output, undefined)
  for (let partition = 0; partition < partitionCount; partition++) {
    for (let i = 0; i < count; i++) {
      index.add(key, 0, 1, 0, handle)
    }
    index.finishPartition()
  }
  const topIndex = { offset: 0, sizeBytes: 0 }
  index.finishTop(topIndex)
  const bytes = encodeTableProperties({ ...metadata, dataBlockCount: count, partitionCount, filterBitsPerKey: 0 })
  const properties = { offset: 0, sizeBytes: 0 }
  output.append(bytes, 0, bytes.length, properties)
  output.makeRoom(TABLE_FOOTER_SIZE_BYTES)
  const fileSizeBytes = output.sizeBytes + TABLE_FOOTER_SIZE_BYTES
  putTableFooter(output.buffer.bytes, output.buffer.end, {
    topIndex,
    properties,
    tableNumber: TEST_TABLE_NUMBER,
    fileSizeBytes,
  })
  output.buffer.end += TABLE_FOOTER_SIZE_BYTES
  output.finish()
  output.sync()
  return file
}

/** A few bytes an index entry could stand for as many entries as a block holds, a million times over. */
test.each([
  [1000, 1],
  [1, 1000],
])(
  'an index that names one block %i times, in %i partitions, is damage in both directions',
  (count, partitionCount) => {
    const file = tableOfOneBlock(count, partitionCount)
    for (const isReverse of [false, true]) {
      const cursor = new TableCursor(TableReader.openSync(file, TEST_TABLE_NUMBER, file.sizeSync()), new EagerSource())
      let seen = 0
      expect(() => {
        let status = isReverse ? cursor.seekToLast() : cursor.seekToFirst()
        while (status === AT_ENTRY) {
          seen++
          status = isReverse ? cursor.previous() : cursor.next()
        }
      }).toThrow(CorruptionError)
      expect(seen).toBe(1)
    }
  },
)

test('a restart point within an entry is damage, not other entries when stepping back', () => {
  const buffer = new BlockBuffer(ownRegion(4096))
  const builder = new BlockBuilder(buffer)
  // The value of the first entry looks like an entry itself.
  const value = Buffer.from([0, 1, 0, 0x11, 1, 0x62])
  builder.add(Buffer.from('a'), 0, 1, 0, 1, KIND_PUT, value, 0, value.length)
  for (let i = 0; i < 16; i++) {
    builder.add(Buffer.from(`b${String.fromCharCode(97 + i)}`), 0, 2, i === 0 ? 0 : 1, 1, KIND_PUT, value, 0, 1)
  }
  builder.finish()
  const size = buffer.end - buffer.start
  const bytes = new Uint8Array(size + BLOCK_TRAILER_SIZE_BYTES)
  bytes.set(buffer.bytes.subarray(buffer.start, buffer.end))
  // The second restart point moves into the first entry's value.
  new DataView(bytes.buffer).setUint32(size - 8, 6, true)
  putBlockTrailer(bytes, 0, size, 42, 0)
  const cursor = new BlockCursor()
  cursor.reset(decodeBlock(bytes, 0, size, ROLE_DATA, '000042.sst', 42, 0))
  const back: string[] = []
  expect(() => {
    for (let isThere = cursor.seekToLast(); isThere; isThere = cursor.previous()) {
      back.push(Buffer.from(cursor.key.subarray(0, cursor.keySize)).toString())
    }
  }).toThrow(CorruptionError)
  // The entry that stands within the first one's value, and not that one as well.
  expect(back.at(-1)).toBe('b')
})

test.each(['smallestKey', 'largestKey'] as const)('a scan finds that %s is not what it is said to be', (name) => {
  const { file } = writeTable([entry('b'), entry('c')], { bloomBitsPerKey: 0 })
  const bytes = file.toBytes()
  const table = TableReader.openSync(file, TEST_TABLE_NUMBER, bytes.length)
  const view = new DataView(bytes.buffer)
  const offset = view.getUint32(bytes.length - TABLE_FOOTER_SIZE_BYTES + 8, true)
  const size = view.getUint32(bytes.length - TABLE_FOOTER_SIZE_BYTES + 12, true)
  const lying = encodeTableProperties({ ...table.properties, [name]: Buffer.from(name === 'smallestKey' ? 'a' : 'd') })
  expect(lying).toHaveLength(size)
  bytes.set(lying, offset)
  putBlockTrailer(bytes, offset, offset + size, TEST_TABLE_NUMBER, offset)
  const scan = new TableScan(new MemoryFile('000042.sst', bytes), TEST_TABLE_NUMBER, bytes.length)
  expect(() => {
    while (scan.next()) {
      // Only what it comes to matters.
    }
  }).toThrow(/bounds/)
})
