/**
 * What every iterator of the code base does, whoever hands it out and whatever it reads: one suite, at which each
 * implementation registers. The entries of an iterator are those of a sorted list, in both directions, in any range, from
 * any place, whatever is written, flushed or compacted meanwhile.
 */
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../harness/random.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'

export type Entry = readonly [key: Buffer, value: Buffer]

export interface IteratedRange {
  readonly gt?: Buffer
  readonly gte?: Buffer
  readonly lt?: Buffer
  readonly lte?: Buffer
  readonly reverse?: boolean
  readonly limit?: number
}

/** The steps that all iterators have. */
export interface IteratorSubject {
  next(): Promise<Entry | undefined>
  nextMany(count: number): Promise<readonly Entry[]>
  /** Of those that have it. */
  seek?(key: Buffer): void
  close(): Promise<void>
}

/** Something over which iterators are made. */
export interface IteratedSource {
  iterate(range: IteratedRange): IteratorSubject
  /** Writes, flushes and compacts, so that nothing may be seen of it in iterators that are open. */
  disturb(random: SeededRandom): Promise<void>
  close(): Promise<void>
}

/** @param open makes a source that holds just these entries, which are in order */
export function describeIterator(
  name: string,
  testPath: string,
  open: (entries: readonly Entry[], random: SeededRandom) => Promise<IteratedSource>,
): void {
  const run = async (
    body: (source: IteratedSource, entries: readonly Entry[], random: SeededRandom) => Promise<void>,
  ) => {
    for (const seed of seedsOfRun(11)) {
      await replayable(seed, testPath, async () => {
        const random = new SeededRandom(seed)
        const entries = randomEntries(random)
        const source = await open(entries, random)
        try {
          await body(source, entries, random)
        } finally {
          await source.close()
        }
      })
    }
  }

  describe(name, () => {
    test('any range, in both directions, with and without a limit', () =>
      run(async (source, entries, random) => {
        for (let i = 0; i < 40; i++) {
          const range = randomRange(random, entries)
          const iterator = source.iterate(range)
          same(await drain(iterator, random), inRange(entries, range), JSON.stringify(range))
          expect(await iterator.next()).toBeUndefined()
          expect(await iterator.nextMany(3)).toEqual([])
          await iterator.close()
        }
      }))

    test('from any place to any other, back and forth', () =>
      run(async (source, entries, random) => {
        for (let i = 0; i < 12; i++) {
          const { limit: _none, ...range } = randomRange(random, entries)
          const iterator = source.iterate(range)
          if (iterator.seek !== undefined) {
            await walk(iterator, inRange(entries, range), range, random)
          }
          await iterator.close()
        }
      }))

    test('R6: the same, whatever is written, flushed and compacted between its steps', () =>
      run(async (source, entries, random) => {
        const ranges = Array.from({ length: 8 }, () => randomRange(random, entries))
        const open = ranges.map((range) => ({ iterator: source.iterate(range), found: [] as Entry[] }))
        for (let round = 0; round < 6; round++) {
          for (const { iterator, found } of open) {
            found.push(...(await iterator.nextMany(1 + random.below(20))))
          }
          await source.disturb(random)
        }
        for (const [i, { iterator, found }] of open.entries()) {
          found.push(...(await drain(iterator, random)))
          same(found, inRange(entries, ranges[i] ?? {}), JSON.stringify(ranges[i]))
          await iterator.close()
        }
      }))

    test('steps that are issued together are answered in order', () =>
      run(async (source, entries) => {
        const iterator = source.iterate({})
        const steps = Array.from({ length: entries.length + 5 }, () => iterator.next())
        const found = (await Promise.all(steps)).filter((entry) => entry !== undefined)
        same(found, entries, 'steps together')
        await iterator.close()
      }))

    test('closing is idempotent, and steps behind it are refused', () =>
      run(async (source) => {
        const iterator = source.iterate({})
        await iterator.nextMany(2)
        await Promise.all([iterator.close(), iterator.close()])
        await iterator.close()
        await expect(iterator.next()).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|NOT_OPEN/) })
        await expect(iterator.nextMany(2)).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|NOT_OPEN/) })
      }))
  })
}

async function walk(
  iterator: IteratorSubject,
  expected: readonly Entry[],
  range: IteratedRange,
  random: SeededRandom,
): Promise<void> {
  let at = 0
  for (let i = 0; i < 25; i++) {
    if (random.chance(0.5)) {
      const target = Buffer.from(randomKey(random))
      iterator.seek?.(target)
      const sign = range.reverse === true ? -1 : 1
      const found = expected.findIndex(([key]) => Buffer.compare(key, target) * sign >= 0)
      // A key outside of the range ends the iterator until the next seek.
      at = found < 0 || !isInside(target, range) ? expected.length : found
    }
    const count = random.pick([1, 1, 2, 7, 50])
    const found = await iterator.nextMany(count)
    same(found, expected.slice(at, at + count), `step ${i}`)
    at = Math.min(expected.length, at + count)
  }
}

async function drain(iterator: IteratorSubject, random: SeededRandom): Promise<Entry[]> {
  const found: Entry[] = []
  for (;;) {
    const isSingle = random.chance(0.5)
    const next = isSingle ? await iterator.next() : undefined
    const entries = isSingle ? (next === undefined ? [] : [next]) : await iterator.nextMany(1 + random.below(60))
    if (entries.length === 0) {
      return found
    }
    found.push(...entries)
  }
}

function same(found: readonly Entry[], expected: readonly Entry[], what: string): void {
  const text = (entries: readonly Entry[]): string[] =>
    entries.map(([key, value]) => `${key.toString('hex')}=${value.toString()}`)
  expect(text(found), what).toEqual(text(expected))
}

function inRange(entries: readonly Entry[], range: IteratedRange): Entry[] {
  const inside = entries.filter(([key]) => isInside(key, range))
  return (range.reverse === true ? inside.toReversed() : inside).slice(0, range.limit)
}

function isInside(key: Buffer, { gt, gte, lt, lte }: IteratedRange): boolean {
  return (
    (gt === undefined || Buffer.compare(key, gt) > 0) &&
    (gte === undefined || Buffer.compare(key, gte) >= 0) &&
    (lt === undefined || Buffer.compare(key, lt) < 0) &&
    (lte === undefined || Buffer.compare(key, lte) <= 0)
  )
}

/** Keys near each other, prefixes of each other, with bytes at both ends of their range. */
function randomKey(random: SeededRandom): Buffer {
  return Buffer.from(Array.from({ length: random.below(5) }, () => random.pick([0, 0x61, 0x62, 0x80, 0xff])))
}

function randomEntries(random: SeededRandom): Entry[] {
  const keys = new Map<string, Buffer>()
  for (let i = 0; i < 300; i++) {
    const key = randomKey(random)
    keys.set(key.toString('hex'), key)
  }
  return [...keys.values()].toSorted((a, b) => Buffer.compare(a, b)).map((key, i) => [key, Buffer.from(`value ${i}`)])
}

function randomRange(random: SeededRandom, entries: readonly Entry[]): IteratedRange {
  const near = (): Buffer => (random.chance(0.5) ? random.pick(entries)[0] : randomKey(random))
  const [low, high] = [near(), near()].toSorted((a, b) => Buffer.compare(a, b)) as [Buffer, Buffer]
  return {
    ...(random.chance(0.5) ? (random.chance(0.5) ? { gt: low } : { gte: low }) : {}),
    ...(random.chance(0.5) ? (random.chance(0.5) ? { lt: high } : { lte: high }) : {}),
    ...(random.chance(0.5) ? { reverse: true } : {}),
    ...(random.chance(0.3) ? { limit: random.pick([1, 2, 10, 1000]) } : {}),
  }
}
