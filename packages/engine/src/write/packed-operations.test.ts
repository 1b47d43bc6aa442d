import { InvalidArgumentError, KIND_PUT, VALUE_SIZE_BYTES_LIMIT, WalEntryReader } from '@varve/storage'
import { expect, test } from 'vitest'
import type { Bytes } from '../bytes.ts'
import { PackedOperations, type Operation } from './packed-operations.ts'
import { WriteBatch } from './write-batch.ts'

const VALUE_SIZE_BYTES_MAX = 100_000

/** What was packed, as operations on latin-1 strings. */
function unpack(packed: PackedOperations): { type: string; key: string; value?: string }[] {
  const reader = new WalEntryReader()
  const bytes = Buffer.from(packed.bytes)
  reader.reset(bytes, 0, bytes.length, 'a batch')
  const operations: { type: string; key: string; value?: string }[] = []
  while (reader.next()) {
    const key = bytes.toString('latin1', reader.keyOffset, reader.keyOffset + reader.keySize)
    const value = bytes.toString('latin1', reader.valueOffset, reader.valueOffset + reader.valueSize)
    operations.push(reader.kind === KIND_PUT ? { type: 'put', key, value } : { type: 'delete', key })
  }
  return operations
}

test('operations come back in order, beyond the first buffer', () => {
  const packed = new PackedOperations()
  const operations = Array.from({ length: 500 }, (_, i) =>
    i % 3 === 0
      ? { type: 'delete' as const, key: `k${i}` }
      : { type: 'put' as const, key: `k${i}`, value: 'v'.repeat(i * 3) },
  )
  packed.addAll(operations, VALUE_SIZE_BYTES_MAX)
  expect(unpack(packed)).toEqual(operations)
  expect([packed.count, packed.bytes.length]).toEqual([500, packed.sizeBytes])
  const userSize = operations.reduce(
    (sum, { key, ...rest }) => sum + key.length + ('value' in rest ? rest.value.length : 0),
    0,
  )
  expect(packed.userSizeBytes).toBe(userSize)
})

test('keys and values are copied when they are packed', () => {
  const packed = new PackedOperations()
  const [key, value] = [Buffer.from('key'), Buffer.from('value')]
  packed.put(key, value, VALUE_SIZE_BYTES_MAX)
  key.fill(0)
  value.fill(0)
  expect(unpack(packed)).toEqual([{ type: 'put', key: 'key', value: 'value' }])
})

test('a wrong operation in the middle of a batch is named by its index', () => {
  const good: Operation = { type: 'put', key: 'k', value: 'v' }
  const wrong: [unknown, RegExp][] = [
    [undefined, /operation 2 of the batch: it must be .* not undefined/],
    [null, /operation 2 .* not null/],
    [{}, /operation 2 .* not Object/],
    [{ type: 'del', key: 'k' }, /operation 2 .* not a string/],
    [{ type: 'put', key: 1, value: 'v' }, /operation 2 of the batch: a key must be/],
    [{ type: 'put', key: 'k' }, /operation 2 of the batch: a value must be/],
    [{ type: 'delete' }, /operation 2 of the batch: a key must be/],
    [{ type: 'put', key: 'x'.repeat(65_537), value: '' }, /operation 2 of the batch: a key of 65537 bytes/],
    [{ type: 'put', key: 'k', value: 'x'.repeat(101) }, /operation 2 of the batch: a value of 101 bytes/],
  ]
  for (const [operation, message] of wrong) {
    const pack = (): void => new PackedOperations().addAll([good, good, operation as Operation, good], 100)
    expect(pack, String(message)).toThrow(InvalidArgumentError)
    expect(pack).toThrow(message)
  }
})

test('cleared, it is empty; what is packed then stands alone', () => {
  const packed = new PackedOperations()
  packed.put('a', 'x'.repeat(5 * 1024 * 1024), VALUE_SIZE_BYTES_LIMIT)
  packed.clear()
  expect([packed.count, packed.sizeBytes, packed.userSizeBytes, packed.bytes.length]).toEqual([0, 0, 0, 0])
  expect(packed.bytes.buffer.byteLength, 'a huge buffer is not kept').toBeLessThan(5 * 1024 * 1024)
  packed.delete('b')
  expect(unpack(packed)).toEqual([{ type: 'delete', key: 'b' }])
})

test('a batch counts, measures and remembers its largest value', () => {
  const batch = new WriteBatch()
  batch
    .put('ключ', 'é'.repeat(10))
    .put(Buffer.from('kk'), new Uint8Array(7))
    .delete('a key that is longer than any value')
  expect([batch.count, batch.largestValueSizeBytes]).toEqual([3, 20])
  expect(unpack(batch.packed).map(({ type }) => type)).toEqual(['put', 'put', 'delete'])
  expect(batch.sizeBytes).toBe(batch.packed.sizeBytes)
  batch.clear()
  expect([batch.count, batch.sizeBytes, batch.largestValueSizeBytes]).toEqual([0, 0, 0])
})

test('a wrong operation changes nothing of a batch', () => {
  const batch = new WriteBatch().put('a', '1')
  const before = batch.sizeBytes
  expect(() => batch.put('b', undefined as unknown as Bytes)).toThrow(InvalidArgumentError)
  expect(() => batch.put(undefined as unknown as Bytes, 'b')).toThrow(InvalidArgumentError)
  expect(() => batch.delete(5 as unknown as Bytes)).toThrow(InvalidArgumentError)
  expect([batch.count, batch.sizeBytes, batch.largestValueSizeBytes]).toEqual([1, before, 1])
  expect(unpack(batch.packed)).toEqual([{ type: 'put', key: 'a', value: '1' }])
})
