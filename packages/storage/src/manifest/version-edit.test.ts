import { expect, test } from 'vitest'
import { ByteWriter } from '../byte-writer.ts'
import { SEQUENCE_MAX, sequenceNumber } from '../entry.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { fileNumber } from '../file-names.ts'
import type { SeededRandom } from '../table/test-support/random-entries.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import { LEVEL_COUNT, decodeVersionEdit, encodeVersionEdit, type AddedTable, type VersionEdit } from './version-edit.ts'

const PATH = '/d/MANIFEST-000007'

/** Every field differs from every other, so that none can stand in another's place. */
const TABLE: AddedTable = {
  level: 3,
  run: 101,
  table: {
    number: fileNumber(102),
    sizeBytes: 103,
    entryCount: 104,
    tombstoneCount: 99,
    smallestKey: Buffer.from('apple'),
    largestKey: Buffer.from('pear'),
    smallestSequence: sequenceNumber(106),
    largestSequence: sequenceNumber(107),
    rawKeySizeBytes: 108,
    rawValueSizeBytes: 109,
  },
}

const roundTrip = (edit: VersionEdit): VersionEdit => decodeVersionEdit(encodeVersionEdit(edit), PATH, 0)

test('an edit that only sets the log number has its pinned bytes', () => {
  expect(Array.from(encodeVersionEdit({ logNumber: fileNumber(5) }))).toEqual([1, 5, 0, 0, 0, 0, 0, 0, 0])
})

test('the bytes of every other field are pinned', () => {
  const hex = (edit: VersionEdit): string => Buffer.from(encodeVersionEdit(edit)).toString('hex')
  expect(hex({})).toBe('')
  expect(hex({ nextFileNumber: 9 })).toBe('020900000000000000')
  expect(hex({ lastSequence: sequenceNumber(2 ** 40) })).toBe('030000000000010000')
  expect(hex({ deleted: [{ level: 6, number: fileNumber(7) }] })).toBe('05060700000000000000')
  expect(hex({ closedWals: [{ number: fileNumber(8), sizeBytes: 300 }] })).toBe('0608000000000000002c01000000000000')
  const word = (value: number): string => `${value.toString(16)}00000000000000`
  expect(hex({ added: [TABLE] })).toBe(
    `0403${[101, 102, 103, 104, 99].map(word).join('')}056170706c650470656172${[106, 107, 108, 109].map(word).join('')}`,
  )
})

test('every field comes back, alone and with the others, at its largest too', () => {
  const whole: VersionEdit = {
    logNumber: fileNumber(11),
    nextFileNumber: 10 ** 15 - 1,
    lastSequence: sequenceNumber(SEQUENCE_MAX),
    added: [
      TABLE,
      { ...TABLE, level: 0, run: SEQUENCE_MAX, table: { ...TABLE.table, smallestKey: new Uint8Array(0) } },
    ],
    deleted: [
      { level: 0, number: fileNumber(13) },
      { level: LEVEL_COUNT - 1, number: fileNumber(10 ** 15 - 1) },
    ],
    closedWals: [{ number: fileNumber(14), sizeBytes: Number.MAX_SAFE_INTEGER }],
  }
  expect(normal(roundTrip(whole))).toEqual(normal(whole))
  for (const name of Object.keys(whole) as (keyof VersionEdit)[]) {
    const alone: VersionEdit = { [name]: whole[name] }
    expect(normal(roundTrip(alone)), name).toEqual(normal(alone))
  }
})

test('a field that was not set stays unset: zero is a value', () => {
  const edit = roundTrip({ logNumber: fileNumber(0) })
  expect(edit.logNumber).toBe(0)
  expect(edit.lastSequence).toBeUndefined()
  expect(edit.nextFileNumber).toBeUndefined()
})

test('keys are copies: the manifest’s bytes need not stay', () => {
  const bytes = encodeVersionEdit({ added: [TABLE] })
  const edit = decodeVersionEdit(bytes, PATH, 0)
  bytes.fill(0)
  expect(Buffer.from(edit.added?.[0]?.table.smallestKey ?? []).toString()).toBe('apple')
})

test('an edit that is cut anywhere within a field is corruption at its place', () => {
  const bytes = encodeVersionEdit({ logNumber: fileNumber(5), added: [TABLE], closedWals: [] })
  for (let length = 1; length < bytes.length; length++) {
    const decode = (): unknown => decodeVersionEdit(bytes.subarray(0, length), PATH, 40)
    if (length === 9) {
      expect(decode).not.toThrow()
    } else {
      expect(decode, `cut at ${length}`).toThrow(CorruptionError)
      expect(decode).toThrow(/^\/d\/MANIFEST-000007 is damaged at offset \d+/)
    }
  }
})

test('an unknown field means a newer format', () => {
  for (const field of [0, 7, 8, 200, 2 ** 32 - 1]) {
    const writer = new ByteWriter()
    writer.varint(field)
    writer.uint64(1)
    expect(() => decodeVersionEdit(writer.finish(), PATH, 0), `field ${field}`).toThrow(UnsupportedError)
    expect(() => decodeVersionEdit(writer.finish(), PATH, 0)).toThrow(`field ${field}`)
  }
})

test('numbers that cannot be are corruption', () => {
  const cases: [string, VersionEdit][] = [
    ['a sequence', { lastSequence: sequenceNumber(SEQUENCE_MAX + 1) }],
    ['a log number', { logNumber: fileNumber(10 ** 15) }],
    ['a next file number', { nextFileNumber: 10 ** 15 }],
    ['a level of a deleted table', { deleted: [{ level: LEVEL_COUNT, number: fileNumber(1) }] }],
    ['a level of an added table', { added: [{ ...TABLE, level: LEVEL_COUNT }] }],
    ['a run', { added: [{ ...TABLE, run: SEQUENCE_MAX + 1 }] }],
    ['a table’s sequence', withTable({ largestSequence: sequenceNumber(SEQUENCE_MAX + 1) })],
    ['bounds', withTable({ smallestKey: Buffer.from('pear'), largestKey: Buffer.from('apple') })],
    ['bounds by a zero byte', withTable({ smallestKey: Buffer.from('a\0'), largestKey: Buffer.from('a') })],
    ['sequences', withTable({ smallestSequence: sequenceNumber(108) })],
    ['tombstones', withTable({ tombstoneCount: 105 })],
  ]
  for (const [name, edit] of cases) {
    expect(() => roundTrip(edit), name).toThrow(CorruptionError)
  }
  expect(
    () => roundTrip(withTable({ smallestKey: Buffer.from('pear'), tombstoneCount: 104 })),
    'at bounds',
  ).not.toThrow()
})

test('any bytes are an edit, corruption or a newer format, and nothing else happens', () => {
  const whole = encodeVersionEdit({
    logNumber: fileNumber(1),
    added: [TABLE, TABLE],
    deleted: [{ level: 1, number: fileNumber(2) }],
  })
  forEachSeed(300, (random) => {
    const bytes = random.below(2) === 0 ? random.bytes(random.below(80)) : mutated(whole, random)
    try {
      decodeVersionEdit(bytes, PATH, 0)
    } catch (error) {
      if (!(error instanceof CorruptionError || error instanceof UnsupportedError)) {
        throw error
      }
    }
  })
})

function withTable(changes: Partial<AddedTable['table']>): VersionEdit {
  return { added: [{ ...TABLE, table: { ...TABLE.table, ...changes } }] }
}

/** With lists where there are none, and keys as arrays, so that `toEqual` compares what counts. */
function normal(edit: VersionEdit): unknown {
  const added = (edit.added ?? []).map(({ level, run, table }) => ({
    level,
    run,
    ...table,
    smallestKey: Array.from(table.smallestKey),
    largestKey: Array.from(table.largestKey),
  }))
  return { deleted: [], closedWals: [], ...edit, added }
}

function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const copy = bytes.slice()
  for (let i = random.below(4); i >= 0; i--) {
    copy[random.below(copy.length)] = random.below(256)
  }
  return copy
}
