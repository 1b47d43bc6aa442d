import { KIND_PUT, fileNumber } from '@varve/storage'
import { afterEach, expect, test, vi } from 'vitest'
import { MemoryEnv, settle } from '../test-support/memory-env.ts'
import { Wal } from '../wal/wal.ts'
import { MemtableQueue } from './memtable-queue.ts'

const SIZE_BYTES = 64 * 1024

afterEach(() => {
  vi.unstubAllGlobals()
})

async function createQueue(): Promise<MemtableQueue> {
  const env = new MemoryEnv()
  let next = 2
  const wal = new Wal(env, '/d', fileNumber(1))
  const options = { memtableSizeBytes: SIZE_BYTES, frozenMemtableCountMax: 2 }
  const queue = new MemtableQueue(
    env,
    '/d',
    options,
    { takeFileNumber: () => next++, onWalFailure: () => undefined },
    wal,
    1,
  )
  await settle()
  return queue
}

function withoutMemory(): void {
  vi.stubGlobal(
    'SharedArrayBuffer',
    class {
      constructor() {
        throw new RangeError('Array buffer allocation failed')
      }
    },
  )
}

test('where there is no memory for a larger arena, the memtable keeps the one that it has', async () => {
  const queue = await createQueue()
  const { active } = queue
  withoutMemory()
  expect(() => queue.enlargeActive(10 * SIZE_BYTES)).toThrow(RangeError)
  expect(queue.active).toBe(active)
  expect(queue.spareArenaCount, 'an arena in use is no spare one').toBe(0)
  expect(queue.arenaSizeBytes.used).toBe(SIZE_BYTES)
})

test('where there is no memory for the next arena, nothing is frozen and no log is used up', async () => {
  const queue = await createQueue()
  const { active } = queue
  active.beginGroup()
  active.add(KIND_PUT, 'a', 1, Buffer.alloc(SIZE_BYTES / 2), SIZE_BYTES / 2)
  queue.prepareNextWal()
  const ahead = queue.nextWal
  withoutMemory()
  expect(() => queue.freeze(2, 100)).toThrow(RangeError)
  expect([queue.active, queue.frozen.length, queue.nextWal]).toEqual([active, 0, ahead])
  vi.unstubAllGlobals()
  expect(queue.freeze(2, 100).wal).toBe(ahead)
})
