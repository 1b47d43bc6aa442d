import { expect, test } from 'vitest'
import { PackedOperations } from '../write/packed-operations.ts'
import { decodeWrites, encodeWrites } from './write-message.ts'

test('the bytes of the example', () => {
  const packed = new PackedOperations()
  packed.put('k', 'v', 10)
  const message = encodeWrites([{ id: 1, sync: false, count: 1, sizeBytes: 5, userSizeBytes: 2 }], packed.bytes)
  const head = new DataView(message)
  expect(message.byteLength).toBe(53)
  expect([0, 8, 16, 24, 32, 40].map((offset) => head.getFloat64(offset, true))).toEqual([1, 1, 0, 1, 5, 2])
  expect(Buffer.from(message).subarray(48).toString('hex')).toBe('0101016b76')
})

test('segments come back as they went, each with its own operations', () => {
  const packed = new PackedOperations()
  packed.put('a', '1', 10)
  const first = packed.sizeBytes
  packed.delete('b')
  packed.put('c', '3', 10)
  const sizes = [first, packed.sizeBytes - first]
  const segments = [
    { id: 2 ** 40, sync: false, count: 1, sizeBytes: first, userSizeBytes: 2 },
    { id: 2 ** 40 + 1, sync: true, count: 2, sizeBytes: packed.sizeBytes - first, userSizeBytes: 3 },
  ]
  const received = decodeWrites(encodeWrites(segments, packed.bytes))
  expect(received.map(({ bytes: _bytes, ...rest }) => rest)).toEqual(segments)
  expect(received.map(({ bytes }) => bytes.length)).toEqual(sizes)
  expect(Buffer.concat(received.map(({ bytes }) => bytes))).toEqual(Buffer.from(packed.bytes))
  expect(decodeWrites(encodeWrites([], new Uint8Array(0)))).toEqual([])
})
