import { AssertionError, BusyError } from '@varve/storage'
import { expect, test } from 'vitest'
import { settle } from '../test-support/memory-env.ts'
import { StallQueue } from './stall-queue.ts'

/** What a waiting write is charged besides its bytes: pinned, so that the bound means heap. */
const OVERHEAD = 500

const bytes = (size: number, fill = 1): Uint8Array => new Uint8Array(size).fill(fill)

test('the first waiter may have any size, the others wait within the bound', () => {
  const queue = new StallQueue(100 + 2 * OVERHEAD)
  void queue.push(bytes(5000), 1, false)
  expect(() => queue.push(bytes(1), 1, false)).toThrow(BusyError)
  queue.dropFirst()
  void queue.push(bytes(60), 1, false)
  void queue.push(bytes(40), 1, false)
  expect([queue.count, queue.sizeBytes]).toEqual([2, 100 + 2 * OVERHEAD])
  expect(() => queue.push(bytes(1), 1, false)).toThrow(/1100 bytes .* stalledSizeBytesMax allows 1100/)
  expect([queue.count, queue.sizeBytes], 'a refused write leaves nothing').toEqual([2, 100 + 2 * OVERHEAD])
  queue.dropFirst()
  expect(() => queue.push(bytes(61), 1, false)).toThrow(BusyError)
  void queue.push(bytes(60), 1, false)
  expect([queue.count, queue.sizeBytes]).toEqual([2, 100 + 2 * OVERHEAD])
})

test('a bound of zero lets one write wait', () => {
  const queue = new StallQueue(0)
  void queue.push(bytes(10), 1, false)
  expect(() => queue.push(bytes(1), 1, false)).toThrow(BusyError)
})

test('writes leave in order, as they were when they came', () => {
  const queue = new StallQueue(10_000)
  const buffer = bytes(3, 7)
  void queue.push(buffer, 2, true)
  buffer.fill(0)
  void queue.push(bytes(1, 8), 1, false)
  expect(queue.first).toMatchObject({ packed: bytes(3, 7), count: 2, sync: true })
  queue.dropFirst()
  expect(queue.first).toMatchObject({ packed: bytes(1, 8), count: 1, sync: false })
  queue.dropFirst()
  expect([queue.isEmpty, queue.first, queue.count, queue.sizeBytes]).toEqual([true, undefined, 0, 0])
  expect(() => queue.dropFirst()).toThrow(AssertionError)
})

test('a long queue that drains while it fills keeps its order and its sums', () => {
  const queue = new StallQueue(1e9)
  let [pushed, dropped] = [0, 0]
  while (dropped < 40_000) {
    for (let i = 0; i < 3 && pushed < 60_000; i++) {
      void queue.push(bytes(1 + (pushed % 100)), ++pushed, false)
    }
    dropped++
    if (queue.first?.count !== dropped) {
      throw new Error(`write ${queue.first?.count} where ${dropped} should be`)
    }
    queue.dropFirst()
  }
  expect(queue.count).toBe(20_000)
  let sum = 0
  for (let i = 40_000; i < 60_000; i++) {
    sum += 1 + (i % 100) + OVERHEAD
  }
  expect(queue.sizeBytes).toBe(sum)
})

test('all are rejected with the same error, and the queue is empty then', async () => {
  const queue = new StallQueue(10_000)
  const errors: unknown[] = []
  const error = new Error('closed')
  for (let i = 0; i < 3; i++) {
    queue.push(bytes(10), 1, false).catch((thrown: unknown) => errors.push(thrown))
  }
  queue.rejectAll(error)
  expect([queue.isEmpty, queue.count, queue.sizeBytes]).toEqual([true, 0, 0])
  await settle()
  expect(errors).toEqual([error, error, error])
})

test('a write’s promise is settled by whoever hands it on', async () => {
  const queue = new StallQueue(10_000)
  let isDone = false
  void queue.push(bytes(10), 1, false).then(() => {
    isDone = true
  })
  const { first } = queue
  queue.dropFirst()
  await settle()
  expect(isDone).toBe(false)
  first?.done.resolve()
  await settle()
  expect(isDone).toBe(true)
})
