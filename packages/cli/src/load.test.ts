import type { Store } from 'varve'
import { afterEach, expect, test, vi } from 'vitest'
import { Load, writesInFlightMax } from './load.ts'

interface PendingPut {
  readonly key: string
  readonly sizeBytes: number
  readonly settle: (error?: Error) => void
}

/** Keeps every put pending until the test settles it. */
function pendingStore(): { store: Store; pending: PendingPut[] } {
  const pending: PendingPut[] = []
  const put = (key: string, value: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (error?: Error): void => (error === undefined ? resolve() : reject(error))
      pending.push({ key, sizeBytes: key.length + value.length, settle })
    })
  return { store: { put } as unknown as Store, pending }
}

afterEach(() => vi.useRealTimers())

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

const records = (count: number, value: string): { key: string; value: string }[] =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value }))

function newLoad(): ReturnType<typeof pendingStore> & { load: Load; controller: AbortController } {
  const { store, pending } = pendingStore()
  const controller = new AbortController()
  return { store, pending, controller, load: new Load(store, { sync: false, signal: controller.signal }) }
}

test('keeps a bounded number of puts in flight, in the order of the records', async () => {
  const { load, pending } = newLoad()
  const done = load.run(records(300, 'v'))
  const keys: string[] = []
  while (keys.length < 300) {
    await turn()
    expect(pending.length).toBeLessThanOrEqual(writesInFlightMax)
    for (const { key, settle } of pending.splice(0)) {
      keys.push(key)
      settle()
    }
  }
  expect((await done).failure).toBeUndefined()
  expect(keys).toEqual(records(300, '').map(({ key }) => key))
  expect(load.recordCount).toBe(300)
})

test('keeps a bounded size in flight; a record beyond the bound goes alone', async () => {
  const { load, pending } = newLoad()
  const done = load.run([...records(20, 'x'.repeat(1 << 20)), { key: 'huge', value: 'x'.repeat(16 << 20) }])
  let settledCount = 0
  while (settledCount < 21) {
    await turn()
    const inFlight = pending.splice(0)
    expect(inFlight.length === 1 || inFlight.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) <= 8 << 20).toBe(true)
    inFlight.forEach(({ settle }) => settle())
    settledCount += inFlight.length
  }
  expect((await done).failure).toBeUndefined()
})

test('a failed put stops the load once what is in flight has settled', async () => {
  const { load, pending } = newLoad()
  const done = load.run(records(1000, 'v'))
  await turn()
  pending.splice(0).forEach(({ settle }, index) => settle(index === 5 ? new Error('disk is full') : undefined))
  expect((await done).failure?.message).toBe('disk is full')
  expect(load.recordCount).toBe(writesInFlightMax - 1)
})

test('records that fail keep what was put before them', async () => {
  const { load, pending } = newLoad()
  async function* failing(): AsyncGenerator<{ key: string; value: string }> {
    yield* records(3, 'v')
    throw new Error('cannot read on')
  }
  const done = load.run(failing())
  await turn()
  pending.forEach(({ settle }) => settle())
  expect((await done).failure?.message).toBe('cannot read on')
  expect(load.recordCount).toBe(3)
})

test('stops when aborted, without a failure', async () => {
  const { load, pending, controller } = newLoad()
  const done = load.run(records(1000, 'v'))
  await turn()
  controller.abort()
  pending.forEach(({ settle }) => settle())
  expect((await done).failure).toBeUndefined()
  expect(load.recordCount).toBe(writesInFlightMax)
})

test('an aborted load does not wait for ever for writes that stall', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const { load, controller } = newLoad()
  const done = load.run(records(1000, 'v'))
  await turn()
  controller.abort()
  vi.advanceTimersByTime(5000)
  expect((await done).failure).toBeUndefined()
  expect(load.recordCount).toBe(0)
})
