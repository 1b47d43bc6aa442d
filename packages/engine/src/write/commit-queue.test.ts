import { AssertionError, IoError, WAL_GROUP_HEADER_SIZE_BYTES, WAL_HEADER_SIZE_BYTES } from '@varve/storage'
import { expect, test } from 'vitest'
import { settle } from '../test-support/memory-env.ts'
import { WriteFixture, readyFixture } from '../test-support/write-fixture.ts'

const KIB = 1024

test('the operations of one turn are one group, one write and one checksum', async () => {
  const fixture = await readyFixture()
  fixture.env.files.log.length = 0
  const outcomes = ['a', 'b', 'c'].map((key) => fixture.put(key, `${key}1`))
  await settle()
  expect(fixture.env.files.log, 'nothing is written within the turn').toEqual([])
  await fixture.env.turn()
  expect(outcomes.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
  const [only, ...others] = fixture.groupsOf()
  expect(others).toEqual([])
  expect(only).toMatchObject({ keys: ['a', 'b', 'c'], group: { count: 3, baseSequence: 101 } })
  expect(fixture.env.files.log).toHaveLength(1)
  expect(fixture.commits.groupCount).toBe(1)
  expect(fixture.commits.walSizeBytes).toBe(fixture.env.files.bytesOf('/d/000010.wal').length - WAL_HEADER_SIZE_BYTES)
})

test('a write is visible when the log has taken it, and not before', async () => {
  const fixture = await readyFixture()
  fixture.put('a')
  expect(fixture.sees('a')).toBe(false)
  expect([fixture.commits.visibleSequence, fixture.commits.nextSequence]).toEqual([100, 102])
  await fixture.env.turn()
  expect(fixture.sees('a')).toBe(true)
  expect(fixture.commits.visibleSequence).toBe(101)
  expect(fixture.memtable.committedOffset).toBe(fixture.memtable.usedOffset)
})

test('a group that is large is not visible while its write is under way, and later groups wait behind it', async () => {
  const fixture = await readyFixture()
  const release = fixture.env.files.hold('write')
  const large = fixture.put('large', Buffer.alloc(300 * KIB))
  await fixture.env.turn()
  const small = fixture.put('small')
  await fixture.env.turn()
  expect([large.state, small.state, fixture.sees('large'), fixture.sees('small')]).toEqual([
    'pending',
    'pending',
    false,
    false,
  ])
  release()
  await settle()
  expect([large.state, small.state, fixture.sees('large'), fixture.sees('small')]).toEqual(['done', 'done', true, true])
  expect(fixture.groupsOf().map(({ keys }) => keys)).toEqual([['large'], ['small']])
})

test('groups stay in order, each where the one before it ends, across logs too', async () => {
  const fixture = await readyFixture()
  fixture.put('a')
  await fixture.env.turn()
  fixture.put('b')
  fixture.put('c')
  const frozen = fixture.freeze()
  fixture.put('d')
  await settle()
  await fixture.env.turn()
  expect(fixture.groupsOf(frozen.wal).map(({ keys, group }) => [keys.join(), group.baseSequence])).toEqual([
    ['a', 101],
    ['b,c', 102],
  ])
  expect(fixture.groupsOf().map(({ keys, group }) => [keys.join(), group.baseSequence])).toEqual([['d', 104]])
  expect(fixture.commits.visibleSequence).toBe(104)
})

test('a group is closed at a mebibyte', async () => {
  const fixture = await readyFixture()
  for (const key of ['a', 'b', 'c']) {
    fixture.put(key, Buffer.alloc(600 * KIB))
  }
  await fixture.env.turn()
  await settle()
  expect(fixture.groupsOf().map(({ keys }) => keys.join())).toEqual(['a,b', 'c'])
})

test('nothing is written before its log is ready', async () => {
  const fixture = new WriteFixture()
  const release = fixture.env.files.hold('syncDirectory')
  const outcome = fixture.put('a')
  await settle()
  await fixture.env.turn()
  expect(outcome.state).toBe('pending')
  expect(fixture.env.files.bytesOf(fixture.memtable.wal.path).length).toBe(WAL_HEADER_SIZE_BYTES)
  release()
  await settle()
  expect(outcome.state).toBe('done')
  expect(fixture.sees('a')).toBe(true)
})

test('a log that could not be made fails what waits for it', async () => {
  const fixture = new WriteFixture()
  fixture.env.files.fail('syncDirectory')
  const outcome = fixture.put('a')
  await settle()
  await fixture.env.turn()
  expect(outcome).toMatchObject({ state: 'failed', error: { code: 'VARVE_IO', systemCode: 'EIO' } })
  expect(fixture.failures).toHaveLength(1)
  expect(fixture.sees('a')).toBe(false)
})

test('a failed append fails all that is not visible, in any arena, and none of it is ever seen', async () => {
  const fixture = await readyFixture()
  fixture.put('kept')
  fixture.put('changed', 'old')
  await fixture.env.turn()
  fixture.env.files.fail('write')
  const outcomes = [fixture.put('changed', 'new'), fixture.put('a'), fixture.put('synced', '', true)]
  const frozen = fixture.freeze()
  outcomes.push(fixture.put('b'))
  await fixture.env.turn()
  expect(outcomes.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed', 'failed'])
  expect(outcomes.every(({ error }) => error instanceof IoError)).toBe(true)
  expect(fixture.failures).toHaveLength(1)
  expect(fixture.commits.visibleSequence).toBe(102)
  expect(['kept', 'changed', 'a', 'synced'].map((key) => fixture.sees(key, frozen))).toEqual([true, true, false, false])
  expect(frozen.isSettled && fixture.memtable.isSettled, 'a flush may begin').toBe(true)
  // Sequences of what failed are not used again; should they become visible, what failed stays hidden.
  fixture.env.files.heal()
  fixture.freeze()
  await settle()
  const later = fixture.put('later')
  await fixture.env.turn()
  expect(later.state).toBe('done')
  expect(fixture.commits.visibleSequence).toBe(107)
  expect(['kept', 'changed', 'a', 'synced'].map((key) => fixture.sees(key, frozen))).toEqual([true, true, false, false])
})

test('nothing is written to a log again after a failed append', async () => {
  const fixture = await readyFixture()
  fixture.env.files.fail('write')
  fixture.put('a')
  await fixture.env.turn()
  fixture.env.files.heal()
  fixture.env.files.log.length = 0
  const outcome = fixture.put('b')
  await fixture.env.turn()
  expect(outcome.state).toBe('failed')
  expect(fixture.env.files.log).toEqual([])
  expect(() => fixture.memtable.wal.appendSync(fixture.memtable.arena.bytes, 100)).toThrow(AssertionError)
})

test('an asynchronous append that fails in its middle fails everything behind it', async () => {
  const fixture = await readyFixture()
  fixture.env.files.fail('write', 1)
  const outcomes = [fixture.put('large', Buffer.alloc(2500 * KIB))]
  await fixture.env.turn()
  outcomes.push(fixture.put('behind'))
  await settle()
  await fixture.env.turn()
  expect(outcomes.map(({ state }) => state)).toEqual(['failed', 'failed'])
  expect([fixture.sees('large'), fixture.sees('behind'), fixture.commits.visibleSequence]).toEqual([false, false, 100])
})

test('the queue is idle when every group is written or has failed', async () => {
  const fixture = await readyFixture()
  let isIdle = false
  const markIdle = async (): Promise<void> => {
    await fixture.commits.whenIdle()
    isIdle = true
  }
  await markIdle()
  for (const operation of ['none', 'write'] as const) {
    isIdle = false
    if (operation === 'write') {
      fixture.env.files.fail('write')
    }
    fixture.put(operation)
    fixture.put(`${operation} again`)
    const waiting = markIdle()
    await settle()
    expect(isIdle, operation).toBe(false)
    await fixture.env.turn()
    await waiting
    expect(isIdle).toBe(true)
  }
})

test('a memtable is settled once all of its groups are, and the queue says so', async () => {
  const fixture = await readyFixture()
  fixture.put('a', Buffer.alloc(300 * KIB))
  const release = fixture.env.files.hold('write')
  await fixture.env.turn()
  const frozen = fixture.freeze()
  expect(frozen.isSettled).toBe(false)
  expect(fixture.settled).toEqual([])
  release()
  await settle()
  expect(frozen.isSettled).toBe(true)
  expect(fixture.settled).toEqual([frozen])
})

test('a turn writes no more than a bound, and goes on in the next', async () => {
  const fixture = await readyFixture()
  const outcomes = ['a', 'b', 'c'].map((key) => {
    const outcome = fixture.put(key, Buffer.alloc(200 * KIB))
    fixture.commits.closeGroup()
    return outcome
  })
  const doneAfter: number[] = []
  for (let turn = 0; turn < 4; turn++) {
    await fixture.env.turn()
    doneAfter.push(outcomes.filter(({ state }) => state === 'done').length)
  }
  expect(doneAfter).toEqual([1, 2, 3, 3])
})

test('a lone writer’s next group is committed without a turn, until the loop has not turned for a while', async () => {
  const fixture = await readyFixture()
  fixture.put('a')
  await fixture.env.turn()
  const second = fixture.put('b')
  await settle()
  expect(second.state).toBe('done')
  // The loop does not turn from here on, and time passes: a tight loop of awaits must be made to wait for it.
  fixture.env.timeMs += 100
  let state = 'done'
  for (let i = 0; i < 20 && state === 'done'; i++) {
    const next = fixture.put(`c${i}`)
    await settle()
    state = next.state
  }
  expect(state).toBe('pending')
  await fixture.env.turn()
  await settle()
  expect(fixture.commits.visibleSequence).toBe(fixture.commits.nextSequence - 1)
})

test('a group says what was known to be durable when it was written', async () => {
  const fixture = await readyFixture()
  fixture.put('a', '', true)
  await fixture.env.turn()
  await settle()
  fixture.put('b')
  await fixture.env.turn()
  await settle()
  const [first, second] = fixture.groupsOf()
  expect(first?.group.synced).toEqual({ number: 0, offset: 0 })
  expect(second?.group.synced).toEqual({ number: 10, offset: first?.group.endOffset })
  expect(first?.group.endOffset).toBe(WAL_HEADER_SIZE_BYTES + WAL_GROUP_HEADER_SIZE_BYTES + 4)
})
