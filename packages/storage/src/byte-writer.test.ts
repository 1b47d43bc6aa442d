import { expect, test } from 'vitest'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { CorruptionError } from './errors.ts'
import { forEachSeed } from './test-support/seeds.ts'

test('what is written comes back, whatever its order and beyond the first buffer', () => {
  forEachSeed(20, (random) => {
    const writer = new ByteWriter()
    const checks: ((reader: ByteReader) => void)[] = []
    for (let i = random.below(60); i >= 0; i--) {
      const word = random.below(2 ** 32)
      const large = random.below(2 ** 21) * 2 ** 32 + word
      const bytes = random.bytes(random.below(random.below(20) === 0 ? 3000 : 30))
      writer.varint(word)
      writer.uint32(word)
      writer.uint64(large)
      writer.byteString(bytes)
      checks.push((reader) => {
        expect([reader.varint(), reader.uint32(), reader.uint64(large)]).toEqual([word, word, large])
        const read = reader.byteString()
        expect(Buffer.compare(read, bytes)).toBe(0)
        expect(read.buffer.byteLength, 'a copy of its own').toBe(bytes.length)
      })
    }
    const reader = new ByteReader(writer.finish(), 'a file', 0)
    for (const check of checks) {
      expect(reader.isAtEnd).toBe(false)
      check(reader)
    }
    expect(reader.isAtEnd).toBe(true)
  })
})

test('what was finished is a copy that later writes do not change', () => {
  const writer = new ByteWriter()
  writer.uint32(1)
  const before = writer.finish()
  writer.uint32(2)
  expect(Array.from(before)).toEqual([1, 0, 0, 0])
  expect(Array.from(writer.finish())).toEqual([1, 0, 0, 0, 2, 0, 0, 0])
})

test('reading beyond the end is corruption that names file and offset, and reads nothing', () => {
  const read: [string, number[], (reader: ByteReader) => unknown][] = [
    ['varint', [0x80], (reader) => reader.varint()],
    ['uint32', [1, 2, 3], (reader) => reader.uint32()],
    ['uint64', [1, 2, 3, 4, 5, 6, 7], (reader) => reader.uint64(2 ** 53)],
    ['byteString', [3, 1, 2], (reader) => reader.byteString()],
    ['a huge byteString', [0xff, 0xff, 0xff, 0xff, 0x0f, 1], (reader) => reader.byteString()],
    ['nothing', [], (reader) => reader.varint()],
  ]
  for (const [name, bytes, run] of read) {
    const reader = new ByteReader(Uint8Array.from([5, ...bytes]), '/x/MANIFEST-000001', 100)
    reader.varint()
    const error = thrownBy(() => run(reader))
    expect(error, name).toBeInstanceOf(CorruptionError)
    expect(error, name).toMatchObject({ code: 'VARVE_CORRUPTION', path: '/x/MANIFEST-000001' })
    expect((error as CorruptionError).offset, name).toBeGreaterThanOrEqual(101)
  }
})

test('a number beyond its bound is corruption, the bound itself is not', () => {
  const writer = new ByteWriter()
  writer.uint64(2 ** 40)
  expect(new ByteReader(writer.finish(), 'a file', 0).uint64(2 ** 40)).toBe(2 ** 40)
  expect(() => new ByteReader(writer.finish(), 'a file', 0).uint64(2 ** 40 - 1)).toThrow(CorruptionError)
})

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
