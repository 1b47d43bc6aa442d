import { expect, test } from 'vitest'
import { settle } from '../test-support/memory-env.ts'
import { readyFixture, type WriteFixture } from '../test-support/write-fixture.ts'

/** Syncs of groups: a log's header is synced when it is made. */
const syncsIn = ({ env }: WriteFixture): string[] =>
  env.files.log.filter((line) => line.startsWith('sync /') && !line.endsWith(' at 32'))

test('a sync write resolves when an fdatasync has succeeded, a plain one does not wait for it', async () => {
  const fixture = await readyFixture()
  const release = fixture.env.files.hold('dataSync')
  const [plain, synced] = [fixture.put('a'), fixture.put('b', '', true)]
  await fixture.env.turn()
  expect([plain.state, synced.state]).toEqual(['done', 'pending'])
  expect(fixture.sees('b'), 'it is visible all the same').toBe(true)
  release()
  await settle()
  expect(synced.state).toBe('done')
  expect(fixture.syncer.synced).toEqual({ number: 10, offset: fixture.memtable.usedOffset })
})

test('a sync covers only what was written before it began, and one is in flight at a time', async () => {
  const fixture = await readyFixture()
  const release = fixture.env.files.hold('dataSync')
  const first = fixture.put('a', '', true)
  await fixture.env.turn()
  const firstEnd = fixture.memtable.usedOffset
  const others = ['b', 'c'].map((key) => {
    const outcome = fixture.put(key, '', true)
    fixture.commits.closeGroup()
    return outcome
  })
  await settle()
  await fixture.env.turn()
  expect(fixture.commits.visibleSequence, 'groups are written behind it').toBe(103)
  expect(syncsIn(fixture)).toEqual([`sync /d/000010.wal at ${firstEnd}`])
  const again = fixture.env.files.hold('dataSync')
  release()
  await settle()
  expect([first.state, ...others.map(({ state }) => state)]).toEqual(['done', 'pending', 'pending'])
  expect(fixture.syncer.synced.offset).toBe(firstEnd)
  again()
  await settle()
  expect(others.map(({ state }) => state)).toEqual(['done', 'done'])
  expect(syncsIn(fixture), 'the next one covers them all').toHaveLength(2)
})

test('every live log that holds unsynced groups is synced, oldest first', async () => {
  const fixture = await readyFixture()
  fixture.put('a')
  fixture.freeze()
  fixture.put('b')
  fixture.freeze()
  await settle()
  await fixture.env.turn()
  const outcome = fixture.put('c', '', true)
  await settle()
  await fixture.env.turn()
  expect(outcome.state).toBe('done')
  expect(syncsIn(fixture).map((line) => line.slice(0, 18))).toEqual([
    'sync /d/000010.wal',
    'sync /d/000011.wal',
    'sync /d/000012.wal',
  ])
  expect(fixture.syncer.isClean).toBe(true)
  expect(fixture.syncer.synced.number).toBe(12)
})

test('`sync` waits for what is accepted, and costs nothing where all is durable', async () => {
  const fixture = await readyFixture()
  const empty = fixture.sync()
  await settle()
  expect([empty.state, syncsIn(fixture).length]).toEqual(['done', 0])
  fixture.put('a')
  const open = fixture.sync()
  await settle()
  expect(open.state).toBe('pending')
  await fixture.env.turn()
  await settle()
  expect([open.state, syncsIn(fixture).length]).toEqual(['done', 1])
  fixture.put('b')
  fixture.put('b2')
  await settle()
  await fixture.env.turn()
  const written = fixture.sync()
  await settle()
  expect([written.state, syncsIn(fixture).length]).toEqual(['done', 2])
})

test('a failed fdatasync rejects those who wait for it, and not those who do not', async () => {
  const fixture = await readyFixture()
  fixture.env.files.fail('dataSync')
  const [plain, synced] = [fixture.put('a'), fixture.put('b', '', true)]
  await fixture.env.turn()
  await settle()
  expect([plain.state, synced.state]).toEqual(['done', 'failed'])
  expect(fixture.syncFailures).toHaveLength(1)
  expect(fixture.sees('b')).toBe(true)
})

test('a later fdatasync on a file on which one failed is neither tried nor believed', async () => {
  const fixture = await readyFixture()
  fixture.env.files.fail('dataSync')
  fixture.put('a', '', true)
  await fixture.env.turn()
  await settle()
  fixture.env.files.heal()
  fixture.freeze()
  await settle()
  const later = fixture.put('b', '', true)
  await settle()
  await fixture.env.turn()
  await settle()
  expect(later.state, 'its own log is well, the one before it is not').toBe('failed')
  expect(syncsIn(fixture)).toHaveLength(1)
  expect(fixture.syncer.synced).toEqual({ number: 0, offset: 0 })
  fixture.syncer.remove(fixture.syncer.wals[0] ?? fixture.memtable.wal)
  const healed = fixture.sync()
  await settle()
  expect(healed.state, 'once its contents stand elsewhere').toBe('done')
})
