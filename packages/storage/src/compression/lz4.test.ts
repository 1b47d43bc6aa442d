/** LZ4 beside blocks of the reference implementation, and a plain decoder that holds to every rule of the format. */
import { expect, test } from 'vitest'
import { FUZZ_TIMEOUT_MS, fuzz, mutated } from '../test-support/fuzz.ts'
import { forEachSeed } from '../test-support/seeds.ts'
import { decodeLz4 } from './lz4-decoder.ts'
import { Lz4Encoder } from './lz4-encoder.ts'

type SeededRandom = Parameters<Parameters<typeof forEachSeed>[1]>[0]

const GUARD_SIZE_BYTES = 7
const GUARD = 0xa5

/** What lz4 1.9.4 makes of texts, at level 1. */
const REFERENCE = [
  ['abababababababababX1234', '2c61620200505831323334'],
  [
    'a varve is a layer of sediment laid down in one year; a varve upon a varve is what a lake keeps of a thousand ' +
      'years of sediment laid down',
    'f427612076617276652069732061206c61796572206f6620736564696d656e74206c61696420646f776e20696e206f6e6520796561723b' +
      '2036004575706f6e0d0071697320776861744800806b65206b656570734d00a1612074686f7573616e643e000114000961005020646f776e',
  ],
  ['\0'.repeat(70_000), `1f000100${'ff'.repeat(274)}69500000000000`],
] as const

/** A decoder without care for speed; `undefined` where the block breaks a rule. `isStrict`: those for encoders too. */
function decodePlainly(block: Uint8Array, sizeBytes: number, isStrict: boolean): number[] | undefined {
  const out: number[] = []
  let at = 0
  const take = (): number => block[at++] ?? NaN
  const length = (nibble: number): number => {
    let total = nibble
    for (let more = nibble === 15 ? 255 : 0; more === 255;) {
      more = take()
      total += more
    }
    return total
  }
  while (at < block.length) {
    const token = take()
    const literals = length(token >>> 4)
    for (let i = 0; i < literals; i++) {
      out.push(take())
    }
    if (at >= block.length) {
      const isLegal = !isStrict || out.length === literals || literals >= 5
      return at === block.length && out.length === sizeBytes && isLegal ? out : undefined
    }
    const matchStart = out.length
    const offset = take() + take() * 256
    const size = length(token & 15) + 4
    if (!(offset > 0 && offset <= out.length) || out.length + size > sizeBytes) {
      return undefined
    }
    if (isStrict && matchStart > sizeBytes - 12) {
      return undefined
    }
    for (let i = 0; i < size; i++) {
      out.push(out[out.length - offset] as number)
    }
  }
  return undefined
}

/** Decodes between guards that nothing may touch. */
function decode(block: Uint8Array, sizeBytes: number): Uint8Array | undefined {
  const target = new Uint8Array(sizeBytes + 2 * GUARD_SIZE_BYTES).fill(GUARD)
  const source = new Uint8Array(block.length + 2).fill(GUARD)
  source.set(block, 1)
  const end = GUARD_SIZE_BYTES + sizeBytes
  const isRight = decodeLz4(source, 1, 1 + block.length, target, GUARD_SIZE_BYTES, end)
  const guards = [...target.subarray(0, GUARD_SIZE_BYTES), ...target.subarray(end)]
  if (guards.some((byte) => byte !== GUARD)) {
    throw new Error('it writes beyond its target')
  }
  return isRight ? target.subarray(GUARD_SIZE_BYTES, end) : undefined
}

function encode(encoder: Lz4Encoder, bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(bytes.length + Math.ceil(bytes.length / 255) + 16)
  const end = encoder.encode(bytes, 0, bytes.length, target, 0, target.length)
  expect(end).toBeGreaterThan(0)
  return target.slice(0, end)
}

/** Bytes that repeat what stood near or far before, in runs of all sizes. */
function repetitive(random: SeededRandom): Uint8Array {
  const bytes = new Uint8Array(random.below(random.below(8) === 0 ? 150_000 : 3000))
  const alphabet = [1, 2, 16, 256][random.below(4)] as number
  for (let at = 0; at < bytes.length;) {
    const size = Math.min(1 + random.below(random.below(16) === 0 ? 2000 : 40), bytes.length - at)
    const distance = 1 + random.below(Math.max(1, Math.min(at, random.below(3) === 0 ? 100_000 : 60)))
    const isMatch = at > 0 && random.below(3) > 0
    for (let i = 0; i < size; i++, at++) {
      bytes[at] = isMatch ? (bytes[at - distance] as number) : 255 - random.below(alphabet)
    }
  }
  return bytes
}

test('blocks of the reference implementation are decoded', () => {
  for (const [text, hex] of REFERENCE) {
    const block = Buffer.from(hex, 'hex')
    expect(Buffer.from(decode(block, text.length) ?? []).toString()).toBe(text)
    expect(decode(block, text.length - 1)).toBeUndefined()
    expect(decode(block, text.length + 1)).toBeUndefined()
  }
})

test('what is encoded is what the reference implementation makes of it, where one way is best', () => {
  for (const [text, hex] of [REFERENCE[0], REFERENCE[2]] as const) {
    expect(Buffer.from(encode(new Lz4Encoder(), Buffer.from(text))).toString('hex')).toBe(hex)
  }
})

test('whatever is encoded is a block by every rule of the format, and gives the same bytes again', () => {
  // One encoder for all: what it knows of earlier blocks must not show.
  const encoder = new Lz4Encoder()
  forEachSeed(300, (random) => {
    const bytes = repetitive(random)
    const block = encode(encoder, bytes)
    expect(Buffer.compare(decode(block, bytes.length) ?? Buffer.from('none'), bytes)).toBe(0)
    expect(Buffer.compare(Uint8Array.from(decodePlainly(block, bytes.length, true) ?? [1]), bytes)).toBe(0)
  })
})

test('an encoder goes on when its positions start anew', () => {
  const encoder = new Lz4Encoder()
  const large = new Uint8Array(8 * 1024 * 1024)
  const target = new Uint8Array(40_000)
  const small = Buffer.from('what stood in one block is no part of another; what stood in one block'.repeat(3))
  for (let i = 0; i < 20; i++) {
    expect(encoder.encode(large, 0, large.length, target, 0, target.length)).toBeGreaterThan(0)
    expect(Buffer.compare(decode(encode(encoder, small), small.length) ?? large, small)).toBe(0)
  }
})

test('an encoder writes nothing beyond the room that it has', () => {
  forEachSeed(40, (random) => {
    const bytes = repetitive(random).subarray(0, 3000)
    const encoder = new Lz4Encoder()
    const size = encode(encoder, bytes).length
    for (const room of [0, 1, size - 1, size, size + 1, random.below(size)]) {
      const target = new Uint8Array(size + 20).fill(GUARD)
      const end = encoder.encode(bytes, 0, bytes.length, target, 5, 5 + room)
      expect(end).toBe(room < size ? -1 : 5 + size)
      expect(target.subarray(5 + room).every((byte) => byte === GUARD)).toBe(true)
    }
  })
})

test('hostile blocks: right bytes or none, and nothing beyond the target', { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await fuzz(4000, (random) => {
    const bytes = repetitive(random).subarray(0, 2000)
    const sound = encode(new Lz4Encoder(), bytes)
    const block = random.below(4) === 0 ? random.bytes(random.below(60)) : mutated(random, sound)
    const sizeBytes = random.below(3) === 0 ? random.below(4000) : bytes.length
    const plain = decodePlainly(block, sizeBytes, false)
    const found = decode(block, sizeBytes)
    expect(found === undefined).toBe(plain === undefined)
    if (found !== undefined && plain !== undefined) {
      expect(Buffer.compare(found, Uint8Array.from(plain))).toBe(0)
    }
  })
})
