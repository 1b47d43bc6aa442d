import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { EventLoopMonitor } from './event-loop-monitor.ts'

function block(durationMs: number): void {
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {
    // The loop does not turn meanwhile.
  }
}

test('one block among many turns counts by its time', async () => {
  const monitor = await EventLoopMonitor.start()
  await sleep(50)
  block(60)
  await sleep(50)
  const figures = await monitor.stop()
  expect(figures.longestGapMs).toBeGreaterThanOrEqual(60)
  expect(figures.delayedCount).toBeGreaterThanOrEqual(1)
  expect(figures.delayedShare).toBeGreaterThan(0.2)
  expect(figures.delayMaxMs).toBeGreaterThan(50)
})

test('a block up to the very end is seen', async () => {
  const monitor = await EventLoopMonitor.start()
  block(40)
  const figures = await monitor.stop()
  expect(figures.longestGapMs).toBeGreaterThanOrEqual(40)
  expect(figures.delayedShare).toBeGreaterThan(0.5)
})
