import { expect, test } from 'vitest'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import { MemoryEnv } from '../test-support/memory-env.ts'
import { versionOf } from '../test-support/tables.ts'
import { IdleFlush } from './idle-flush.ts'

const OPTIONS = {
  levelZeroTableCountTrigger: 4,
  levelOneSizeBytes: 10_000,
  levelSizeRatio: 10,
  compression: ['none'] as const,
  tableSizeBytes: 1000,
  levelZeroTableCountMax: 24,
  compactionStrategy: 'leveled',
} as const

/** A bottom level of 100 entries of 100 bytes, and an active memtable of `tombstoneCount` deletes. */
class World {
  readonly env = new MemoryEnv()
  readonly active = {
    count: 1,
    usedOffset: 100,
    tombstoneCount: 0,
    isSettled: true,
    wal: { failure: undefined as unknown },
  }
  readonly frozen: unknown[] = []
  readonly parts = { visibleSequence: 0 }
  flushCount = 0
  readonly idle: IdleFlush

  constructor(memtableSizeBytes = 1600) {
    const version = versionOf({ 6: [{ number: 1, entryCount: 100, sizeBytes: 10_000 }] })
    const memtables = { active: this.active, frozen: this.frozen, memtableSizeBytes } as unknown as MemtableQueue
    const writes = { freezeIdle: () => void this.flushCount++ }
    this.idle = new IdleFlush(this.env.scheduler, OPTIONS, Object.assign(this.parts, { memtables, version, writes }))
  }

  write(): void {
    this.parts.visibleSequence++
    this.idle.noteWrite()
  }

  async passIdleTime(): Promise<void> {
    await this.env.pass(2000)
  }
}

test('what covers more than a share of the bottom is flushed when nothing was written for two seconds', async () => {
  const world = new World()
  world.active.tombstoneCount = 15
  for (let i = 0; i < 5; i++) {
    world.write()
    await world.env.pass(1500)
    expect(world.env.timerDelaysMs.length).toBe(1)
  }
  expect(world.flushCount).toBe(0)
  // The timer that was set before the last write finds it, and is set once more.
  await world.passIdleTime()
  await world.passIdleTime()
  expect(world.flushCount).toBe(1)
  expect(world.env.timerDelaysMs, 'an idle store has no timer').toEqual([])
})

test('what covers less waits for the next write, and so does what is next to nothing by itself', async () => {
  const world = new World()
  world.active.tombstoneCount = 13
  world.write()
  await world.passIdleTime()
  expect([world.flushCount, world.env.timerDelaysMs]).toEqual([0, []])
  world.active.tombstoneCount = 15
  await world.passIdleTime()
  expect(world.flushCount).toBe(0)
  world.write()
  await world.passIdleTime()
  expect(world.flushCount).toBe(1)
  const large = new World(1600 * 17)
  large.active.tombstoneCount = 15
  large.write()
  await large.passIdleTime()
  expect(large.flushCount).toBe(0)
})

test.each([
  ['a memtable waits for its flush', (world: World) => world.frozen.push({})],
  ['a group is under way', (world: World) => (world.active.isSettled = false)],
  ['the log has failed', (world: World) => (world.active.wal.failure = new Error('no'))],
  ['it is empty', (world: World) => (world.active.count = 0)],
])('nothing is flushed where %s', async (_, spoil) => {
  const world = new World()
  world.active.tombstoneCount = 15
  spoil(world)
  world.write()
  await world.passIdleTime()
  expect(world.flushCount).toBe(0)
})

test('nothing is done once it is stopped', async () => {
  const world = new World()
  world.active.tombstoneCount = 15
  world.write()
  world.idle.stop()
  expect(world.env.timerDelaysMs).toEqual([])
  world.write()
  expect(world.env.timerDelaysMs).toEqual([])
})
