import { describe, expect, test } from 'vitest'
import { checksum, checksumSeed } from '../checksum.ts'
import { compareKeys, putUint32 } from '../coding.ts'
import { SEQUENCE_MAX } from '../entry.ts'
import { CorruptionError } from '../errors.ts'
import { type Block, type BlockRole, ROLE_DATA, ROLE_INDEX, decodeBlock } from './block.ts'
import { BlockBuffer } from './block-buffer.ts'
import { BlockBuilder } from './block-builder.ts'
import { BlockCursor } from './block-cursor.ts'
import { putBlockTrailer } from './table-format.ts'
import { SeededRandom, type TestEntry, checkEqual, checkSame, randomEntries } from './test-support/random-entries.ts'
import { ownRegion } from './workspace.ts'

function buildBlock(entries: readonly TestEntry[], role: BlockRole = ROLE_DATA): Block {
  const buffer = new BlockBuffer(ownRegion(64))
  const builder = new BlockBuilder(buffer)
  let last = new Uint8Array(0)
  for (const { key, sequence, kind, value } of entries) {
    let shared = 0
    while (shared < Math.min(last.length, key.length) && last[shared] === key[shared]) {
      shared++
    }
    builder.add(key, 0, key.length, shared, sequence, kind, value, 0, value.length)
    last = key.slice()
  }
  const size = builder.sizeBytes
  builder.finish()
  expect(buffer.end - buffer.start).toBe(size)
  buffer.makeRoom(5)
  putBlockTrailer(buffer.bytes, buffer.start, buffer.end, 1, 100)
  return decodeBlock(buffer.bytes, buffer.start, size, role, 'x', 1, 100)
}

function entryAt(cursor: BlockCursor): TestEntry {
  return {
    key: cursor.key.slice(0, cursor.keySize),
    sequence: cursor.sequence,
    kind: cursor.kind,
    value: cursor.block.bytes.slice(cursor.valueOffset, cursor.valueOffset + cursor.valueSize),
  }
}

describe.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15])('seed %i', (seed) => {
  const random = new SeededRandom(seed)
  // Half of them with a prefix that all keys have.
  const prefix = seed > 8 ? [200, 7, 7] : []
  const entries = randomEntries(random, 1 + random.below(300)).map((entry) => ({
    ...entry,
    key: Uint8Array.of(...prefix, ...entry.key),
  }))
  const cursor = new BlockCursor()
  // Indexes are searched by prefixes.
  cursor.reset(buildBlock(entries, seed % 2 === 0 ? ROLE_DATA : ROLE_INDEX))

  test('forward', () => {
    const seen = []
    for (let isAt = cursor.seekToFirst(); isAt; isAt = cursor.next()) {
      seen.push(entryAt(cursor))
    }
    expect(seen).toEqual(entries)
    expect(cursor.next()).toBe(false)
    expect(cursor.previous()).toBe(true)
    checkSame(entryAt(cursor), entries.at(-1), `seed ${seed}`)
  })

  test('backward', () => {
    const seen = []
    for (let isAt = cursor.seekToLast(); isAt; isAt = cursor.previous()) {
      seen.push(entryAt(cursor))
    }
    expect(seen).toEqual(entries.toReversed())
    expect(cursor.previous()).toBe(false)
    expect(cursor.next()).toBe(true)
    checkSame(entryAt(cursor), entries[0], `seed ${seed}`)
  })

  test('a walk in random directions', () => {
    let at = -1
    cursor.reset(cursor.block)
    for (let i = 0; i < 3000; i++) {
      const forward = random.below(2) === 0
      at = Math.max(-1, Math.min(entries.length, at + (forward ? 1 : -1)))
      const isAt = forward ? cursor.next() : cursor.previous()
      checkEqual(isAt, at >= 0 && at < entries.length, `seed ${seed}`)
      if (isAt) {
        checkSame(entryAt(cursor), entries[at], `seed ${seed}`)
      }
    }
  })

  test('seek', () => {
    for (let i = 0; i < 500; i++) {
      const near = entries[random.below(entries.length)] as TestEntry
      const inside = Uint8Array.of(...prefix, ...random.bytes(random.below(6)))
      const key = [near.key, near.key, inside, inside.slice(1), inside.slice(0, -1)][random.below(5)] as Uint8Array
      const sequence = random.below(3) === 0 ? SEQUENCE_MAX : near.sequence + random.below(3) - 1
      const expected = entries.findIndex((entry) => {
        const order = compareKeys(entry.key, key)
        return order > 0 || (order === 0 && entry.sequence <= sequence)
      })
      const padded = Uint8Array.of(1, 2, ...key)
      checkEqual(cursor.seek(padded, 2, key.length, sequence), expected >= 0, `seed ${seed}`)
      if (expected >= 0) {
        checkSame(entryAt(cursor), entries[expected], `seed ${seed}`)
        checkEqual(cursor.next(), expected + 1 < entries.length, `seed ${seed}`)
        cursor.previous()
        checkSame(
          entryAt(cursor),
          entries[expected + 1 < entries.length ? expected : entries.length - 1],
          `seed ${seed}`,
        )
        checkEqual(cursor.previous(), entries.length > 1 && expected > 0, `seed ${seed}`)
      }
    }
  })
})

test('any bytes behind a valid checksum end in an entry, an end or an error', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed)
    const good = buildBlock(randomEntries(random, 40))
    const size = good.end - good.start + good.restartCount * 4 + 4
    for (let i = 0; i < 50; i++) {
      const bytes = good.bytes.slice(0, size + 5)
      for (let n = 0; n <= random.below(4); n++) {
        bytes[random.below(size)] = random.below(256)
      }
      putUint32(bytes, size + 1, checksum(bytes.subarray(0, size + 1), checksumSeed(1, 100)))
      try {
        const cursor = new BlockCursor()
        cursor.reset(decodeBlock(bytes, 0, size, i % 2 === 0 ? ROLE_DATA : ROLE_INDEX, 'x', 1, 100))
        for (let steps = 0; cursor.next(); steps++) {
          checkEqual(steps < size, true, `seed ${seed}`)
        }
        for (let steps = 0; cursor.previous(); steps++) {
          checkEqual(steps < size, true, `seed ${seed}`)
        }
        cursor.seek(random.bytes(5), 0, 5)
      } catch (error) {
        checkEqual(error instanceof CorruptionError, true, `seed ${seed}, ${String(error)}`)
      }
    }
  }
})
