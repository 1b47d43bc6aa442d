import { expect, test } from 'vitest'
import { MemoryFile } from './test-support/memory-file.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { type FileNumber, fileNumber } from '../file-names.ts'
import { AT_ENTRY, FOUND } from './block-source.ts'
import { checkTable } from './table-check.ts'
import { TableCursor } from './table-cursor.ts'
import { hashKey } from './hash.ts'
import { FILTER_HASH_SEED } from './table-format.ts'
import { LookUpResult, lookUp } from './table-look-up.ts'
import { TableReader } from './table-reader.ts'
import { TableScan } from './table-scan.ts'
import { Workspace } from './workspace.ts'
import {
  EagerSource,
  SeededRandom,
  TEST_TABLE_NUMBER,
  type TestEntry,
  checkEqual,
  checkSame,
  randomEntries,
  writeTable,
} from './test-support/random-entries.ts'

const ENTRIES = randomEntries(new SeededRandom(3), 60)
  .filter((entry) => entry.value.length < 50)
  .slice(0, 60)
/** Its reads are too many for a buffer each. */
const WORKSPACE = new Workspace(1024 * 1024)
const { file: FILE, metadata: METADATA } = writeTable(ENTRIES, { blockSizeBytes: 128 })
const BYTES = FILE.toBytes()

/** Runs `read`; it may throw an error that names the file, and nothing else. */
function attempt(read: () => void, where: string): boolean {
  try {
    read()
    return true
  } catch (error) {
    const isExpected =
      error instanceof UnsupportedError ||
      (error instanceof CorruptionError && error.path === FILE.path && error.offset >= 0)
    checkEqual(isExpected, true, `${where}: ${String(error)}`)
    return false
  }
}

function readByCursor(file: MemoryFile, sizeBytes: number): number {
  const cursor = new TableCursor(TableReader.openSync(file, TEST_TABLE_NUMBER, sizeBytes), new EagerSource())
  let count = 0
  for (let status = cursor.seekToFirst(); status === AT_ENTRY; status = cursor.next()) {
    const key = cursor.key.slice(0, cursor.keySize)
    const value = cursor.block.bytes.slice(cursor.valueOffset, cursor.valueOffset + cursor.valueSize)
    checkSame({ key, value, sequence: cursor.sequence, kind: cursor.kind }, ENTRIES[count], 'by cursor')
    count++
  }
  return count
}

function readByScan(file: MemoryFile, sizeBytes: number): number {
  const scan = new TableScan(file, TEST_TABLE_NUMBER, sizeBytes, WORKSPACE)
  try {
    while (scan.next()) {
      checkEqual(scan.sequence, (ENTRIES[scan.entryCount - 1] as TestEntry).sequence, 'by scan')
    }
  } finally {
    scan.close()
  }
  return scan.entryCount
}

function readByLookUp(file: MemoryFile, sizeBytes: number): void {
  const table = TableReader.openSync(file, TEST_TABLE_NUMBER, sizeBytes)
  const source = new EagerSource()
  const result = new LookUpResult()
  for (const { key, sequence } of ENTRIES) {
    const hash = hashKey(key, 0, key.length, FILTER_HASH_SEED)
    checkEqual(lookUp(table, source, key, key.length, hash, sequence, result), FOUND, 'by look-up')
    checkEqual(result.sequence, sequence, 'by look-up')
  }
}

test('flip any byte: an error or right data, and a check finds it', () => {
  expect(ENTRIES.length).toBeGreaterThan(40)
  for (let at = 0; at < BYTES.length; at++) {
    for (const change of [0x01, 0x80, 0xff]) {
      const file = new MemoryFile(FILE.path, BYTES.with(at, (BYTES[at] as number) ^ change))
      const where = `byte ${at} ^ ${change}`
      attempt(() => checkEqual(readByCursor(file, BYTES.length), ENTRIES.length, where), where)
      attempt(() => checkEqual(readByScan(file, BYTES.length), ENTRIES.length, where), where)
      attempt(() => readByLookUp(file, BYTES.length), where)
      const isPassed = attempt(() => checkTable(file, TEST_TABLE_NUMBER, METADATA, WORKSPACE), where)
      checkEqual(isPassed, false, where)
    }
  }
})

test('cut or lengthen: an error', () => {
  for (let size = 0; size < BYTES.length; size++) {
    const file = new MemoryFile(FILE.path, BYTES.slice(0, size))
    checkEqual(
      attempt(() => readByCursor(file, size), `${size} bytes`),
      false,
      `${size} bytes`,
    )
    checkEqual(
      attempt(() => readByCursor(file, BYTES.length), `${size} bytes`),
      false,
      `${size} bytes`,
    )
  }
  const longer = new MemoryFile(FILE.path, Uint8Array.of(...BYTES, 0))
  expect(attempt(() => readByCursor(longer, BYTES.length), 'longer')).toBe(false)
  expect(attempt(() => readByCursor(longer, BYTES.length + 1), 'longer')).toBe(false)
})

test('blocks swapped within the file, or taken from another one, are found', () => {
  const block = { ...(ENTRIES[0] as TestEntry), value: new Uint8Array(300) }
  const entries = [1, 2, 3].map((n) => ({ ...block, key: Uint8Array.of(n, 1) }))
  const { file, metadata } = writeTable(entries, { blockSizeBytes: 64 })
  const bytes = file.toBytes()
  expect(TableReader.openSync(file, TEST_TABLE_NUMBER, bytes.length).properties.dataBlockCount).toBe(3)
  const scanOf = (changed: Uint8Array, number: FileNumber): (() => void) => {
    return () => {
      const scan = new TableScan(new MemoryFile(FILE.path, changed), number, metadata.sizeBytes)
      while (scan.next()) {
        // Only the checks of the scan matter.
      }
    }
  }
  expect(scanOf(bytes, TEST_TABLE_NUMBER)).not.toThrow()
  expect(scanOf(bytes, fileNumber(43))).toThrow(CorruptionError)
  const cursor = new TableCursor(TableReader.openSync(file, TEST_TABLE_NUMBER, bytes.length), new EagerSource())
  cursor.seekToLast()
  const blockSize = cursor.block.bytes.length
  const swapped = bytes.slice()
  swapped.set(bytes.subarray(blockSize, 2 * blockSize), 0)
  swapped.set(bytes.subarray(0, blockSize), blockSize)
  expect(scanOf(swapped, TEST_TABLE_NUMBER)).toThrow(/checksum/)
})
