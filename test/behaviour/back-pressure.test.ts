/** Writes that outrun the flushes wait, in bounded memory, and say why; what is accepted is never lost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { FailingExecutor, GatedExecutor } from '../harness/executors.ts'
import { codeOf } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

const KIB = 1024
const STALLED_SIZE_BYTES_MAX = 256 * KIB
const TIGHT: StoreOptions = {
  memtableSizeBytes: 64 * KIB,
  frozenMemtableCountMax: 1,
  stalledSizeBytesMax: STALLED_SIZE_BYTES_MAX,
}

interface StallSeen {
  readonly cause: string
  readonly phase: string
}

function watchStalls(store: Store): StallSeen[] {
  const seen: StallSeen[] = []
  store.on('stall', (event: StallSeen) => seen.push({ cause: event.cause, phase: event.phase }))
  return seen
}

/** In no order, so that tables overlap: others are moved, not compacted. */
function scatteredKeyOf(i: number): string {
  return keyOf((i * 7919) % 10_000)
}

function keyOf(i: number): string {
  return `key-${String(i).padStart(6, '0')}`
}

/** Puts that nobody awaits, until one is refused; the code that each ends with. */
async function putUntilBusy(store: Store, valueSizeBytes: number): Promise<Promise<string | undefined>[]> {
  const codes: Promise<string | undefined>[] = []
  let isBusy = false
  while (!isBusy && codes.length < 20_000) {
    const code = codeOf(store.put(keyOf(codes.length), Buffer.alloc(valueSizeBytes, codes.length)))
    void code.then((known) => (isBusy ||= known === 'VARVE_BUSY'))
    codes.push(code)
    if (codes.length % 50 === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  expect(isBusy).toBe(true)
  return codes
}

test('beyond stalledSizeBytesMax put is refused with VARVE_BUSY; everything accepted is there afterwards', async () => {
  const directory = scratchStorePath('stall')
  const executor = new GatedExecutor()
  const store = await open(directory, TIGHT, { executor })
  const stalls = watchStalls(store)
  executor.shut('flush')
  const codes = await putUntilBusy(store, KIB)
  const acceptedSizeBytesMax = 2 * 64 * KIB + STALLED_SIZE_BYTES_MAX + 64 * KIB
  expect(codes.length * KIB).toBeLessThan(acceptedSizeBytesMax)
  expect(stalls).toEqual([{ cause: 'frozen-memtables', phase: 'begin' }])
  expect(store.stats().stalls).toMatchObject({ count: 1, current: 'frozen-memtables' })
  executor.open('flush')
  const ended = await Promise.all(codes)
  expect(new Set(ended)).toEqual(new Set([undefined, 'VARVE_BUSY']))
  await store.put('last', 'value')
  expect(store.stats().stalls.current).toBeUndefined()
  expect(stalls.at(-1)?.phase).toBe('end')
  await store.close()
  const again = await open(directory)
  for (const [i, code] of ended.entries()) {
    const value = await again.get(keyOf(i))
    expect(value, `${keyOf(i)}, which ended with ${code}`).toEqual(
      code === undefined ? Buffer.alloc(KIB, i) : undefined,
    )
  }
  await again.close()
})

test('stalled writes pend, reads go on meanwhile, and the order of writes is kept', async () => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('stall'), TIGHT, { executor })
  executor.shut('flush')
  await store.put('first', 'value')
  const writes: Promise<void>[] = []
  for (let i = 0; store.stats().stalls.current === undefined; i++) {
    writes.push(store.put('same', Buffer.alloc(KIB, i)))
  }
  let lastIsDone = false
  const last = store.put('same', 'last').then(() => (lastIsDone = true))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(lastIsDone).toBe(false)
  expect((await store.get('first'))?.toString()).toBe('value')
  expect((await store.get('same'))?.length).toBe(KIB)
  executor.open('flush')
  await Promise.all([...writes, last])
  expect(store.getSync('same')?.toString()).toBe('last')
  await store.close()
})

test('the first write that waits may have any size, a batch too', async () => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('stall'), { ...TIGHT, stalledSizeBytesMax: 0 }, { executor })
  executor.shut('flush')
  const large = Buffer.alloc(1024 * KIB, 7)
  const first = [store.put('a', large), store.put('b', large)]
  await Promise.all(first)
  const waiting = codeOf(
    store.write([
      { type: 'put', key: 'c', value: large },
      { type: 'put', key: 'd', value: large },
    ]),
  )
  expect(await codeOf(store.put('e', 'x'))).toBe('VARVE_BUSY')
  executor.open('flush')
  expect(await waiting).toBeUndefined()
  expect((await store.get('d'))?.equals(large)).toBe(true)
  expect(await store.has('e')).toBe(false)
  await store.close()
})

test('too many tables in level zero stall writes by that name, and compaction lets them go on', async () => {
  const executor = new GatedExecutor()
  const options: StoreOptions = { ...TIGHT, levelZeroTableCountTrigger: 2, levelZeroTableCountMax: 4 }
  const store = await open(scratchStorePath('stall'), options, { executor })
  const stalls = watchStalls(store)
  executor.shut('compaction')
  const writes: Promise<void>[] = []
  let isStalled = false
  for (let i = 0; i < 3000 && !isStalled; i++) {
    const write = store.put(scatteredKeyOf(i), Buffer.alloc(KIB, i))
    writes.push(write)
    isStalled = await Promise.race([write.then(() => false), sleep(300).then(() => true)])
  }
  expect(store.stats().levels[0]?.tableCount).toBe(4)
  expect(store.stats().stalls.current).toBe('level-zero-tables')
  expect(stalls.map(({ cause }) => cause)).toContain('level-zero-tables')
  executor.open('compaction')
  await Promise.all(writes)
  expect((await store.get(scatteredKeyOf(writes.length - 1)))?.length).toBe(KIB)
  await store.close()
})

test('a loop that tries again at once on VARVE_BUSY gets through', async () => {
  const store = await open(scratchStorePath('stall'), TIGHT)
  const writes: Promise<string | undefined>[] = []
  for (let i = 0; i < 1000; i++) {
    writes.push(codeOf(store.put(keyOf(i), Buffer.alloc(KIB, i))))
  }
  const end = performance.now() + 5000
  let code: string | undefined = 'VARVE_BUSY'
  while (code === 'VARVE_BUSY' && performance.now() < end) {
    code = await codeOf(store.put('last', Buffer.alloc(2 * KIB)))
  }
  expect(code).toBeUndefined()
  await Promise.all(writes)
  await store.close()
})

test('closing rejects what waits; what was acknowledged is there', async () => {
  const directory = scratchStorePath('stall')
  const executor = new GatedExecutor()
  const store = await open(directory, TIGHT, { executor })
  executor.shut('flush')
  const codes = await putUntilBusy(store, KIB)
  const closed = store.close()
  setTimeout(() => executor.open('flush'), 20)
  await closed
  const ended = await Promise.all(codes)
  expect(new Set(ended)).toEqual(new Set([undefined, 'VARVE_CLOSED', 'VARVE_BUSY']))
  const again = await open(directory)
  for (const [i, code] of ended.entries()) {
    expect(await again.has(keyOf(i)), `${keyOf(i)}, which ended with ${code}`).toBe(code === undefined)
  }
  await again.close()
})

test('while every flush fails the store keeps what it took, and tells', async () => {
  const directory = scratchStorePath('stall')
  const executor = new FailingExecutor()
  const store = await open(directory, TIGHT, { executor })
  const errors: unknown[] = []
  store.on('error', (error: unknown) => errors.push(error))
  const codes = await putUntilBusy(store, KIB)
  expect(executor.failedCount).toBeGreaterThan(0)
  expect(errors.length).toBeGreaterThan(0)
  const before = performance.now()
  await store.close().catch(() => undefined)
  expect(performance.now() - before).toBeLessThan(5000)
  const ended = await Promise.all(codes)
  expect(new Set(ended)).toEqual(new Set([undefined, 'VARVE_CLOSED', 'VARVE_BUSY']))
  const again = await open(directory)
  for (const [i, code] of ended.entries()) {
    expect(await again.has(keyOf(i)), `${keyOf(i)}, which ended with ${code}`).toBe(code === undefined)
  }
  await again.close()
})

test('the memory that stats() shows stays bounded while nothing is flushed', async () => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('stall'), TIGHT, { executor })
  executor.shut('flush')
  const codes = await putUntilBusy(store, 100)
  const { totalSizeBytes } = store.stats().memory
  expect(totalSizeBytes).toBeGreaterThan(STALLED_SIZE_BYTES_MAX)
  expect(totalSizeBytes).toBeLessThan(8 * 1024 * KIB)
  executor.open('flush')
  await Promise.all(codes)
  await store.close()
})

test('flushes that nobody awaits do not pile up memtables without bound', async () => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('stall'), TIGHT, { executor })
  executor.shut('flush')
  const calls: Promise<unknown>[] = []
  for (let i = 0; i < 200; i++) {
    calls.push(store.put(keyOf(i), 'value'), store.flush())
  }
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(store.stats().memory.kinds.arenas.count).toBeLessThan(20)
  executor.open('flush')
  await Promise.all(calls)
  expect(await store.has(keyOf(199))).toBe(true)
  await store.close()
})

test('a write that waits and finds no memory fails alone; those behind it go on', async () => {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('stall'), { ...TIGHT, stalledSizeBytesMax: 4096 * KIB }, { executor })
  executor.shut('flush')
  const filling = Buffer.alloc(40 * KIB)
  const before = [store.put('a', filling), store.put('b', filling)]
  const large = codeOf(store.put('large', Buffer.alloc(2048 * KIB)))
  const behind = store.put('behind', 'yes')
  vi.stubGlobal(
    'SharedArrayBuffer',
    new Proxy(SharedArrayBuffer, {
      construct: (target, [sizeBytes]: [number]) => {
        if (sizeBytes > 1024 * KIB) {
          throw new RangeError('Array buffer allocation failed')
        }
        return new target(sizeBytes)
      },
    }),
  )
  onTestFinished(() => void vi.unstubAllGlobals())
  executor.open('flush')
  expect(await large).toBe('VARVE_INTERNAL')
  await Promise.all([...before, behind])
  expect((await store.getMany(['a', 'large', 'behind'])).map((value) => value?.length)).toEqual([
    filling.length,
    undefined,
    3,
  ])
  await store.close()
})

test('flushes that a user asks for make no more tables of level 0 than are allowed', async () => {
  const executor = new GatedExecutor()
  const options = { levelZeroTableCountTrigger: 2, levelZeroTableCountMax: 3 }
  const store = await open(scratchStorePath('stall'), options, { executor })
  executor.shut('compaction')
  for (let i = 0; i < options.levelZeroTableCountMax; i++) {
    await store.put(scatteredKeyOf(0), String(i))
    await store.flush()
  }
  const stalls = watchStalls(store)
  let isDone = false
  const waiting = store.put('one more', 'value').then(() => (isDone = true))
  await sleep(50)
  expect([isDone, stalls]).toEqual([false, [{ cause: 'level-zero-tables', phase: 'begin' }]])
  await store.flush()
  expect(store.stats().levels[0]?.tableCount).toBe(options.levelZeroTableCountMax)
  executor.open('compaction')
  await waiting
  expect((await store.get('one more'))?.toString()).toBe('value')
  await store.close()
})
