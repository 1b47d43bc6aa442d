import { describe, expect, test } from 'vitest'
import { compareKeys } from '../coding.ts'
import { SEQUENCE_MAX } from '../entry.ts'
import { AT_END, AT_ENTRY, FOUND, NEEDS_BLOCK, NOT_FOUND, type ReadStatus } from './block-source.ts'
import { hashKey } from './hash.ts'
import { TableCursor } from './table-cursor.ts'
import { FILTER_HASH_SEED } from './table-format.ts'
import { LookUpResult, approximateOffsetOf, lookUp } from './table-look-up.ts'
import type { TableReader } from './table-reader.ts'
import {
  EagerSource,
  LazySource,
  SeededRandom,
  type TestEntry,
  checkEqual,
  checkSame,
  openTable,
  randomEntries,
  writeTable,
} from './test-support/random-entries.ts'

/** Runs one operation to its end, loading what it asks for; then all is forgotten. */
function settle(source: LazySource, operation: () => ReadStatus): ReadStatus {
  for (let i = 0; i < 20; i++) {
    const status = operation()
    if (status !== NEEDS_BLOCK) {
      source.forget()
      return status
    }
    source.load()
  }
  throw new Error('it does not come to an end')
}

function entryAt(cursor: TableCursor): TestEntry {
  return {
    key: cursor.key.slice(0, cursor.keySize),
    sequence: cursor.sequence,
    kind: cursor.kind,
    value: cursor.block.bytes.slice(cursor.valueOffset, cursor.valueOffset + cursor.valueSize),
  }
}

/** Keys at and around every boundary: each key, and what lies directly before and behind it. */
function targetsOf(entries: readonly TestEntry[], random: SeededRandom): Uint8Array[] {
  const targets = [new Uint8Array(0), Uint8Array.of(255, 255, 255, 255, 255), random.bytes(300)]
  for (const { key } of entries) {
    targets.push(key, Uint8Array.of(...key, 0))
    if (key.length > 0) {
      targets.push(key.slice(0, -1), key.with(-1, ((key.at(-1) as number) + 255) % 256))
    }
  }
  return targets
}

function indexAtOrAfter(entries: readonly TestEntry[], key: Uint8Array, sequence: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle] as TestEntry
    const order = compareKeys(entry.key, key)
    if (order < 0 || (order === 0 && entry.sequence > sequence)) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', (seed) => {
  const random = new SeededRandom(seed)
  const entries = randomEntries(random, 1 + random.below(800))
  const table = writeTable(entries, {
    blockSizeBytes: [64, 300, 4096][seed % 3] as number,
    bloomBitsPerKey: seed % 2 === 0 ? 0 : 10,
    codec: seed % 3 === 0 ? 'lz4' : 'none',
  })
  const reader: TableReader = openTable(table)
  const eager = new EagerSource()
  const lazy = new LazySource()

  const check = (cursor: TableCursor, status: ReadStatus, index: number, what: string): void => {
    const expected = entries[index]
    checkEqual(status, expected === undefined ? AT_END : AT_ENTRY, `seed ${seed}, ${what}`)
    if (expected !== undefined) {
      checkSame(entryAt(cursor), expected, `seed ${seed}, ${what}`)
    }
  }

  test('forward and backward', () => {
    const cursor = new TableCursor(reader, lazy)
    check(
      cursor,
      settle(lazy, () => cursor.seekToFirst()),
      0,
      'first',
    )
    for (let i = 1; i <= entries.length; i++) {
      check(
        cursor,
        settle(lazy, () => cursor.next()),
        i,
        `next ${i}`,
      )
    }
    expect(cursor.next()).toBe(AT_END)
    for (let i = entries.length - 1; i >= -1; i--) {
      check(
        cursor,
        settle(lazy, () => cursor.previous()),
        i,
        `previous ${i}`,
      )
    }
    expect(cursor.previous()).toBe(AT_END)
    check(
      cursor,
      settle(lazy, () => cursor.next()),
      0,
      'next from the beginning',
    )
    check(
      cursor,
      settle(lazy, () => cursor.seekToLast()),
      entries.length - 1,
      'last',
    )
    expect(lazy.missCount).toBeGreaterThan(0)
  })

  test('seek and seekBefore, with steps from there', () => {
    const cursor = new TableCursor(reader, eager)
    const lazyCursor = new TableCursor(reader, lazy)
    for (const target of targetsOf(entries, random)) {
      const sequence =
        random.below(2) === 0 ? SEQUENCE_MAX : (entries[random.below(entries.length)] as TestEntry).sequence
      let at = indexAtOrAfter(entries, target, sequence)
      check(cursor, cursor.seek(target, target.length, sequence), at, `seek ${target.join()}`)
      const isForward = random.below(2) === 0
      at += isForward ? (at < entries.length ? 1 : 0) : -1
      check(cursor, isForward ? cursor.next() : cursor.previous(), at, `step from ${target.join()}`)
      const before = indexAtOrAfter(entries, target, SEQUENCE_MAX) - 1
      check(cursor, cursor.seekBefore(target, target.length), before, `seekBefore ${target.join()}`)
      if (random.below(20) === 0) {
        check(
          lazyCursor,
          settle(lazy, () => lazyCursor.seekBefore(target, target.length)),
          before,
          `${target.join()}, lazily`,
        )
        check(
          lazyCursor,
          settle(lazy, () => lazyCursor.next()),
          before + 1,
          `${target.join()}, lazily, next`,
        )
      }
    }
  })

  test('look-ups at every sequence around each version', () => {
    const result = new LookUpResult()
    const lookUpAt = (key: Uint8Array, sequence: number, source: EagerSource | LazySource): ReadStatus => {
      const hash = hashKey(key, 0, key.length, FILTER_HASH_SEED)
      return lookUp(reader, source, key, key.length, hash, sequence, result)
    }
    for (const entry of entries) {
      for (const sequence of [entry.sequence - 1, entry.sequence, entry.sequence + 1, SEQUENCE_MAX]) {
        const expected = entries[indexAtOrAfter(entries, entry.key, sequence)]
        const isThere = expected !== undefined && compareKeys(expected.key, entry.key) === 0
        const status = lookUpAt(entry.key, sequence, eager)
        checkEqual(status, isThere ? FOUND : NOT_FOUND, `seed ${seed}, ${entry.key.join()} at ${sequence}`)
        if (isThere) {
          const value = result.bytes.slice(result.valueOffset, result.valueOffset + result.valueSize)
          const found = { key: entry.key, sequence: result.sequence, kind: result.kind, value }
          checkSame(found, expected, `seed ${seed}`)
        }
      }
      checkEqual(
        settle(lazy, () => lookUpAt(entry.key, entry.sequence, lazy)),
        FOUND,
        `seed ${seed}, lazily`,
      )
    }
    for (const target of targetsOf(entries, random)) {
      const at = entries[indexAtOrAfter(entries, target, SEQUENCE_MAX)]
      const isThere = at !== undefined && compareKeys(at.key, target) === 0
      checkEqual(lookUpAt(target, SEQUENCE_MAX, eager), isThere ? FOUND : NOT_FOUND, `seed ${seed}, ${target.join()}`)
    }
  })

  test('offsets grow with keys', () => {
    let last = 0
    for (const { key } of entries) {
      const offset = approximateOffsetOf(reader, eager, key, key.length)
      checkEqual(offset >= last, true, `seed ${seed}`)
      last = offset
    }
    expect(last).toBeLessThan(table.metadata.sizeBytes)
    expect(approximateOffsetOf(reader, new LazySource(), entries[0]?.key ?? new Uint8Array(0), 0)).toBe(-1)
    expect(approximateOffsetOf(reader, eager, new Uint8Array(300).fill(255), 300)).toBe(table.metadata.sizeBytes)
  })
})
