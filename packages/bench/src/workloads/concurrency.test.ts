import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { atRate, byClients, inWaves } from './concurrency.ts'
import { LatencyRecorder } from './latency-recorder.ts'

function block(durationMs: number): void {
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {
    // The loop does not turn meanwhile.
  }
}

test('at a rate, one stall counts for all that were due meanwhile', async () => {
  const latencies = new LatencyRecorder()
  const issuedCount = await atRate(100, 1000, latencies, (index) => {
    if (index === 20) {
      block(60)
    }
    return Promise.resolve()
  })
  expect(issuedCount).toBe(100)
  const summary = latencies.summary()
  expect(summary).toMatchObject({ kind: 'response', count: 100 })
  // Of 100 operations about 60 were due within these 60 ms. A loop that waits for each would have seen one.
  expect(summary?.p90Us).toBeGreaterThan(30_000)
})

test('a store that falls behind is not waited for without end, and what was issued is known', async () => {
  const latencies = new LatencyRecorder()
  const issuedCount = await atRate(1_000_000, 10_000_000, latencies, async () => block(0.02))
  expect(issuedCount).toBeGreaterThan(0)
  expect(latencies.summary()?.count).toBe(issuedCount)
})

test('a failure at a rate is a failure', async () => {
  const failing = atRate(10, 1000, new LatencyRecorder(), () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow(/operations failed/)
})

test('waves and clients do each operation once, with no more under way than they may', async () => {
  for (const [way, max] of [
    [inWaves, 7],
    [byClients, 5],
  ] as const) {
    const done: number[] = []
    let underWay = 0
    let most = 0
    await way(3, 40, max, new LatencyRecorder(), async (index) => {
      most = Math.max(most, ++underWay)
      await turn()
      underWay--
      done.push(index)
    })
    expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 3))
    expect(most).toBe(max)
  }
})
