/** The model is what everything else is measured by, so it is checked by hand here. */
import { expect, test } from 'vitest'
import { ModelIterator, ModelStore } from './model-store.ts'
import type { ModelEntry, ModelRange } from './model-store.ts'

function modelOf(...keys: string[]): ModelStore {
  const model = new ModelStore()
  for (const key of keys) {
    model.put(Buffer.from(key, 'latin1'), Buffer.from(`value of ${key}`, 'latin1'))
  }
  return model
}

function keysOf(entries: readonly (ModelEntry | undefined)[]): (string | undefined)[] {
  return entries.map((entry) => entry?.key.toString('latin1'))
}

function keysIn(model: ModelStore, range: ModelRange): (string | undefined)[] {
  return keysOf(model.view().range(range))
}

const b = (text: string): Buffer => Buffer.from(text, 'latin1')

test('orders keys by unsigned bytes, the empty one first', () => {
  expect(keysIn(modelOf('b', '\xff', '', 'ab', 'a', '\x00', 'a\x00'), {})).toEqual([
    '',
    '\x00',
    'a',
    'a\x00',
    'ab',
    'b',
    '\xff',
  ])
})

test('bounds, prefix, direction and limit', () => {
  const model = modelOf('a', 'ab', 'abc', 'b', 'c')
  expect(keysIn(model, { gt: b('a'), lte: b('b') })).toEqual(['ab', 'abc', 'b'])
  expect(keysIn(model, { gte: b('a'), lt: b('b') })).toEqual(['a', 'ab', 'abc'])
  expect(keysIn(model, { prefix: b('ab'), reverse: true })).toEqual(['abc', 'ab'])
  expect(keysIn(model, { reverse: true, limit: 2 })).toEqual(['c', 'b'])
  expect(keysIn(model, { limit: 0 })).toEqual([])
  expect(keysIn(model, { gt: b('c'), lt: b('a') })).toEqual([])
})

test('overwrites, deletes and clears; views stay', () => {
  const model = modelOf('a', 'b', 'c')
  const before = model.view()
  model.put(b('b'), b('new'))
  model.delete(b('a'))
  model.delete(b('missing'))
  const between = model.view()
  model.clear({ gte: b('c') })
  expect(keysOf(before.entries)).toEqual(['a', 'b', 'c'])
  expect(before.get(b('b'))).toEqual(b('value of b'))
  expect(between.get(b('b'))).toEqual(b('new'))
  expect(keysOf(between.entries)).toEqual(['b', 'c'])
  expect(keysIn(model, {})).toEqual(['b'])
})

test('an iterator seeks in its direction, ends outside of its range, and counts its limit through', () => {
  const view = modelOf('a', 'b', 'c', 'd', 'e').view()
  const forward = new ModelIterator(view, { gte: b('b'), limit: 4 })
  forward.seek(b('bb'))
  expect(keysOf([forward.next(), forward.next()])).toEqual(['c', 'd'])
  forward.seek(b('a'))
  expect(forward.next()).toBeUndefined()
  forward.seek(b('b'))
  expect(keysOf([forward.next(), forward.next(), forward.next()])).toEqual(['b', 'c', undefined])
  const reverse = new ModelIterator(view, { reverse: true })
  reverse.seek(b('cc'))
  expect(keysOf([reverse.next(), reverse.next()])).toEqual(['c', 'b'])
})
