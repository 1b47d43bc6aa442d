/** The expected state must tell apart what a store must not confuse. */
import { expect, test } from 'vitest'
import { CommitOrder, digestOf, type Change } from './commit-order.ts'

function digest(entries: Readonly<Record<string, string>>): number {
  return digestOf(Object.entries(entries).map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const))
}

function orderOf(...writes: (readonly Change[])[]): CommitOrder {
  const order = new CommitOrder()
  writes.forEach((changes) => order.add(changes))
  return order
}

test('the contents after each number of writes are found, and others are not', () => {
  const order = orderOf(
    [['a', '1']],
    [['b', '2']],
    [['a', undefined]],
    [
      ['a', '3'],
      ['b', '4'],
    ],
  )
  expect(order.find(digest({}), 0, 4)).toBe(0)
  expect(order.find(digest({ a: '1', b: '2' }), 0, 4)).toBe(2)
  expect(order.find(digest({ b: '2' }), 0, 4)).toBe(3)
  expect(order.find(digest({ a: '3', b: '4' }), 0, 4)).toBe(4)
  expect(order.find(digest({ a: '3', b: '2' }), 0, 4), 'half a batch').toBe(undefined)
  expect(order.find(digest({ a: '1', b: '2' }), 3, 4), 'too few').toBe(undefined)
  expect(order.find(digest({ a: '2', b: '1' }), 0, 4), 'exchanged values').toBe(undefined)
  expect(order.find(digest({ a1: '', b: '2' }), 0, 4), 'another border of key and value').toBe(undefined)
})

test('a fork goes on by itself', () => {
  const order = orderOf([['a', '1']], [['a', '2']])
  const fork = order.fork(1)
  fork.add([['a', '3']])
  expect(fork.find(digest({ a: '2' }), 0, 2)).toBe(undefined)
  expect(fork.find(digest({ a: '3' }), 0, 2)).toBe(2)
  expect(order.find(digest({ a: '2' }), 0, 2)).toBe(2)
})
