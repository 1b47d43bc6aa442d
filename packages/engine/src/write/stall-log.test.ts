import { expect, test } from 'vitest'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { StallLog, type StallEvent } from './stall-log.ts'

test('each stall has a begin and an end, and its time goes to its cause and kind', async () => {
  const env = new MemoryEnv()
  const events: StallEvent[] = []
  const log = new StallLog(env.clock, (event) => events.push(event))
  log.end()
  log.begin('level-zero-tables', 'delay')
  await env.pass(30)
  log.begin('level-zero-tables', 'delay')
  await env.pass(10)
  log.begin('level-zero-tables', 'stop')
  await env.pass(5)
  expect(log.stats()).toMatchObject({ count: 2, totalMs: 45, current: 'level-zero-tables', currentKind: 'stop' })
  log.begin('frozen-memtables', 'stop')
  await env.pass(7)
  log.end()
  await env.pass(100)
  log.end()
  const none = { count: 0, totalMs: 0 }
  expect(log.stats()).toEqual({
    count: 3,
    totalMs: 52,
    current: undefined,
    currentKind: undefined,
    causes: {
      'frozen-memtables': { delay: none, stop: { count: 1, totalMs: 7 } },
      'level-zero-tables': { delay: { count: 1, totalMs: 40 }, stop: { count: 1, totalMs: 5 } },
      'pending-compaction': { delay: none, stop: none },
    },
  })
  expect(events.map(({ cause, kind, phase, durationMs }) => [cause, kind, phase, durationMs])).toEqual([
    ['level-zero-tables', 'delay', 'begin', 0],
    ['level-zero-tables', 'delay', 'end', 40],
    ['level-zero-tables', 'stop', 'begin', 0],
    ['level-zero-tables', 'stop', 'end', 5],
    ['frozen-memtables', 'stop', 'begin', 0],
    ['frozen-memtables', 'stop', 'end', 7],
  ])
})
