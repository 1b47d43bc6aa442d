import { AT_END, AT_ENTRY, NEEDS_BLOCK, compareKeys, fileNumber, type ReadStatus } from '@varve/storage'
import { expect, test } from 'vitest'
import { ArenaPool } from '../memtable/arena.ts'
import { Memtable } from '../memtable/memtable.ts'
import { randomEntries, visibleAt, walkAgainst } from '../test-support/cursors.ts'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { SeededRandom, forEachSeed } from '../test-support/seeds.ts'
import { putOf, type TestEntry } from '../test-support/tables.ts'
import { HASH_SEED } from '../test-support/write-fixture.ts'
import { Wal } from '../wal/wal.ts'
import type { EntryCursor } from './entry-cursor.ts'
import { MemtableCursor } from './memtable-cursor.ts'
import { MergingCursor } from './merging-cursor.ts'

const NOTHING = Buffer.alloc(0)

/** A source that often has not what it needs, as one on disk does; each step must be gone on with by `resume`. */
class HesitantCursor implements EntryCursor {
  keyBytes: Uint8Array = NOTHING
  readonly keyOffset = 0
  keySize = 0
  kind = 0
  valueBytes: Uint8Array = NOTHING
  readonly valueOffset = 0
  valueSize = 0
  readonly valueBlock = undefined
  readonly #entries: readonly TestEntry[]
  readonly #isReverse: boolean
  readonly #random: SeededRandom
  #at = 0
  #isWaiting = false

  constructor(visible: readonly TestEntry[], isReverse: boolean, random: SeededRandom) {
    this.#entries = isReverse ? visible.toReversed() : visible
    this.#isReverse = isReverse
    this.#random = random
  }

  start(): ReadStatus {
    this.#at = 0
    return this.#arrive()
  }

  seek(key: Uint8Array, keySize: number): ReadStatus {
    const target = key.subarray(0, keySize)
    const at = this.#entries.findIndex((entry) =>
      this.#isReverse ? compareKeys(entry.key, target) < 0 : compareKeys(entry.key, target) >= 0,
    )
    this.#at = at < 0 ? this.#entries.length : at
    return this.#arrive()
  }

  advance(): ReadStatus {
    if (this.#isWaiting || this.#at >= this.#entries.length) {
      throw new Error('a source that waits is resumed, and one that has ended is left alone')
    }
    this.#at++
    return this.#arrive()
  }

  resume(): ReadStatus {
    if (!this.#isWaiting) {
      throw new Error('only a source that waits is resumed')
    }
    return this.#arrive()
  }

  #arrive(): ReadStatus {
    const entry = this.#entries[this.#at]
    this.#isWaiting = this.#random.below(3) === 0
    // While it waits, what it says of an entry is nothing that anybody may use.
    this.keyBytes = this.#isWaiting ? NOTHING : (entry?.key ?? NOTHING)
    this.keySize = this.keyBytes.length
    this.kind = entry?.kind ?? 0
    this.valueBytes = entry?.value ?? NOTHING
    this.valueSize = this.valueBytes.length
    return this.#isWaiting ? NEEDS_BLOCK : entry === undefined ? AT_END : AT_ENTRY
  }
}

/** A memtable with the entries, which have consecutive sequences, caught up. */
function memtableOf(entries: readonly TestEntry[]): Memtable {
  const wal = new Wal(new MemoryEnv(), '/d', fileNumber(12))
  const memtable = new Memtable(new ArenaPool(1024 * 1024, 1).take(1), wal, entries[0]?.sequence ?? 1, HASH_SEED)
  for (const { key, kind, value } of entries) {
    memtable.add(kind, key, key.length, value, value.length)
  }
  memtable.ordered.catchUp(memtable.count, () => 0, 1)
  return memtable
}

test('several sources are what one sorted list is, the newest entry of each key counting', () => {
  forEachSeed(80, (random) => {
    const entries = randomEntries(random, random.below(250), 1)
    const sourceCount = random.below(6)
    const sources: TestEntry[][] = Array.from({ length: sourceCount }, () => [])
    // Sequences are cut into slices: an older source has nothing newer than a younger one.
    const cuts = Array.from({ length: sourceCount }, () => random.below(entries.length + 1)).toSorted((a, b) => a - b)
    entries.forEach((entry, i) =>
      sources[
        Math.max(
          0,
          cuts.findLastIndex((cut) => cut <= i),
        )
      ]?.push(entry),
    )
    for (const isReverse of [false, true]) {
      const sequence = random.pick([0, random.below(300), 1000])
      const cursors = sources
        .toReversed()
        .map((source) => new HesitantCursor(visibleAt(source, sequence), isReverse, random))
      const expected = visibleAt(sources.flat(), sequence)
      walkAgainst(new MergingCursor(cursors, isReverse), expected, isReverse, random, () => {})
    }
  })
})

test('a memtable is what a sorted list is, at any sequence, in both directions', () => {
  forEachSeed(40, (random) => {
    const entries = randomEntries(random, random.below(250), 1 + random.below(1000))
    const memtable = memtableOf(entries)
    for (const isReverse of [false, true]) {
      const sequence = random.pick([0, (entries[0]?.sequence ?? 0) + random.below(250), 10_000])
      const cursor = new MemtableCursor(memtable, sequence, isReverse)
      walkAgainst(cursor, visibleAt(entries, sequence), isReverse, random, () => {})
    }
  })
})

test('a memtable’s cursor does not see what was added since, nor what failed', () => {
  const memtable = memtableOf([putOf('a', 'old', 1), putOf('b', 'old', 2)])
  const cursor = new MemtableCursor(memtable, 2, false)
  for (const [key, value] of [
    ['a', 'new'],
    ['c', 'new'],
  ] as const) {
    memtable.add(1, key, 1, value, 3)
  }
  memtable.ordered.catchUp(memtable.count, () => 0, 1)
  const random = new SeededRandom(1)
  walkAgainst(cursor, [putOf('a', 'old'), putOf('b', 'old')], false, random, () => {})
  memtable.failUncommitted(2)
  const later = new MemtableCursor(memtable, 100, true)
  walkAgainst(later, [putOf('a', 'old'), putOf('b', 'old')], true, random, () => {})
})

test('of equal keys the newest source’s entry counts, tombstones included', () => {
  const tombstone = { ...putOf('a'), kind: 2 }
  for (const isReverse of [false, true]) {
    const random = new SeededRandom(7)
    const sources = [[tombstone], [putOf('a', 'older'), putOf('b', 'only')], [putOf('a', 'oldest')]]
    const cursors = sources.map((source) => new HesitantCursor(source, isReverse, random))
    walkAgainst(new MergingCursor(cursors, isReverse), [tombstone, putOf('b', 'only')], isReverse, random, () => {})
  }
})

test('without sources there is nothing', () => {
  const cursor = new MergingCursor([], false)
  expect([cursor.start(), cursor.seek(Buffer.from('a'), 1), cursor.start()]).toEqual([AT_END, AT_END, AT_END])
})
