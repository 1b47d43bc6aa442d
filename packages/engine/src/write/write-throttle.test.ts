import { expect, test } from 'vitest'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { WriteThrottle } from './write-throttle.ts'

const MIB = 1024 * 1024

function throttleAt(bytesPerSecond: number): {
  env: MemoryEnv
  throttle: WriteThrottle
  go: (size: number) => boolean
} {
  const env = new MemoryEnv()
  const throttle = new WriteThrottle(env.clock)
  const go = (sizeBytes: number): boolean => {
    const mayGo = throttle.delayMs(bytesPerSecond) === 0
    if (mayGo) {
      throttle.spend(sizeBytes)
    }
    return mayGo
  }
  return { env, throttle, go }
}

test('over a second as many bytes go as the rate says, whatever the sizes', async () => {
  for (const sizeBytes of [100, 10_000, 300_000]) {
    const { env, go } = throttleAt(MIB)
    let wentSizeBytes = 0
    for (let ms = 0; ms < 5000; ms++) {
      while (go(sizeBytes)) {
        wentSizeBytes += sizeBytes
      }
      await env.pass(1)
    }
    expect(wentSizeBytes / 5 / MIB, `writes of ${sizeBytes} bytes`).toBeGreaterThan(0.99)
    expect(wentSizeBytes / 5 / MIB, `writes of ${sizeBytes} bytes`).toBeLessThan(1.07)
  }
})

test('a timer that fires late loses nothing, up to 20 ms', async () => {
  const { env, go } = throttleAt(MIB)
  let wentSizeBytes = 0
  for (let ms = 0; ms < 5000; ms += 20) {
    while (go(100)) {
      wentSizeBytes += 100
    }
    await env.pass(20)
  }
  expect(wentSizeBytes / 5 / MIB).toBeGreaterThan(0.99)
})

test('a write that comes alone, after a while, never waits', async () => {
  const { env, go } = throttleAt(MIB)
  for (let i = 0; i < 100; i++) {
    expect(go(1000)).toBe(true)
    await env.pass(1)
  }
})

test('the delay is what is owed over the rate, and follows the rate at once', async () => {
  const { env, throttle } = throttleAt(MIB)
  expect(throttle.delayMs(1_000_000)).toBe(0)
  throttle.spend(120_000)
  expect(throttle.delayMs(1_000_000)).toBe(100)
  expect(throttle.delayMs(10_000_000)).toBe(10)
  await env.pass(4)
  expect(throttle.delayMs(10_000_000)).toBe(6)
  throttle.reset()
  expect(throttle.delayMs(1)).toBe(0)
})

test('no write makes those behind it wait for more than a second', () => {
  const { throttle } = throttleAt(MIB)
  throttle.delayMs(MIB)
  throttle.spend(1024 * MIB)
  expect(throttle.delayMs(MIB)).toBe(1000)
})
