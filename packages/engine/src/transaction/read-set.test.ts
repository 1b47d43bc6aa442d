import { WalEntryReader } from '@varve/storage'
import { expect, test } from 'vitest'
import { READ_SET_SIZE_BYTES_MAX, ReadSet } from './read-set.ts'

function keysOf(readSet: ReadSet): string[] {
  const { bytes } = readSet.toDependencies().keys
  const reader = new WalEntryReader()
  reader.reset(bytes, 0, bytes.length, 'a read set')
  const keys: string[] = []
  while (reader.next()) {
    keys.push(Buffer.from(bytes.subarray(reader.keyOffset, reader.keyOffset + reader.keySize)).toString('latin1'))
  }
  return keys
}

test('keys once each, byte by byte, and ranges as far as they have come', () => {
  const readSet = new ReadSet()
  readSet.addKey('a')
  readSet.addKey('\u0000\u00ff')
  const { sizeBytes } = readSet
  readSet.addKey('a')
  expect(readSet.sizeBytes).toBe(sizeBytes)
  const range = readSet.addRange(undefined, Buffer.from('b'))
  readSet.change(range, undefined, Buffer.from('bcd'))
  expect(keysOf(readSet)).toEqual(['a', '\u0000\u00ff'])
  expect(readSet.toDependencies().ranges.map(({ lower, upper }) => [lower, upper])).toEqual([
    [undefined, Buffer.from('bcd')],
  ])
})

test('keys, ranges and ranges that grow count against the bound', () => {
  const large = Buffer.alloc(READ_SET_SIZE_BYTES_MAX / 2 - 200)
  const [keys, ranges, growing] = [new ReadSet(), new ReadSet(), new ReadSet()]
  keys.addKey(large.toString('latin1'))
  keys.addKey(large.fill(1).toString('latin1'))
  expect(() => keys.addKey('a'.repeat(200))).toThrow('depends on more than')
  ranges.addRange(large, undefined)
  expect(() => ranges.addRange(large, Buffer.alloc(300))).toThrow('depends on more than')
  const range = growing.addRange(large, large)
  growing.change(range, large, undefined)
  growing.change(range, large, large)
  expect(() => growing.change(range, large, Buffer.alloc(large.length + 400))).toThrow('depends on more than')
})
