import { runInNewContext } from 'node:vm'
import { InvalidArgumentError } from '@varve/storage'
import { expect, test } from 'vitest'
import { copyKey, keySizeOf, putBytes, valueSizeOf, type Bytes } from './bytes.ts'
import { forEachSeed } from './test-support/seeds.ts'

/** What ends up in a buffer that is larger than needed, with what stands around it. */
function written(bytes: Bytes): Buffer {
  const size = keySizeOf(bytes)
  const into = Buffer.alloc(size + 20, 0xee)
  putBytes(into, 10, bytes, size)
  expect(into.subarray(0, 10).every((byte) => byte === 0xee)).toBe(true)
  expect(into.subarray(10 + size).every((byte) => byte === 0xee)).toBe(true)
  return into.subarray(10, 10 + size)
}

test('strings are UTF-8, short and long, of any script, and lone surrogates too', () => {
  const pieces = [
    '',
    'a',
    'ascii',
    'é',
    'ß',
    '漢字',
    '😀',
    '\0',
    '\x7f',
    '\x80',
    '\uffff',
    '\ud800',
    '\udc00',
    '\udc00\ud800',
  ]
  for (const piece of pieces) {
    for (const count of [1, 2, 8, 15, 16, 17, 31, 32, 33, 100, 1000]) {
      for (const text of [piece.repeat(count), `a${piece.repeat(count)}`, `${'a'.repeat(count)}${piece}`]) {
        const isSame = written(text).equals(Buffer.from(text, 'utf8'))
        expect(isSame, `${JSON.stringify(piece)} ${count} times`).toBe(true)
      }
    }
  }
})

test('random strings of code units are what Buffer.from makes of them', () => {
  forEachSeed(200, (random) => {
    const max = random.pick([0x80, 0x100, 0x800, 0x10000])
    const text = String.fromCharCode(...Array.from({ length: random.below(100) }, () => random.below(max)))
    expect(written(text).equals(Buffer.from(text, 'utf8'))).toBe(true)
  })
})

test('byte arrays of any kind and length are taken as they are', () => {
  for (const size of [0, 1, 31, 32, 33, 64, 1000]) {
    const whole = Uint8Array.from({ length: size + 8 }, (_, i) => 255 - (i & 0xff))
    const expected = Buffer.from(whole.slice(5, 5 + size))
    const shared = new Uint8Array(new SharedArrayBuffer(size))
    shared.set(expected)
    const foreign: unknown = runInNewContext('Uint8Array.from(list)', { list: Array.from(expected) })
    expect(foreign instanceof Uint8Array, 'of another realm').toBe(false)
    for (const bytes of [whole.subarray(5, 5 + size), Buffer.from(expected), shared, foreign as Uint8Array]) {
      expect(written(bytes).equals(expected), `${size} bytes`).toBe(true)
    }
  }
})

test('what is neither a string nor bytes is refused, and its content kept out of the message', () => {
  for (const wrong of [
    undefined,
    null,
    1,
    {},
    [1, 2],
    new ArrayBuffer(3),
    new Uint16Array(3),
    new DataView(new ArrayBuffer(3)),
  ]) {
    expect(() => keySizeOf(wrong as unknown as Bytes)).toThrow(InvalidArgumentError)
    expect(() => keySizeOf(wrong as unknown as Bytes)).toThrow(/^a key must be a string or a Uint8Array, not /)
    expect(() => valueSizeOf(wrong as unknown as Bytes, 100)).toThrow(/^a value must be a string or a Uint8Array, not /)
  }
})

test('keys and values are bounded in bytes, not characters', () => {
  expect(keySizeOf('k'.repeat(65_536))).toBe(65_536)
  expect(keySizeOf(new Uint8Array(65_536))).toBe(65_536)
  expect(() => keySizeOf('k'.repeat(65_537))).toThrow(/a key of 65537 bytes is too long: at most 65536/)
  expect(() => keySizeOf('é'.repeat(32_769))).toThrow(/65538 bytes/)
  expect(valueSizeOf('é'.repeat(5), 10)).toBe(10)
  expect(() => valueSizeOf('é'.repeat(5), 9)).toThrow(
    /a value of 10 bytes is too long: the option valueSizeBytesMax allows 9/,
  )
  expect(valueSizeOf('', 0)).toBe(0)
})

test('a copied key is the store’s own', () => {
  const key = Buffer.from('key')
  const copy = copyKey(key.subarray(1))
  key.fill(0)
  expect(copy.toString()).toBe('ey')
  copy.fill(1)
  expect(key.equals(Buffer.alloc(3))).toBe(true)
})
