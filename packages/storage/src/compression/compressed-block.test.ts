import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { putVarint } from '../coding.ts'
import { CorruptionError, UnsupportedError } from '../errors.ts'
import { FUZZ_TIMEOUT_MS, decoded, fuzz, mutated } from '../test-support/fuzz.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import { CODECS, type Codec, codecOfLevel, isCodecAvailable } from './codec.ts'
import {
  BlockCompressor,
  RATIO_MAX,
  RAW_SIZE_BYTES_MAX,
  decompressBlock,
  rawSizeOf,
  storedSizeOf,
} from './compressed-block.ts'

type SeededRandom = Parameters<Parameters<typeof forEachSeed>[1]>[0]

const PATH = '000042.sst'
const COMPRESSING = CODECS.filter((codec) => codec !== 'none')
const AVAILABLE = COMPRESSING.filter(isCodecAvailable)

function decompressed(codec: Codec, bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const rawSize = rawSizeOf(bytes, start, end, PATH, 9)
  const target = new Uint8Array(rawSize + 6)
  decompressBlock(codec, bytes, start, end, rawSize, target, 3, PATH, 9)
  return target.subarray(3, 3 + rawSize)
}

/** A stored block that says what it is told to say. */
function stored(rawSize: number, bytes: Uint8Array, storedSize: number = bytes.length): Uint8Array {
  const block = new Uint8Array(bytes.length + 10)
  const at = putVarint(block, putVarint(block, 0, rawSize), storedSize)
  block.set(bytes, at)
  return block.slice(0, at + bytes.length)
}

function textOf(random: SeededRandom): Buffer {
  const words = Array.from({ length: 1 + random.below(1500) }, () => `word ${random.below(40)}`)
  return Buffer.from(words.join(', '))
}

describe.each(AVAILABLE)('%s', (codec) => {
  test('a block is replaced by its compressed form, which says its sizes and gives it back', () => {
    const compressor = new BlockCompressor(codec)
    forEachSeed(60, (random) => {
      const text = textOf(random)
      const start = random.below(50)
      const bytes = new Uint8Array(start + text.length + 20)
      bytes.set(text, start)
      const end = compressor.compress(bytes, start, start + text.length)
      if (end === start + text.length) {
        expect(compressor.codec).toBe('none')
        expect(Buffer.compare(bytes.subarray(start, end), text)).toBe(0)
        return
      }
      expect(compressor.codec).toBe(codec)
      expect(end - start).toBeLessThanOrEqual((text.length * 7) / 8 + 1)
      expect(storedSizeOf(bytes, start, bytes.length)).toBe(end - start)
      expect(Buffer.compare(decompressed(codec, bytes, start, end), text)).toBe(0)
    })
  })

  test('a block that does not become an eighth smaller stays as it is, and so does one above 8 MiB', () => {
    const compressor = new BlockCompressor(codec)
    forEachSeed(20, (random) => {
      const bytes = random.bytes(random.below(5000))
      const before = bytes.slice()
      expect(compressor.compress(bytes, 0, bytes.length)).toBe(bytes.length)
      expect(compressor.codec).toBe('none')
      expect(Buffer.compare(bytes, before)).toBe(0)
    })
    const large = new Uint8Array(RAW_SIZE_BYTES_MAX + 1)
    expect(compressor.compress(large, 0, large.length)).toBe(large.length)
    expect(compressor.codec).toBe('none')
  })

  test('the largest block of all, and the most compressible one, are believed', () => {
    const compressor = new BlockCompressor(codec)
    const bytes = new Uint8Array(RAW_SIZE_BYTES_MAX)
    const end = compressor.compress(bytes, 0, bytes.length)
    expect(end).toBeLessThan(RAW_SIZE_BYTES_MAX / 200)
    expect(end * RATIO_MAX).toBeGreaterThan(RAW_SIZE_BYTES_MAX)
    expect(decompressed(compressor.codec, bytes, 0, end).every((byte) => byte === 0)).toBe(true)
  })

  test('hostile blocks are right or damaged', { timeout: FUZZ_TIMEOUT_MS }, async () => {
    const compressor = new BlockCompressor(codec)
    await fuzz(600, (random) => {
      const bytes = new Uint8Array(textOf(random))
      const end = compressor.compress(bytes, 0, bytes.length)
      const block = mutated(random, bytes.slice(0, end))
      const size = storedSizeOf(block, 0, block.length)
      expect(size === 0 || Number.isSafeInteger(size)).toBe(true)
      decoded(() => decompressed(codec, block))
    })
  })

  test('sizes that cannot be are damage, found before memory is taken', () => {
    const sound = new Uint8Array(Buffer.from('sediment '.repeat(100)))
    const end = new BlockCompressor(codec).compress(sound, 0, sound.length)
    // Each of the two sizes takes two bytes, or the second one.
    const payload = sound.slice(2 + (end - 2 < 0x80 + 1 ? 1 : 2), end)
    expect(decompressed(codec, stored(900, payload))).toHaveLength(900)
    for (const rawSize of [899, 901, 0, RAW_SIZE_BYTES_MAX + 1, 2 ** 32 - 1, payload.length * RATIO_MAX + 1]) {
      expect(() => decompressed(codec, stored(rawSize, payload)), `${rawSize}`).toThrow(CorruptionError)
    }
    for (const storedSize of [0, payload.length - 1, payload.length + 1, 2 ** 32 - 1]) {
      expect(() => decompressed(codec, stored(900, payload, storedSize)), `${storedSize}`).toThrow(CorruptionError)
    }
    expect(() => decompressed(codec, new Uint8Array(0))).toThrow(CorruptionError)
  })
})

test('a bomb is damage: more comes out than was said', () => {
  const bomb = deflateRawSync(Buffer.alloc(4 * 1024 * 1024))
  expect(() => decompressed('deflate', stored(1000, bomb))).toThrow(CorruptionError)
})

test('a codec that this runtime lacks is refused by name, and no other is', () => {
  for (const codec of COMPRESSING) {
    const make = (): BlockCompressor => new BlockCompressor(codec)
    const read = (): Uint8Array => decompressed(codec, stored(900, new Uint8Array(100)))
    if (isCodecAvailable(codec)) {
      expect(make).not.toThrow()
      expect(read).toThrow(CorruptionError)
    } else {
      expect(make).toThrow(UnsupportedError)
      expect(read).toThrow(UnsupportedError)
      expect(read).toThrow(new RegExp(`${PATH} needs the codec ${codec}, which this runtime \\(${process.version}\\)`))
    }
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const hasZstd = major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15)
  expect(AVAILABLE.includes('zstd')).toBe(hasZstd)
})

test('the last codec that is given counts for the levels below too', () => {
  const codecs = ['none', 'lz4', 'deflate'] as const
  expect([0, 1, 2, 3, 6].map((level) => codecOfLevel(codecs, level))).toEqual([
    'none',
    'lz4',
    'deflate',
    'deflate',
    'deflate',
  ])
})
