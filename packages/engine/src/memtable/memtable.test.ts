import {
  AssertionError,
  KIND_DELETE,
  KIND_PUT,
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  fileNumber,
  hashKey,
  putWalEntryHead,
  readWalHeader,
  walEntrySizeBytes,
} from '@varve/storage'
import { expect, test } from 'vitest'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { HASH_SEED } from '../test-support/write-fixture.ts'
import { Wal } from '../wal/wal.ts'
import { ArenaPool } from './arena.ts'
import { NO_ENTRY } from './hash-index.ts'
import { ARENA_OVERHEAD_SIZE_BYTES, Memtable } from './memtable.ts'

const FIRST = 1000

function createMemtable(sizeBytes = 64 * 1024): Memtable {
  const wal = new Wal(new MemoryEnv(), '/d', fileNumber(12))
  return new Memtable(new ArenaPool(sizeBytes, 1).take(sizeBytes), wal, FIRST, HASH_SEED)
}

const put = (memtable: Memtable, key: string, value: string): void =>
  memtable.add(KIND_PUT, key, Buffer.byteLength(key), value, Buffer.byteLength(value))

/** The value that a reader at `sequence` finds; `null` is a tombstone. */
function get(memtable: Memtable, key: string, sequence: number): string | null | undefined {
  const bytes = Buffer.from(key)
  const entry = memtable.find(bytes, bytes.length, hashKey(bytes, 0, bytes.length, HASH_SEED), sequence)
  if (entry === NO_ENTRY) {
    return undefined
  }
  if (memtable.kindOf(entry) === KIND_DELETE) {
    return null
  }
  const offset = memtable.keyOffsetOf(entry) + memtable.keySizeOf(entry)
  return memtable.arena.bytes.toString('utf8', offset, offset + memtable.valueSizeOf(entry))
}

test('an arena begins with the header of its log', () => {
  const memtable = createMemtable()
  expect(readWalHeader(memtable.arena.bytes, WAL_HEADER_SIZE_BYTES, 'x')).toEqual(memtable.wal.header)
  expect([memtable.count, memtable.usedOffset, memtable.hasCommitted]).toEqual([0, WAL_HEADER_SIZE_BYTES, false])
})

test('a reader sees the newest version at or before its sequence', () => {
  const memtable = createMemtable()
  memtable.beginGroup()
  put(memtable, 'k', 'one')
  put(memtable, 'other', 'x')
  memtable.add(KIND_DELETE, 'k', 1, '', 0)
  put(memtable, 'k', 'two')
  const seen = [-1, 0, 1, 2, 3, 100].map((after) => get(memtable, 'k', FIRST + after))
  expect(seen).toEqual([undefined, 'one', 'one', null, 'two', 'two'])
  expect(get(memtable, 'other', FIRST)).toBeUndefined()
  expect(get(memtable, 'other', FIRST + 1)).toBe('x')
  expect(get(memtable, 'K', FIRST + 100)).toBeUndefined()
})

test('values of every size come back', () => {
  const memtable = createMemtable(256 * 1024)
  for (const size of [0, 1, 31, 32, 33, 127, 128, 16_383, 16_384]) {
    put(memtable, `k${size}`, 'v'.repeat(size))
    put(memtable, `${'k'.repeat(200)}${size}`, 'w'.repeat(size))
  }
  for (const size of [0, 1, 31, 32, 33, 127, 128, 16_383, 16_384]) {
    expect(get(memtable, `k${size}`, Infinity) === 'v'.repeat(size), String(size)).toBe(true)
    expect(get(memtable, `${'k'.repeat(200)}${size}`, Infinity) === 'w'.repeat(size), String(size)).toBe(true)
  }
})

test('what failed is hidden for ever, whatever sequences come after, and older versions are found again', () => {
  const memtable = createMemtable()
  put(memtable, 'k', 'visible')
  put(memtable, 'k', 'failed')
  put(memtable, 'new', 'failed')
  memtable.failUncommitted(FIRST)
  for (const sequence of [FIRST, FIRST + 1, FIRST + 2, FIRST + 1000]) {
    expect(get(memtable, 'k', sequence)).toBe('visible')
    expect(get(memtable, 'new', sequence)).toBeUndefined()
    expect(memtable.visibleCount(sequence)).toBe(1)
  }
  memtable.failUncommitted(FIRST + 2)
  expect(get(memtable, 'new', FIRST + 1000), 'a later failure brings nothing back').toBeUndefined()
  const later = createMemtable()
  put(later, 'k', 'failed')
  later.failUncommitted(FIRST - 5)
  expect(later.visibleCount(Infinity), 'all of a later memtable').toBe(0)
})

test('room is counted to the byte, the group’s header included', () => {
  const memtable = createMemtable(4096)
  const room = 4096 - ARENA_OVERHEAD_SIZE_BYTES
  expect([memtable.hasRoom(room, 1), memtable.hasRoom(room + 1, 1)]).toEqual([true, false])
  memtable.beginGroup()
  put(memtable, 'k', 'v')
  const used = WAL_HEADER_SIZE_BYTES + WAL_GROUP_HEADER_SIZE_BYTES + walEntrySizeBytes(KIND_PUT, 1, 1)
  expect(memtable.usedOffset).toBe(used)
  const rest = 4096 - used - WAL_GROUP_HEADER_SIZE_BYTES
  expect([memtable.hasRoom(rest, 1), memtable.hasRoom(rest + 1, 1)]).toEqual([true, false])
})

test('entries are bounded in number too, so that the index does not outgrow the arena', () => {
  const memtable = createMemtable(64 * 1024)
  let count = 0
  for (; memtable.hasRoom(3, 1); count++) {
    memtable.add(KIND_DELETE, 'k', 1, '', 0)
  }
  expect(count * 3, 'long before the bytes are full').toBeLessThan(32 * 1024)
  expect(count).toBeGreaterThan(500)
  expect(memtable.indexSizeBytes).toBeLessThan(2 * 64 * 1024)
})

test('one batch of any number of entries fits an empty memtable', () => {
  const memtable = createMemtable(4096)
  expect(memtable.hasRoom(100, 1_000_000)).toBe(true)
  put(memtable, 'k', 'v')
  expect(memtable.hasRoom(100, 1_000_000)).toBe(false)
})

test('packed operations are indexed where they were copied to', () => {
  const memtable = createMemtable()
  memtable.beginGroup()
  put(memtable, 'k', 'old')
  const packed = Buffer.alloc(walEntrySizeBytes(KIND_PUT, 1, 3))
  packed.write('knew', putWalEntryHead(packed, 0, KIND_PUT, 1, 3))
  const offset = memtable.copyIn(packed)
  expect(offset + packed.length).toBe(memtable.usedOffset)
  expect(get(memtable, 'k', Infinity), 'not before they are indexed').toBe('old')
  memtable.indexEntry(offset, offset + 3, 1)
  expect(get(memtable, 'k', Infinity)).toBe('new')
  expect(memtable.count).toBe(2)
})

test('a memtable is settled when all groups that were begun have ended', () => {
  const memtable = createMemtable()
  expect(memtable.isSettled).toBe(true)
  memtable.beginGroup()
  memtable.beginGroup()
  memtable.endGroup()
  expect(memtable.isSettled).toBe(false)
  memtable.endGroup()
  expect(memtable.isSettled).toBe(true)
})

test('groups are committed in order and within what is used', () => {
  const memtable = createMemtable()
  memtable.beginGroup()
  put(memtable, 'k', 'v')
  const end = memtable.usedOffset
  memtable.commitTo(end, FIRST)
  expect([memtable.committedOffset, memtable.hasCommitted]).toEqual([end, true])
  expect(() => memtable.commitTo(end, FIRST)).toThrow(AssertionError)
  expect(() => memtable.commitTo(end + 1, FIRST)).toThrow(AssertionError)
})
