import { expect, test } from 'vitest'
import { LiveSequences } from './live-sequences.ts'

test('a sequence is live until its last reader lets it go', () => {
  const live = new LiveSequences()
  live.hold(5)
  live.hold(5)
  live.hold(9)
  expect([live.list(20), live.count]).toEqual([[5, 9, 20], 3])
  live.release(5)
  expect([live.list(20), live.count]).toEqual([[5, 9, 20], 2])
  live.release(5)
  expect([live.list(20), live.count]).toEqual([[9, 20], 1])
})

test('sequences are listed ascending as numbers, the visible one last and once', () => {
  const live = new LiveSequences()
  for (const sequence of [1000, 9, 100, 20]) {
    live.hold(sequence)
  }
  expect(live.list(1000)).toEqual([9, 20, 100, 1000])
  expect(new LiveSequences().list(3)).toEqual([3])
})
