import { expect, test } from 'vitest'
import {
  KIND_BLOB_POINTER,
  KIND_DELETE,
  KIND_MERGE,
  KIND_PUT,
  KIND_PUT_WITH_EXPIRY,
  KIND_RANGE_DELETE,
  isKnownKind,
} from '../entry.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import { WalEntryReader, putWalEntryHead, walEntrySizeBytes } from './wal-format.ts'

interface Entry {
  readonly kind: number
  readonly key: Uint8Array
  readonly value: Uint8Array
}

function encode(entries: readonly Entry[], before: number): Buffer {
  const parts: Uint8Array[] = [new Uint8Array(before).fill(0xee)]
  for (const { kind, key, value } of entries) {
    const entry = new Uint8Array(walEntrySizeBytes(kind, key.length, value.length))
    const keyOffset = putWalEntryHead(entry, 0, kind, key.length, value.length)
    entry.set(key, keyOffset)
    entry.set(value, keyOffset + key.length)
    parts.push(entry)
  }
  return Buffer.concat(parts)
}

function readAll(bytes: Uint8Array, offset: number, end: number): Entry[] {
  const reader = new WalEntryReader()
  reader.reset(bytes, offset, end, '/d/000012.wal')
  const entries: Entry[] = []
  let at = offset
  while (reader.next()) {
    if (reader.offset !== at || reader.endOffset <= at || reader.endOffset > end) {
      throw new Error(`an entry from ${reader.offset} to ${reader.endOffset} where one begins at ${at}`)
    }
    at = reader.endOffset
    entries.push({
      kind: reader.kind,
      key: bytes.slice(reader.keyOffset, reader.keyOffset + reader.keySize),
      value: bytes.slice(reader.valueOffset, reader.valueOffset + reader.valueSize),
    })
  }
  return entries
}

test('kinds of entries are pinned, and two of them are known', () => {
  expect([KIND_PUT, KIND_DELETE, KIND_RANGE_DELETE, KIND_PUT_WITH_EXPIRY, KIND_MERGE, KIND_BLOB_POINTER]).toEqual([
    1, 2, 3, 4, 5, 6,
  ])
  expect([0, 1, 2, 3, 4, 5, 6, 7, 255].filter(isKnownKind)).toEqual([KIND_PUT, KIND_DELETE])
})

test('entries of any shape come back in order', () => {
  forEachSeed(20, (random) => {
    const entries = Array.from({ length: random.below(50) }, (): Entry => {
      const kind = random.below(3) === 0 ? KIND_DELETE : KIND_PUT
      const key = random.bytes([0, 1, 5, 127, 128, 300][random.below(6)] ?? 0)
      const value = random.bytes(kind === KIND_DELETE ? 0 : ([0, 1, 127, 128, 20_000][random.below(5)] ?? 0))
      return { kind, key, value }
    })
    const before = random.below(10)
    const bytes = encode(entries, before)
    const read = readAll(bytes, before, bytes.length)
    expect(read.length).toBe(entries.length)
    read.forEach((entry, i) => {
      const expected = entries[i] as Entry
      const isSame =
        entry.kind === expected.kind &&
        Buffer.compare(entry.key, expected.key) === 0 &&
        Buffer.compare(entry.value, expected.value) === 0
      expect(isSame, `entry ${i}`).toBe(true)
    })
  })
})

test('a reserved or unknown kind of entry means a newer format, and is named', () => {
  for (const kind of [0, KIND_RANGE_DELETE, KIND_PUT_WITH_EXPIRY, KIND_MERGE, KIND_BLOB_POINTER, 7, 255]) {
    const bytes = Uint8Array.of(KIND_DELETE, 1, 0x61, kind, 1, 0x61)
    const read = (): unknown => readAll(bytes, 0, bytes.length)
    expect(read, `kind ${kind}`).toThrow(UnsupportedError)
    expect(read).toThrow(`/d/000012.wal holds an entry of kind ${kind} at offset 3`)
  }
})

test('an entry that is cut at any length is corruption, and never read from behind the end', () => {
  const whole = encode([{ kind: KIND_PUT, key: new Uint8Array(130), value: new Uint8Array(200) }], 0)
  for (let end = 1; end < whole.length; end++) {
    // The bytes go on behind `end`: only the bound says that they are not the group's.
    expect(() => readAll(whole, 0, end), `cut at ${end}`).toThrow(CorruptionError)
    expect(() => readAll(whole.subarray(0, end), 0, end), `cut at ${end}`).toThrow(CorruptionError)
  }
  expect(readAll(whole, 0, whole.length)).toHaveLength(1)
})

test('sizes that lie are corruption', () => {
  for (const bytes of [
    [KIND_PUT, 0x80, 0x00, 0],
    [KIND_PUT, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0x61, 0x62],
    [KIND_PUT, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61, 0x62],
    [KIND_PUT, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0],
    [KIND_DELETE, 2, 0x61],
    [KIND_PUT, 1, 2, 0x61, 0x62],
  ]) {
    expect(() => readAll(Uint8Array.from(bytes), 0, bytes.length), bytes.join()).toThrow(CorruptionError)
  }
})

test('any bytes are entries, corruption or an unknown kind, and reading them ends', () => {
  forEachSeed(300, (random) => {
    const bytes = random.bytes(1 + random.below(60))
    for (let i = 0; i < bytes.length; i++) {
      if (random.below(3) === 0) {
        bytes[i] = random.below(4)
      }
    }
    try {
      const entries = readAll(bytes, 0, bytes.length)
      if (!Buffer.from(bytes).equals(encode(entries, 0))) {
        throw new Error(`${bytes.join()} was read as entries that are written differently`)
      }
    } catch (error) {
      if (!(error instanceof CorruptionError || error instanceof UnsupportedError)) {
        throw error
      }
    }
  })
})
