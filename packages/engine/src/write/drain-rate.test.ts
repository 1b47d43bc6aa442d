import { expect, test } from 'vitest'
import { DrainRate } from './drain-rate.ts'

const MIB = 1024 * 1024

/** Drains `sizeBytes` every `periodMs`, `count` times, from `startMs` on; returns when. */
function drain(rate: DrainRate, startMs: number, count: number, sizeBytes: number, periodMs: number): number {
  rate.observe(startMs, 0, true)
  for (let i = 1; i <= count; i++) {
    rate.observe(startMs + i * periodMs, sizeBytes, i < count)
  }
  return startMs + count * periodMs
}

test('the rate becomes what is drained, whatever it was', () => {
  for (const mibPerSecond of [1, 50, 1000]) {
    const rate = new DrainRate()
    drain(rate, 0, 40, 16 * MIB, 16_000 / mibPerSecond)
    expect(rate.bytesPerSecond / MIB / mibPerSecond).toBeCloseTo(1, 2)
  }
})

test('time without a backlog does not count', () => {
  const rate = new DrainRate()
  const endMs = drain(rate, 0, 40, 16 * MIB, 100)
  const before = rate.bytesPerSecond
  drain(rate, endMs + 3_600_000, 1, 16 * MIB, 100)
  expect(rate.bytesPerSecond / before).toBeCloseTo(1, 2)
})

test('one sample moves it by little, whether it was stopped meanwhile or took no time', () => {
  for (const periodMs of [3_600_000, 0]) {
    const rate = new DrainRate()
    const endMs = drain(rate, 0, 40, 16 * MIB, 100)
    const before = rate.bytesPerSecond
    drain(rate, endMs, 1, 16 * MIB, periodMs)
    expect(Math.abs(Math.log2(rate.bytesPerSecond / before))).toBeLessThan(1.3)
    expect(rate.bytesPerSecond).not.toBe(before)
  }
})
