import { InvalidArgumentError } from '@varve/storage'
import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { prefixEnd, resolveFillCache, resolveLimit, resolveRange, resolveReverse, type Range } from './range.ts'

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1')

function bounds(range: Range | undefined): (string | undefined)[] {
  const { lower, upper } = resolveRange(range)
  return [hex(lower), hex(upper)]
}

test('bounds are made to include their lower end and exclude their upper one', () => {
  expect(bounds(undefined)).toEqual([undefined, undefined])
  expect(bounds({})).toEqual([undefined, undefined])
  expect(bounds({ gte: 'b' })).toEqual(['b', undefined])
  expect(bounds({ gt: 'b' })).toEqual(['b\0', undefined])
  expect(bounds({ lt: 'd' })).toEqual([undefined, 'd'])
  expect(bounds({ lte: 'd' })).toEqual([undefined, 'd\0'])
  expect(bounds({ gt: '', lte: '' })).toEqual(['\0', '\0'])
  expect(bounds({ gte: Buffer.from([0xff]) })).toEqual(['\xff', undefined])
})

test('where several are given, all of them hold', () => {
  expect(bounds({ gt: 'b', gte: 'b' })).toEqual(['b\0', undefined])
  expect(bounds({ gt: 'a', gte: 'b' })).toEqual(['b', undefined])
  expect(bounds({ gt: 'b', gte: 'b\0\0' })).toEqual(['b\0\0', undefined])
  expect(bounds({ lt: 'b', lte: 'b' })).toEqual([undefined, 'b'])
  expect(bounds({ lt: 'b', lte: 'a' })).toEqual([undefined, 'a\0'])
  expect(bounds({ prefix: 'b', gt: 'a', lt: 'z' })).toEqual(['b', 'c'])
  expect(bounds({ prefix: 'b', gte: 'bb', lte: 'bx' })).toEqual(['bb', 'bx\0'])
})

test('a prefix ends where its last byte that can grow grows', () => {
  const end = (...bytes: number[]): string | undefined => hex(prefixEnd(Uint8Array.from(bytes)))
  expect(end()).toBeUndefined()
  expect(end(0)).toBe('\x01')
  expect(end(1, 0xfe)).toBe('\x01\xff')
  expect(end(1, 0xff)).toBe('\x02')
  expect(end(1, 0xff, 0xff, 0xff)).toBe('\x02')
  expect(end(0xff)).toBeUndefined()
  expect(end(0xff, 0xff)).toBeUndefined()
  expect(end(0xff, 0, 0xff)).toBe('\xff\x01')
  expect(bounds({ prefix: Buffer.from([0xff]) })).toEqual(['\xff', undefined])
  expect(bounds({ prefix: '' })).toEqual(['', undefined])
})

test('the caller’s buffers are neither changed nor kept', () => {
  const buffers = ['gt', 'gte', 'lt', 'lte', 'prefix'].map((name) => [name, Buffer.from([1, 2, 0xff])] as const)
  for (const [name, buffer] of buffers) {
    const before = Buffer.from(buffer)
    const range = resolveRange({ [name]: buffer })
    expect(buffer.equals(before), name).toBe(true)
    const [lower, upper] = [hex(range.lower), hex(range.upper)]
    buffer.fill(9)
    expect([hex(range.lower), hex(range.upper)], name).toEqual([lower, upper])
  }
})

test('a wrong bound is refused by its name', () => {
  for (const name of ['gt', 'gte', 'lt', 'lte', 'prefix']) {
    for (const wrong of [null, 5, {}, ['a']]) {
      expect(() => resolveRange({ [name]: wrong } as Range)).toThrow(InvalidArgumentError)
      expect(() => resolveRange({ [name]: wrong } as Range)).toThrow(new RegExp(`^${name}: a key must be`))
    }
  }
  for (const wrong of [null, 'a', 5]) {
    expect(() => resolveRange(wrong as Range)).toThrow(/a range must be an object/)
  }
})

test('a limit is a whole number or none', () => {
  expect([undefined, Infinity, 0, 7].map(resolveLimit)).toEqual([Infinity, Infinity, 0, 7])
  for (const wrong of [-1, 1.5, NaN, -Infinity, '7', null, true]) {
    expect(() => resolveLimit(wrong as number), String(wrong)).toThrow(/limit must be a whole number from 0 on/)
  }
})

test('a direction is true or false', () => {
  expect([undefined, false, true].map(resolveReverse)).toEqual([false, false, true])
  expect([undefined, false, true].map(resolveFillCache)).toEqual([true, false, true])
  for (const wrong of [0, 1, 'true', null]) {
    expect(() => resolveFillCache(wrong as unknown as boolean), String(wrong)).toThrow(
      /fillCache must be true or false/,
    )
    expect(() => resolveReverse(wrong as unknown as boolean), String(wrong)).toThrow(/reverse must be true or false/)
  }
})

test('any bounds hold for exactly the keys that each of them allows', () => {
  forEachSeed(300, (random) => {
    const key = (): Buffer => random.bytes(random.below(4), 3)
    const range: Record<string, Buffer> = {}
    for (const name of ['gt', 'gte', 'lt', 'lte', 'prefix']) {
      if (random.below(3) === 0) {
        range[name] = key()
      }
    }
    const { lower, upper } = resolveRange(range)
    for (let i = 0; i < 40; i++) {
      const probe = key()
      const { gt, gte, lt, lte, prefix } = range
      const isAllowed =
        (gt === undefined || Buffer.compare(probe, gt) > 0) &&
        (gte === undefined || Buffer.compare(probe, gte) >= 0) &&
        (lt === undefined || Buffer.compare(probe, lt) < 0) &&
        (lte === undefined || Buffer.compare(probe, lte) <= 0) &&
        (prefix === undefined || Buffer.compare(probe.subarray(0, prefix.length), prefix) === 0)
      const isInside =
        (lower === undefined || Buffer.compare(probe, lower) >= 0) &&
        (upper === undefined || Buffer.compare(probe, upper) < 0)
      if (isAllowed !== isInside) {
        throw new Error(`[${probe.join()}] is ${isInside ? 'inside' : 'outside'} of ${JSON.stringify(range)}`)
      }
    }
  })
})
