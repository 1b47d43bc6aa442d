/** Writes slow down before they stop: on a simulated clock, so that every delay is known and none is slept through. */
import { createInlineExecutor } from '@varve/workers'
import type { JobExecutor, JobRequest, JobResult } from '@varve/workers'
import { open } from 'varve'
import type { StallEvent, Store, StoreOptions } from 'varve'
import { expect, test } from 'vitest'
import { codeOf } from '../harness/rejection.ts'
import { SimulatedEnv } from '../simulation/simulated-env.ts'

const KIB = 1024
/** Level 0 slows writes down from its second table on, and stops them at the twelfth. */
const OPTIONS: StoreOptions = {
  compression: 'none',
  memtableSizeBytes: 64 * KIB,
  levelZeroTableCountTrigger: 1,
  levelZeroTableCountSlowdown: 1,
  levelZeroTableCountMax: 12,
}
const VALUE = Buffer.alloc(KIB, 'v')

/** Jobs take their time on the simulated clock, and fail if they are told to. */
class SlowExecutor implements JobExecutor {
  readonly compactionCountMax: number = 1
  readonly durationsMs: Record<JobRequest['type'], number> = { flush: 2, compaction: 1000, verify: 1 }
  isBroken = false
  readonly #env: SimulatedEnv
  readonly #inner: JobExecutor

  constructor(env: SimulatedEnv) {
    this.#env = env
    this.#inner = createInlineExecutor(env.forJobs)
  }

  async run(request: JobRequest): Promise<JobResult> {
    await new Promise<void>((resolve) => void this.#env.scheduler.after(this.durationsMs[request.type], resolve))
    if (this.isBroken) {
      const message = 'broken on purpose'
      const nowhere = { stack: undefined, path: undefined, offset: undefined, systemCode: undefined }
      return { ok: false, code: 'VARVE_INTERNAL', message, ...nowhere, cancelled: false }
    }
    return await this.#inner.run(request)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

interface Scene {
  readonly env: SimulatedEnv
  readonly store: Store
  readonly executor: SlowExecutor
  readonly stalls: StallEvent[]
  readonly now: () => number
}

/** Plays `scene` on a store, and sees to it that nothing is left to happen when the store is closed. */
async function play(scene: (parts: Scene) => Promise<void>, options: StoreOptions = OPTIONS): Promise<void> {
  const env = new SimulatedEnv(11)
  const act = async (): Promise<void> => {
    const executor = new SlowExecutor(env)
    const store = await open('/data/store', options, { env, executor })
    const stalls: StallEvent[] = []
    store.on('stall', (event) => stalls.push(event))
    await scene({ env, store, executor, stalls, now: () => env.clock.nowMs() })
    await store.close()
  }
  await env.run(act())
  await env.idle()
  expect(env.clock.step(), 'a timer is left').toBe(false)
}

function pause(env: SimulatedEnv, durationMs: number): Promise<void> {
  return new Promise((resolve) => void env.scheduler.after(durationMs, resolve))
}

/** Scattered: tables that do not overlap would only be moved. */
const keyOf = (i: number): string => `key ${String((i * 7919) % 100_003).padStart(6, '0')}`

/** Puts one after the other until writes are delayed; returns how many. */
async function putUntilDelayed(store: Store): Promise<number> {
  for (let i = 0; i < 10_000; i++) {
    const put = store.put(keyOf(i), VALUE)
    if (store.stats().stalls.currentKind === 'delay') {
      await put
      return i + 1
    }
    await put
  }
  throw new Error('no write was delayed')
}

test('delayed writes go on in order, at the rate of the compactions, and hardly ever stop', async () => {
  await play(async ({ store, now }) => {
    let index = await putUntilDelayed(store)
    const order: number[] = []
    const expected: number[] = []
    const fill = async (count: number): Promise<number> => {
      const startMs = now()
      for (const end = index + count; index < end;) {
        const wave = Array.from({ length: 20 }, () => {
          const own = index++
          expected.push(own)
          return store.put(keyOf(own), VALUE).then(() => void order.push(own))
        })
        await Promise.all(wave)
      }
      return now() - startMs
    }
    // Until it is known what compactions work off.
    await fill(1000)
    const stoppedMs = (): number => store.stats().stalls.causes['level-zero-tables'].stop.totalMs
    const before = stoppedMs()
    const durationMs = await fill(1500)
    expect(order).toEqual(expected)
    expect((stoppedMs() - before) / durationMs).toBeLessThan(0.1)
    // A compaction a second takes two to eleven tables of 64 KiB.
    expect((1500 * KIB) / (durationMs / 1000) / (64 * KIB)).toBeGreaterThan(2)
    expect((1500 * KIB) / (durationMs / 1000) / (64 * KIB)).toBeLessThan(12)
  })
})

test('every stall has an event at its begin and its end, and stats() has their sums by cause and kind', async () => {
  await play(async ({ env, store, executor, stalls }) => {
    executor.durationsMs.compaction = 3000
    await Promise.all(Array.from({ length: 1500 }, (_, i) => store.put(keyOf(i), VALUE)))
    await store.compactRange()
    await pause(env, 1)
    const begins = stalls.filter(({ phase }) => phase === 'begin')
    const ends = stalls.filter(({ phase }) => phase === 'end')
    expect(stalls.map(({ phase }) => phase)).toEqual(begins.flatMap(() => ['begin', 'end']))
    const { current, count, totalMs, causes } = store.stats().stalls
    expect([current, count]).toEqual([undefined, begins.length])
    for (const [cause, kinds] of Object.entries(causes)) {
      for (const [kind, tally] of Object.entries(kinds)) {
        const own = ends.filter((event) => event.cause === cause && event.kind === kind)
        expect(tally.count, `${cause} ${kind}`).toBe(own.length)
        expect(tally.totalMs).toBeCloseTo(own.reduce((sum, { durationMs }) => sum + durationMs, 0))
      }
    }
    expect(causes['level-zero-tables'].delay.count).toBeGreaterThan(0)
    expect(totalMs).toBeCloseTo(ends.reduce((sum, { durationMs }) => sum + durationMs, 0))
  })
})

test('delayed writes go at once when the debt is gone', async () => {
  await play(async ({ store, executor, now, env }) => {
    executor.durationsMs.compaction = 100
    let i = await putUntilDelayed(store)
    // One batch that is to be paid for, and behind it what would have to wait for that.
    const batch = Array.from({ length: 50 }, () => ({ type: 'put' as const, key: keyOf(i++), value: VALUE }))
    const large = store.write(batch)
    const behind = store.put('behind', VALUE)
    executor.durationsMs.compaction = 1
    await Promise.all([large, behind])
    await pause(env, 500)
    expect(store.stats().stalls.current).toBeUndefined()
    const startMs = now()
    await store.put('free', VALUE)
    expect(now() - startMs).toBeLessThan(2)
  })
})

test('a small write that comes now and then is not delayed, synced or not', async () => {
  await play(async ({ store, env, now }) => {
    const first = await putUntilDelayed(store)
    await pause(env, 100)
    for (let i = 0; i < 30; i++) {
      const startMs = now()
      await store.put(keyOf(first + i), 'small', { sync: i % 2 === 0 })
      expect(now() - startMs, `write ${i}`).toBeLessThan(3)
      await pause(env, 10)
    }
    expect(store.stats().levels[0]?.tableCount).toBeGreaterThan(1)
  })
})

test('closing does not wait for delays: what waits is rejected, the rest is kept', async () => {
  await play(async ({ env, store, now }) => {
    const first = await putUntilDelayed(store)
    const codes = Array.from({ length: 400 }, (_, i) => codeOf(store.put(keyOf(first + i), VALUE)))
    const startMs = now()
    await store.close()
    expect(now() - startMs).toBeLessThan(1100)
    const ended = await Promise.all(codes)
    const goneCount = ended.filter((code) => code === undefined).length
    expect(ended.slice(goneCount)).toEqual(Array.from({ length: 400 - goneCount }, () => 'VARVE_CLOSED'))
    expect(goneCount).toBeLessThan(400)
    const again = await open('/data/store', OPTIONS, { env, executor: new SlowExecutor(env) })
    expect(await again.has(keyOf(first + goneCount - 1))).toBe(true)
    expect(await again.has(keyOf(first + goneCount))).toBe(false)
    await again.close()
  })
})

test('a store that becomes read-only rejects delayed writes at once', async () => {
  await play(async ({ store, executor, stalls }) => {
    const first = await putUntilDelayed(store)
    executor.isBroken = true
    const codes = Array.from({ length: 400 }, (_, i) => codeOf(store.put(keyOf(first + i), VALUE)))
    const ended = await Promise.all(codes)
    expect(ended.at(-1)).toBe('VARVE_READ_ONLY')
    expect(stalls.at(-1)?.phase).toBe('end')
    expect(store.stats().stalls.current).toBeUndefined()
  })
})

test('bytes that compactions have to write slow writes down too, so that they stay fewer', async () => {
  const largestDebt = async (slowdown: number, max: number): Promise<number> => {
    let largestSizeBytes = 0
    const options: StoreOptions = {
      ...OPTIONS,
      levelZeroTableCountTrigger: 2,
      levelZeroTableCountSlowdown: 1000,
      levelZeroTableCountMax: 1000,
      levelOneSizeBytes: 256 * KIB,
      pendingCompactionSizeBytesSlowdown: slowdown,
      pendingCompactionSizeBytesMax: max,
    }
    await play(async ({ env, store, executor, stalls }) => {
      executor.durationsMs.compaction = 200
      const writes = Array.from({ length: 4000 }, (_, i) =>
        store.put(keyOf(i), VALUE).then(() => {
          if (i % 20 > 0) {
            return
          }
          largestSizeBytes = Math.max(largestSizeBytes, store.stats().pendingCompactionSizeBytes)
        }),
      )
      await Promise.all(writes)
      const wasDelayed = stalls.some(({ cause, kind }) => cause === 'pending-compaction' && kind === 'delay')
      expect(wasDelayed).toBe(slowdown < 1024 * 1024 * KIB)
      await store.flush()
      for (let i = 0; store.stats().pendingCompactionSizeBytes > 0 && i < 1000; i++) {
        await pause(env, 100)
      }
      await pause(env, 100)
      expect(store.stats()).toMatchObject({ pendingCompactionSizeBytes: 0, stalls: { current: undefined } })
    }, options)
    return largestSizeBytes
  }
  const [free, bounded] = [await largestDebt(2 ** 40, 2 ** 40), await largestDebt(256 * KIB, 768 * KIB)]
  expect(bounded).toBeLessThan(free / 2)
})
