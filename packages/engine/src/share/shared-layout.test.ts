import { BusyError } from '@varve/storage'
import { expect, test } from 'vitest'
import { forEachSeed } from '../test-support/seeds.ts'
import { ConnectionCells, SEQUENCE_SLOT_COUNT, StoreCells } from './shared-layout.ts'

test('the blocks are as they are drawn', () => {
  const store = new StoreCells()
  store.view = 7
  store.countList()
  store.countList()
  store.visibleSequence = 2 ** 52
  expect(store.block.byteLength).toBe(24)
  const cells = new Int32Array(store.block)
  expect([cells[0], cells[1], cells[2], new BigInt64Array(store.block)[2]]).toEqual([7, 2, 0, 2n ** 52n])
  store.close()
  expect(cells[2]).toBe(1)
  expect(new StoreCells(store.block)).toMatchObject({ view: 7, listCount: 2, visibleSequence: 2 ** 52, isClosed: true })

  const connection = new ConnectionCells()
  connection.views.put(5)
  connection.sequences.put(9)
  connection.postedView = 3
  expect(connection.block.byteLength).toBe(16 + 8 * 64 + 8 * 4096)
  expect([...new Int32Array(connection.block, 0, 3)]).toEqual([1, 1, 3])
  expect(new BigInt64Array(connection.block)[2]).toBe(5n)
  expect(new BigInt64Array(connection.block, 528)[0]).toBe(9n)
  expect(connection.waitForPost(2, 0)).toBe(true)
  expect(connection.waitForPost(3, 0)).toBe(false)
})

test('the owner sees what a remote holds, and nothing else', () => {
  forEachSeed(3, (random) => {
    const remote = new ConnectionCells()
    const owner = new ConnectionCells(remote.block)
    const held = new Set<number>()
    for (let i = 0; i < 500; i++) {
      const number = 1 + random.below(30)
      if (held.has(number)) {
        held.delete(number)
        remote.views.remove(number)
      } else {
        held.add(number)
        remote.views.put(number)
      }
      expect(owner.views.list().toSorted((a, b) => a - b)).toEqual([...held].toSorted((a, b) => a - b))
      remote.views.remove(1000)
    }
  })
})

test('slots are bounded, and used again', () => {
  const { sequences } = new ConnectionCells()
  for (let i = 1; i <= SEQUENCE_SLOT_COUNT; i++) {
    sequences.put(i)
  }
  expect(() => sequences.put(SEQUENCE_SLOT_COUNT + 1)).toThrow(BusyError)
  sequences.remove(17)
  sequences.put(SEQUENCE_SLOT_COUNT + 1)
  expect(sequences.list()).toHaveLength(SEQUENCE_SLOT_COUNT)
})
