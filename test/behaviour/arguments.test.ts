/** Wrong arguments: a typed error that names what is wrong, and nothing has happened (R5). */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WriteBatch, open } from 'varve'
import type { Bytes, Operation, RangeOptions, Store } from 'varve'
import { contentsOf } from '../harness/contents.ts'
import { rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KEY_SIZE_BYTES_MAX = 65_536
const VALUE_SIZE_BYTES_MAX = 1_000_000
const NO_BYTES: readonly unknown[] = [
  null,
  undefined,
  7,
  true,
  {},
  [],
  ['a'],
  Symbol('a'),
  new ArrayBuffer(4),
  new Uint16Array(2),
  () => 'a',
  1n,
]

let store: Store

beforeEach(async () => {
  store = await open(scratchStorePath('arguments'), { valueSizeBytesMax: VALUE_SIZE_BYTES_MAX })
  await store.put('kept', 'value')
})

afterEach(async () => {
  expect(await contentsOf(store)).toEqual([['kept', 'value']])
  await store.close()
})

test.each(NO_BYTES.map((value) => [value]))('%s is neither key nor value', async (value) => {
  const wrong = value as Bytes
  await rejection('VARVE_INVALID_ARGUMENT', () => store.put(wrong, 'value'))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.put('key', wrong))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.delete(wrong))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.get(wrong))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.getSync(wrong))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.has(wrong))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.getMany(['key', wrong]))
  await rejection('VARVE_INVALID_ARGUMENT', () => new WriteBatch().put(wrong, 'value'))
  await rejection('VARVE_INVALID_ARGUMENT', () => new WriteBatch().put('key', wrong))
  await rejection('VARVE_INVALID_ARGUMENT', () => new WriteBatch().delete(wrong))
})

test('argument errors of promised calls reject; they are never thrown', () => {
  const wrong = null as unknown as string
  for (const call of [
    () => store.put(wrong, ''),
    () => store.delete(wrong),
    () => store.get(wrong),
    () => store.has(wrong),
    () => store.getMany([wrong]),
    () => store.write([{ type: 'delete', key: wrong }]),
  ]) {
    const promise = call()
    expect(promise).toBeInstanceOf(Promise)
    promise.catch(() => undefined)
  }
})

test('keys and values up to the limit are taken, beyond it refused', async () => {
  const key = Buffer.alloc(KEY_SIZE_BYTES_MAX, 'k')
  const value = Buffer.alloc(VALUE_SIZE_BYTES_MAX, 'v')
  await store.put(key, value)
  expect((await store.get(key))?.equals(value)).toBe(true)
  await store.delete(key)
  const error = await rejection('VARVE_INVALID_ARGUMENT', () => store.put(Buffer.alloc(KEY_SIZE_BYTES_MAX + 1), ''))
  expect(error.message).toContain(String(KEY_SIZE_BYTES_MAX))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.delete('k'.repeat(KEY_SIZE_BYTES_MAX + 1)))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.put('é'.repeat(KEY_SIZE_BYTES_MAX / 2 + 1), ''))
  const large = await rejection('VARVE_INVALID_ARGUMENT', () =>
    store.put('key', Buffer.alloc(VALUE_SIZE_BYTES_MAX + 1)),
  )
  expect(large.message).toContain('valueSizeBytesMax')
  await rejection('VARVE_INVALID_ARGUMENT', () =>
    store.write(new WriteBatch().put('key', Buffer.alloc(VALUE_SIZE_BYTES_MAX + 1))),
  )
})

test.each([
  ['a missing key', { type: 'put', value: 'v' }],
  ['a key of a wrong type', { type: 'put', key: 5, value: 'v' }],
  ['a missing value', { type: 'put', key: 'k' }],
  ['null for a value', { type: 'put', key: 'k', value: null }],
  ['an unknown type', { type: 'merge', key: 'k', value: 'v' }],
  ['no type', { key: 'k', value: 'v' }],
  ['null', null],
  ['a word', 'put'],
  ['a value that is too large', { type: 'put', key: 'k', value: Buffer.alloc(VALUE_SIZE_BYTES_MAX + 1) }],
  ['a key that is too large', { type: 'delete', key: Buffer.alloc(KEY_SIZE_BYTES_MAX + 1) }],
])('nothing of a batch with %s in its middle happens', async (_what, wrong) => {
  const operations = [
    { type: 'put', key: 'first', value: 'v' },
    { type: 'delete', key: 'kept' },
    wrong,
    { type: 'put', key: 'last', value: 'v' },
  ] as Operation[]
  const before = store.stats().sequence
  const [batch, beside] = await Promise.allSettled([store.write(operations), store.put('beside', 'v')])
  expect(batch).toMatchObject({ status: 'rejected', reason: { code: 'VARVE_INVALID_ARGUMENT' } })
  expect(beside.status).toBe('fulfilled')
  expect(store.stats().sequence).toBe(before + 1)
  await store.delete('beside')
})

test.each([[null], [undefined], ['abc'], [7], [{}], [{ operations: [] }]])(
  '%s is no list of operations',
  async (wrong) => {
    await rejection('VARVE_INVALID_ARGUMENT', () => store.write(wrong as unknown as Operation[]))
  },
)

test('an empty batch is fine', async () => {
  const before = store.stats().sequence
  await store.write([])
  await store.write(new WriteBatch(), { sync: true })
  expect(store.stats().sequence).toBe(before)
})

test.each([
  ['gt', { gt: 5 }],
  ['gte', { gte: null }],
  ['lt', { lt: {} }],
  ['lte', { lte: ['a'] }],
  ['prefix', { prefix: 1 }],
  ['limit', { limit: -5 }],
  ['limit', { limit: 1.5 }],
  ['limit', { limit: '3' }],
  ['reverse', { reverse: 'yes' }],
  ['snapshot', { snapshot: {} }],
  ['ltt', { ltt: 'm' }],
  ['start', { gt: 'a', start: 'b' }],
])('a range with a wrong %s is refused by name', async (name, wrong) => {
  const range = wrong as unknown as RangeOptions
  for (const read of [
    () => store.iterator(range),
    () => store.keys(range).next(),
    () => store.entries(range).next(),
    () => store.values(range).next(),
  ]) {
    expect((await rejection('VARVE_INVALID_ARGUMENT', read)).message).toContain(name)
  }
})

test.each([[null], ['abc'], [7]])('%s is no range', async (wrong) => {
  const range = wrong as unknown as RangeOptions
  await rejection('VARVE_INVALID_ARGUMENT', () => store.iterator(range))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.clear(range))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.compactRange(range))
})

test('clear, compactRange and approximateSize check their bounds too', async () => {
  const range = { gt: 5 } as unknown as RangeOptions
  await rejection('VARVE_INVALID_ARGUMENT', () => store.clear(range))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.compactRange(range))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.approximateSize(range))
})

test.each([['limit'], ['reverse'], ['snapshot'], ['signal'], ['lessThan']])(
  'clear, compactRange and approximateSize refuse a range with %s, which they would ignore',
  async (name) => {
    const range = { gte: 'a', [name]: undefined } as unknown as RangeOptions
    for (const run of [() => store.clear(range), () => store.compactRange(range), () => store.approximateSize(range)]) {
      expect((await rejection('VARVE_INVALID_ARGUMENT', run)).message).toContain(name)
    }
  },
)

test('options of writes that do not exist are refused: a condition must not be ignored', async () => {
  const options = { sync: true, ifAbsent: true } as unknown as { sync: boolean }
  for (const write of [
    () => store.put('a', 'b', options),
    () => store.delete('kept', options),
    () => store.write([{ type: 'delete', key: 'kept' }], options),
    () => store.put('a', 'b', null as unknown as { sync: boolean }),
    () => store.put('a', 'b', 'sync' as unknown as { sync: boolean }),
  ]) {
    await rejection('VARVE_INVALID_ARGUMENT', write)
  }
})

test('the options of writes and reads are checked', async () => {
  await rejection('VARVE_INVALID_ARGUMENT', () => store.put('a', 'b', { sync: 'yes' } as unknown as { sync: boolean }))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.get('a', { snapshot: 7 } as unknown as {}))
})

test('a snapshot of another store is refused', async () => {
  const other = await open(scratchStorePath('arguments'))
  const snapshot = other.snapshot()
  await rejection('VARVE_INVALID_ARGUMENT', () => store.get('kept', { snapshot }))
  await rejection('VARVE_INVALID_ARGUMENT', () => store.iterator({ snapshot }))
  await other.close()
})

test('iterators check count and key', async () => {
  const iterator = store.iterator()
  for (const wrong of [-1, 1.5, '2', null] as unknown[]) {
    await rejection('VARVE_INVALID_ARGUMENT', () => iterator.nextMany(wrong as number))
  }
  await rejection('VARVE_INVALID_ARGUMENT', () => iterator.seek(null as unknown as string))
  expect(await iterator.next()).toEqual([Buffer.from('kept'), Buffer.from('value')])
  await iterator.close()
})

test('an aborted signal rejects with VARVE_ABORTED, its reason as cause', async () => {
  const signal = AbortSignal.abort(new Error('enough'))
  for (const read of [
    () => store.get('kept', { signal }),
    () => store.getMany(['kept'], { signal }),
    () => store.has('kept', { signal }),
  ]) {
    expect(await rejection('VARVE_ABORTED', read)).toMatchObject({ cause: { message: 'enough' } })
  }
  await rejection('VARVE_ABORTED', () => store.entries({ signal }).next())
})
