import { expect, test } from 'vitest'
import { BackgroundRate, createBackgroundRate } from './background-rate.ts'

const MIB = 1024 * 1024

/** Who writes chunks of 1 MiB one after the other as soon as it may; what it has written by `endMs`. */
class Writer {
  writtenSizeBytes = 0
  #freeMs = 0
  readonly #rate: BackgroundRate
  readonly #isFlush: boolean

  constructor(shared: SharedArrayBuffer, isFlush: boolean) {
    this.#rate = new BackgroundRate(shared)
    this.#isFlush = isFlush
  }

  run(nowMs: number): void {
    if (nowMs >= this.#freeMs) {
      this.#freeMs = nowMs + this.#rate.take(nowMs, MIB, this.#isFlush)
      this.writtenSizeBytes += MIB
    }
  }
}

function run(writers: readonly Writer[], fromMs: number, toMs: number): number[] {
  const before = writers.map((writer) => writer.writtenSizeBytes)
  for (let ms = fromMs; ms < toMs; ms++) {
    writers.forEach((writer) => writer.run(ms))
  }
  return writers.map((writer, i) => (writer.writtenSizeBytes - (before[i] ?? 0)) / MIB)
}

test('jobs of one store share the rate', () => {
  const shared = createBackgroundRate(10 * MIB)
  const [one = 0, other = 0] = run([new Writer(shared, false), new Writer(shared, false)], 1000, 31_000)
  expect(one + other).toBeGreaterThan(295)
  expect(one + other).toBeLessThan(305)
  expect(Math.abs(one - other)).toBeLessThan(5)
})

test('flushes go first, and compactions get a tenth at least', () => {
  const shared = createBackgroundRate(10 * MIB)
  const compaction = new Writer(shared, false)
  run([compaction], 0, 5000)
  const [flushed = 0, compacted = 0] = run([new Writer(shared, true), compaction], 5000, 25_000)
  expect(flushed).toBeGreaterThan(195)
  expect(compacted).toBeGreaterThan(10)
  expect(compacted).toBeLessThan(30)
  const [later = 0] = run([compaction], 25_000, 35_000)
  expect(later).toBeGreaterThan(85)
})

test('flushes that did not wait do not hold compactions for long', () => {
  const shared = createBackgroundRate(MIB)
  const rate = new BackgroundRate(shared)
  rate.lift(true)
  for (let i = 0; i < 1000; i++) {
    rate.take(1000, MIB, true)
  }
  expect(rate.take(1000, MIB, false)).toBeLessThanOrEqual(3000)
})

test('the first write after a pause goes at once, and what was not used is not saved up', () => {
  const rate = new BackgroundRate(createBackgroundRate(MIB))
  expect(rate.take(5000, MIB, false)).toBe(0)
  expect(rate.take(5000, MIB, false)).toBe(1000)
  expect(rate.take(60_000, MIB, false)).toBe(0)
  expect(rate.take(60_250, MIB, false)).toBe(750)
})

test('whether it is lifted is seen by all', () => {
  const shared = createBackgroundRate(MIB)
  const [one, other] = [new BackgroundRate(shared), new BackgroundRate(shared)]
  expect(other.isLifted).toBe(false)
  one.lift(true)
  expect(other.isLifted).toBe(true)
  one.lift(false)
  expect(other.isLifted).toBe(false)
})

test('any rate and any clock are exact enough', () => {
  for (const bytesPerSecond of [1, 1000, MIB, 2 ** 40]) {
    const rate = new BackgroundRate(createBackgroundRate(bytesPerSecond))
    const nowMs = 1e10
    expect(rate.take(nowMs, bytesPerSecond, false)).toBe(0)
    expect(rate.take(nowMs, bytesPerSecond, false)).toBeCloseTo(1000, 0)
  }
})
