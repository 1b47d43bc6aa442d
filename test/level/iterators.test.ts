/** Iterators of `@varve/level`: seeks and ranges, what is read ahead, what is left open, and the event loop meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises'
import { VarveLevel } from '@varve/level'
import type { DatabaseOptions } from '@varve/level'
import { expect, onTestFinished, test } from 'vitest'
import { runChild } from '../harness/child.ts'
import type { LevelProcessPlan } from '../harness/level-process-plan.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'

async function openFilled(
  count: number,
  value = (i: number): string => `value ${i}`,
  options: DatabaseOptions<string, string> = {},
): Promise<VarveLevel> {
  const db = new VarveLevel(makeMemoryDirectory('level'), options)
  onTestFinished(() => db.close())
  const digits = String(count - 1).length
  const operations = Array.from({ length: count }, (_, i) => ({
    type: 'put' as const,
    key: String(i).padStart(digits, '0'),
    value: value(i),
  }))
  for (let i = 0; i < count; i += 5000) {
    await db.batch(operations.slice(i, i + 5000))
  }
  return db
}

const LOWER = [{}, { gt: '3' }, { gte: '3' }, { gte: '3', gt: '5' }, { gte: '3', gt: '1' }]
const UPPER = [{}, { lt: '7' }, { lte: '7' }, { lte: '7', lt: '5' }, { lte: '7', lt: '9' }]
const RANGES = LOWER.flatMap((lower) => UPPER.map((upper) => ({ ...lower, ...upper })))

/** The rule, in the plainest form: a target outside of the range ends the iterator. */
function keyAfterSeek(
  range: { gt?: string; gte?: string; lt?: string; lte?: string },
  reverse: boolean,
  target: string,
): string | undefined {
  const isWithin = (key: string): boolean =>
    (range.gte === undefined ? range.gt === undefined || key > range.gt : key >= range.gte) &&
    (range.lte === undefined ? range.lt === undefined || key < range.lt : key <= range.lte)
  const keys = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'].filter(isWithin)
  if (!isWithin(target)) {
    return undefined
  }
  return reverse ? keys.findLast((key) => key <= target) : keys.find((key) => key >= target)
}

// The test of the official suite with this name collects its assertions and never runs them.
test.each(['iterator', 'keys', 'values'] as const)('%s: seek() respects range', async (mode) => {
  const db = await openFilled(10, String)
  let count = 0
  for (const range of RANGES) {
    for (const reverse of [false, true]) {
      for (const target of ['', '0', '2', '3', '35', '4', '5', '6', '65', '7', '8', '9', '~']) {
        const options = { ...range, reverse }
        const iterator = {
          iterator: () => db.iterator(options),
          keys: () => db.keys(options),
          values: () => db.values(options),
        }[mode]()
        iterator.seek(target)
        const item = await iterator.next()
        const found = Array.isArray(item) ? item[0] : item
        expect(found, `${JSON.stringify({ ...range, reverse })} ${target}`).toBe(keyAfterSeek(range, reverse, target))
        await iterator.close()
        count++
      }
    }
  }
  expect(count).toBe(25 * 2 * 13)
})

test('a limit counts what was handed out, not what was read ahead', async () => {
  const db = await openFilled(100)
  const iterator = db.keys({ limit: 5 })
  expect([await iterator.next(), await iterator.next()]).toEqual(['00', '01'])
  iterator.seek('50')
  expect(await iterator.nextv(10)).toEqual(['50', '51', '52'])
  iterator.seek('70')
  expect(await iterator.next()).toBe(undefined)
  await iterator.close()
})

test('nothing is read ahead of a first step, and what is is dropped by a seek', async () => {
  const db = await openFilled(10)
  const iterator = db.iterator()
  const cached: number[] = []
  for (const target of [undefined, undefined, '5', undefined]) {
    if (target !== undefined) {
      iterator.seek(target)
      cached.push(iterator.cached)
    }
    await iterator.next()
    cached.push(iterator.cached)
  }
  expect(cached).toEqual([0, 8, 0, 0, 3])
  expect(await iterator.nextv(2)).toEqual([
    ['7', 'value 7'],
    ['8', 'value 8'],
  ])
  expect(await iterator.nextv(5)).toEqual([['9', 'value 9']])
  expect(await iterator.nextv(5)).toEqual([])
  await iterator.close()
})

test('highWaterMarkBytes bounds nextv and what is read ahead, not all', async () => {
  const db = await openFilled(4, String)
  const counts: Record<string, number[]> = {}
  for (const highWaterMarkBytes of [0, 1, 2, 5, 100]) {
    const many = db.iterator({ highWaterMarkBytes })
    const entries = await many.nextv(1000)
    await many.close()
    const ahead = db.iterator({ highWaterMarkBytes })
    await ahead.next()
    await ahead.next()
    counts[highWaterMarkBytes] = [entries.length, 1 + ahead.cached]
    await ahead.close()
    expect((await db.iterator({ highWaterMarkBytes }).all()).length).toBe(4)
  }
  // The mark must be exceeded, not met; each entry has two bytes.
  expect(counts).toEqual({ 0: [1, 1], 1: [1, 1], 2: [2, 2], 5: [3, 3], 100: [4, 3] })
})

test('a snapshot is taken in the call, also the implicit one of an iterator', async () => {
  const db = await openFilled(10)
  const explicit = db.snapshot()
  const iterators = [db.iterator(), db.iterator({ snapshot: explicit })]
  const cleared = db.clear()
  const get = db.get('5', { snapshot: explicit })
  await cleared
  await db.put('new', '1')
  expect(await get).toBe('value 5')
  for (const iterator of iterators) {
    expect((await iterator.all()).length).toBe(10)
  }
  expect(db.getSync('5', { snapshot: explicit } as object)).toBe('value 5')
  expect(await db.keys().all()).toEqual(['new'])
  await explicit.close()
})

test.each(['nothing read', 'one read', 'some read ahead', 'a step under way'])(
  'the database closes with 200 iterators that nobody closed: %s',
  async (how) => {
    const db = await openFilled(3000, (i) => String(i).repeat(20), { memtableSizeBytes: 16_384, cacheSize: 0 })
    const steps: Promise<unknown>[] = []
    for (let i = 0; i < 200; i++) {
      const iterator = db.iterator()
      const stepCount = { 'nothing read': 0, 'one read': 1, 'some read ahead': 2, 'a step under way': 0 }[how] ?? 0
      for (let step = 0; step < stepCount; step++) {
        await iterator.next()
      }
      if (how === 'a step under way') {
        steps.push(
          iterator
            .nextv(1000)
            .catch((error: unknown) => expect(error).toMatchObject({ code: 'LEVEL_ITERATOR_NOT_OPEN' })),
        )
      }
    }
    expect(db.stats().openIteratorCount).toBe(200)
    await db.close()
    await Promise.all(steps)
    await db.open()
    expect(db.stats().openIteratorCount).toBe(0)
  },
)

test('steps that follow each other for ever end when the database closes', async () => {
  const db = await openFilled(1000)
  const iterator = db.iterator()
  const codes: unknown[] = []
  const stepForEver = async (): Promise<void> => {
    try {
      for (;;) {
        await iterator.next()
        iterator.seek('0')
      }
    } catch (error) {
      codes.push((error as { code: unknown }).code)
    }
  }
  const steps = stepForEver()
  await sleep(20)
  await db.close()
  await steps
  expect(codes).toEqual(['LEVEL_ITERATOR_NOT_OPEN'])
})

test.each(['next', 'seek and next', 'get'])(
  'the event loop turns while one call follows the other: %s',
  async (how) => {
    const db = await openFilled(20_000, String)
    let turnCount = 0
    let isDone = false
    const turn = (): void => {
      turnCount++
      if (!isDone) {
        setImmediate(turn)
      }
    }
    setImmediate(turn)
    const iterator = db.iterator()
    let stepCount = 0
    // By processor time: what others do on the machine does not count.
    const start = process.cpuUsage()
    const usedMs = (): number => (process.cpuUsage(start).user + process.cpuUsage(start).system) / 1000
    while (stepCount % 64 !== 0 || usedMs() < 200) {
      if (how === 'get') {
        await db.get('00001')
      } else {
        if (how === 'seek and next' || (await iterator.next()) === undefined) {
          iterator.seek('0')
        }
        await iterator.next()
      }
      stepCount++
    }
    isDone = true
    await iterator.close()
    expect(stepCount).toBeGreaterThan(100)
    expect(turnCount).toBeGreaterThan(10)
  },
)

test('clear and ranges at size', async () => {
  const count = 60_000
  const db = await openFilled(count, (i) => String(i).repeat(10), { memtableSizeBytes: 262_144 })
  expect((await db.keys({ gte: '10000', lt: '30000' }).all()).length).toBe(20_000)
  expect((await db.values({ gt: '59000', reverse: true, limit: 10 }).all()).at(-1)).toBe('59990'.repeat(10))
  const snapshot = db.snapshot()
  await db.clear({ gte: '10000', lt: '20000', reverse: true, limit: 3000 })
  expect((await db.keys({ gte: '10000', lt: '20000' }).all()).length).toBe(7000)
  expect(await db.keys({ gt: '16998', limit: 2 }).all()).toEqual(['16999', '20000'])
  await db.clear({ gte: '10000', lt: '30000' })
  expect(await db.keys({ gte: '09999', limit: 2 }).all()).toEqual(['09999', '30000'])
  await db.clear()
  expect(await db.keys().all()).toEqual([])
  expect((await db.keys({ snapshot }).all()).length).toBe(count)
  await snapshot.close()
})

test('nothing leaks', { timeout: 120_000 }, async () => {
  const plan: LevelProcessPlan = { location: makeMemoryDirectory('level'), task: 'leak' }
  const { code, lines } = await runChild('level-process', plan, ['--expose-gc'])
  expect({ code, lines }).toEqual({ code: 0, lines: [expect.stringMatching(/^grown -?\d+$/)] })
  // Bytes of heap after 1,600 iterators, snapshots and batches, and 16 databases, more.
  expect(Number(lines[0]?.split(' ')[1])).toBeLessThan(2 * 1024 * 1024)
})
