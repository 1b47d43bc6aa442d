import { expect, test } from 'vitest'
import {
  fileNumber,
  isStoreFileName,
  manifestFileName,
  parseFileName,
  tableFileName,
  walFileName,
} from './file-names.ts'

test('numbers have at least six digits, and more where they need them', () => {
  expect(walFileName(fileNumber(12))).toBe('000012.wal')
  expect(tableFileName(fileNumber(999_999))).toBe('999999.sst')
  expect(tableFileName(fileNumber(1_000_000))).toBe('1000000.sst')
  expect(manifestFileName(fileNumber(7))).toBe('MANIFEST-000007')
  expect(manifestFileName(fileNumber(12_345_678))).toBe('MANIFEST-12345678')
})

test('every name comes back as its kind and number', () => {
  for (const value of [0, 1, 42, 99_999, 100_000, 999_999, 1_000_000, 1_000_001, 123_456_789, 10 ** 15 - 1]) {
    const number = fileNumber(value)
    expect(parseFileName(walFileName(number))).toEqual({ kind: 'wal', number })
    expect(parseFileName(tableFileName(number))).toEqual({ kind: 'table', number })
    expect(parseFileName(manifestFileName(number))).toEqual({ kind: 'manifest', number })
  }
})

test('files are ordered by number, where their names would not be', () => {
  const numbers = [9, 10, 999_999, 1_000_000, 10_000_000].map(fileNumber)
  const names = numbers.map(walFileName)
  expect(names.toSorted()).not.toEqual(names)
  expect(names.map((name) => parseFileName(name)?.number ?? -1).toSorted((a, b) => a - b)).toEqual(numbers)
})

test('what is nearly a name of the store is none', () => {
  for (const name of [
    '',
    '12.wal',
    '00012.wal',
    '0000012.wal',
    '01000000.sst',
    '000012.wal.bak',
    'x000012.wal',
    '000012.WAL',
    '000012.log',
    '000012',
    '000012.',
    '-00012.wal',
    '0x0012.wal',
    '00001e.wal',
    '000012.wal\n',
    ' 000012.wal',
    'MANIFEST-7',
    'MANIFEST-0000007',
    'MANIFEST-000007.tmp',
    'manifest-000007',
    'MANIFEST-000007.wal',
    '1000000000000000.sst',
  ]) {
    expect(parseFileName(name), JSON.stringify(name)).toBeUndefined()
    expect(isStoreFileName(name), JSON.stringify(name)).toBe(false)
  }
})

test('the names that carry no number are the store’s own, and nothing like them', () => {
  for (const name of ['CURRENT', 'CURRENT.tmp', 'LOCK', 'lost', '000001.sst', 'MANIFEST-000001']) {
    expect(isStoreFileName(name), name).toBe(true)
  }
  for (const name of ['current', 'CURRENT.bak', 'LOCK.tmp', 'Lost', 'lost+found', 'package.json']) {
    expect(isStoreFileName(name), name).toBe(false)
  }
})
