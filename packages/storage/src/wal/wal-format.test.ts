import { expect, test } from 'vitest'
import { checksum, checksumSeed } from '../checksum.ts'
import { putUint32, putUint64 } from '../coding.ts'
import { KIND_DELETE, KIND_PUT, SEQUENCE_MAX } from '../entry.ts'
import { UnsupportedError } from '../errors.ts'
import {
  WAL_FORMAT_VERSION,
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  putWalEntryHead,
  putWalHeader,
  readWalGroup,
  readWalHeader,
  sealWalGroup,
  walEntrySizeBytes,
  type WalHeader,
} from './wal-format.ts'

const HEADER: WalHeader = { number: 12, salt: 0xdeadbeef }
const GROUP_OFFSET = WAL_HEADER_SIZE_BYTES
const GROUP_END = GROUP_OFFSET + WAL_GROUP_HEADER_SIZE_BYTES + 5

/** The worked example: a log with one group that holds put "k" = "v". */
function exampleLog(baseSequence = 7): Buffer {
  const bytes = Buffer.alloc(GROUP_END)
  putWalHeader(bytes, HEADER)
  const keyOffset = putWalEntryHead(bytes, GROUP_OFFSET + WAL_GROUP_HEADER_SIZE_BYTES, KIND_PUT, 1, 1)
  bytes.write('kv', keyOffset, 'latin1')
  sealWalGroup(bytes, HEADER, GROUP_OFFSET, GROUP_END, 1, baseSequence, { number: 11, offset: 0x1234 })
  return bytes
}

test('the format is pinned, byte for byte', () => {
  expect([WAL_FORMAT_VERSION, WAL_HEADER_SIZE_BYTES, WAL_GROUP_HEADER_SIZE_BYTES]).toEqual([1, 32, 44])
  const log = exampleLog()
  expect(log.subarray(0, GROUP_OFFSET).toString('hex')).toBe(
    '564152564557414c' + '01000000' + 'efbeadde' + '0c00000000000000' + '00000000' + '64381120',
  )
  expect(log.subarray(GROUP_OFFSET, GROUP_OFFSET + WAL_GROUP_HEADER_SIZE_BYTES).toString('hex')).toBe(
    [
      '569932c3',
      '05000000',
      '01000000',
      '20000000',
      '0c00000000000000',
      '0700000000000000',
      '0b00000000000000',
      '34120000',
    ].join(''),
  )
  expect(log.subarray(GROUP_OFFSET + WAL_GROUP_HEADER_SIZE_BYTES).toString('hex')).toBe(
    '01' + '01' + '01' + '6b' + '76',
  )
})

test('a header comes back, with any number and salt', () => {
  for (const header of [HEADER, { number: 1, salt: 0 }, { number: 10 ** 15 - 1, salt: 0xffffffff }]) {
    const bytes = new Uint8Array(WAL_HEADER_SIZE_BYTES)
    putWalHeader(bytes, header)
    expect(readWalHeader(bytes, bytes.length, 'x.wal')).toEqual(header)
  }
})

test('a header that is cut, or of which any bit is flipped, is none', () => {
  const log = exampleLog()
  for (let length = 0; length < WAL_HEADER_SIZE_BYTES; length++) {
    expect(readWalHeader(log.subarray(0, length), length, 'x.wal'), `cut at ${length}`).toBeUndefined()
    expect(readWalHeader(log, length, 'x.wal'), `cut at ${length}`).toBeUndefined()
  }
  for (let bit = 0; bit < WAL_HEADER_SIZE_BYTES * 8; bit++) {
    expect(readWalHeader(withFlippedBit(log, bit), log.length, 'x.wal'), `bit ${bit}`).toBeUndefined()
  }
})

test('a whole header of something else is none, and one of a newer format is refused as newer', () => {
  const otherMagic = exampleLog()
  otherMagic.write('VARVEMAN', 0, 'latin1')
  putUint32(otherMagic, 28, checksum(otherMagic.subarray(0, 28), 0))
  expect(readWalHeader(otherMagic, otherMagic.length, 'x.wal')).toBeUndefined()
  const newer = exampleLog()
  putUint32(newer, 8, WAL_FORMAT_VERSION + 1)
  expect(readWalHeader(newer, newer.length, 'x.wal'), 'without a valid checksum it is only damage').toBeUndefined()
  putUint32(newer, 28, checksum(newer.subarray(0, 28), 0))
  expect(() => readWalHeader(newer, newer.length, '/d/000012.wal')).toThrow(UnsupportedError)
  expect(() => readWalHeader(newer, newer.length, '/d/000012.wal')).toThrow(/000012\.wal has log format 2/)
})

test('a group comes back with everything its header says', () => {
  const log = exampleLog()
  expect(readWalGroup(log, log.length, HEADER, GROUP_OFFSET)).toEqual({
    offset: GROUP_OFFSET,
    payloadOffset: GROUP_OFFSET + WAL_GROUP_HEADER_SIZE_BYTES,
    endOffset: GROUP_END,
    count: 1,
    baseSequence: 7,
    synced: { number: 11, offset: 0x1234 },
  })
})

test('a group of which any bit is flipped is not read', () => {
  const log = exampleLog()
  for (let bit = GROUP_OFFSET * 8; bit < GROUP_END * 8; bit++) {
    const damaged = withFlippedBit(log, bit)
    expect(readWalGroup(damaged, damaged.length, HEADER, GROUP_OFFSET), `bit ${bit}`).toBeUndefined()
  }
})

test('a group that is cut at any length is not read', () => {
  const log = exampleLog()
  for (let length = GROUP_OFFSET; length < GROUP_END; length++) {
    expect(readWalGroup(log, length, HEADER, GROUP_OFFSET), `cut at ${length}`).toBeUndefined()
    expect(readWalGroup(log.subarray(0, length), length, HEADER, GROUP_OFFSET), `cut at ${length}`).toBeUndefined()
  }
})

test('a group counts only in the log for which it was written', () => {
  const log = exampleLog()
  for (const header of [
    { ...HEADER, number: 13 },
    { ...HEADER, number: 12 + 2 ** 32 },
    { ...HEADER, salt: 0xdeadbeee },
    { ...HEADER, salt: 0 },
  ]) {
    expect(readWalGroup(log, log.length, header, GROUP_OFFSET), JSON.stringify(header)).toBeUndefined()
  }
})

test('a group that stands elsewhere is not read, even with its offset and number corrected', () => {
  const moved = Buffer.concat([exampleLog(), exampleLog().subarray(GROUP_OFFSET)])
  expect(readWalGroup(moved, moved.length, HEADER, GROUP_OFFSET)).toBeDefined()
  expect(readWalGroup(moved, moved.length, HEADER, GROUP_END)).toBeUndefined()
  putUint32(moved, GROUP_END + 12, GROUP_END)
  expect(readWalGroup(moved, moved.length, HEADER, GROUP_END)).toBeUndefined()
  const renumbered = exampleLog()
  putUint64(renumbered, GROUP_OFFSET + 16, 13)
  expect(readWalGroup(renumbered, renumbered.length, { ...HEADER, number: 13 }, GROUP_OFFSET)).toBeUndefined()
})

test('a group that says it stands elsewhere is not read, though its checksum is right', () => {
  const log = exampleLog()
  for (const [at, value] of [
    [12, GROUP_OFFSET + 1],
    [16, HEADER.number + 1],
  ] as const) {
    const wrong = Buffer.from(log)
    putUint32(wrong, GROUP_OFFSET + at, value)
    const seed = (checksumSeed(HEADER.number, GROUP_OFFSET) ^ HEADER.salt) >>> 0
    putUint32(wrong, GROUP_OFFSET, checksum(wrong.subarray(GROUP_OFFSET + 4, GROUP_END), seed))
    expect(readWalGroup(wrong, wrong.length, HEADER, GROUP_OFFSET), `field at ${at}`).toBeUndefined()
  }
})

test('zeros are no group', () => {
  const zeros = new Uint8Array(1000)
  expect(readWalGroup(zeros, zeros.length, { number: 0, salt: 0 }, 0)).toBeUndefined()
  expect(readWalGroup(zeros, zeros.length, HEADER, 100)).toBeUndefined()
})

test('a group without entries, or with sequences beyond the last possible one, is not read', () => {
  const log = exampleLog()
  sealWalGroup(log, HEADER, GROUP_OFFSET, GROUP_END, 0, 7, { number: 0, offset: 0 })
  expect(readWalGroup(log, log.length, HEADER, GROUP_OFFSET)).toBeUndefined()
  const last = exampleLog(SEQUENCE_MAX)
  expect(readWalGroup(last, last.length, HEADER, GROUP_OFFSET)?.baseSequence).toBe(SEQUENCE_MAX)
  const beyond = exampleLog(SEQUENCE_MAX + 1)
  expect(readWalGroup(beyond, beyond.length, HEADER, GROUP_OFFSET)).toBeUndefined()
})

test('a group whose size reaches beyond any file is not read', () => {
  const log = exampleLog()
  for (const size of [6, 2 ** 31, 2 ** 32 - 1]) {
    putUint32(log, GROUP_OFFSET + 4, size)
    expect(readWalGroup(log, log.length, HEADER, GROUP_OFFSET), String(size)).toBeUndefined()
  }
})

test('the size of an entry is what writing it takes', () => {
  for (const keySize of [0, 1, 127, 128, 65_536]) {
    for (const valueSize of [0, 1, 127, 128, 16_383, 16_384, 300_000]) {
      const bytes = new Uint8Array(32)
      expect(putWalEntryHead(bytes, 3, KIND_PUT, keySize, valueSize) - 3 + keySize + valueSize).toBe(
        walEntrySizeBytes(KIND_PUT, keySize, valueSize),
      )
      expect(putWalEntryHead(bytes, 3, KIND_DELETE, keySize, 0) - 3 + keySize).toBe(
        walEntrySizeBytes(KIND_DELETE, keySize, valueSize),
      )
    }
  }
})

function withFlippedBit(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}
