/** Writes that happen only if nothing they depend on was changed since a snapshot, whatever became of the change. */
import { ConflictError, WriteBatch, open } from 'varve'
import type { Snapshot, Store, StoreOptions, WriteOptions } from 'varve'
import { expect, test } from 'vitest'
import { envWithBrokenLogs } from '../harness/broken-logs.ts'
import { contentsOf, fill } from '../harness/contents.ts'
import { GatedExecutor, componentsOf } from '../harness/executors.ts'
import { codeOf, rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

async function withStore(
  options: StoreOptions,
  body: (store: Store, executor: GatedExecutor) => Promise<void>,
): Promise<void> {
  const executor = new GatedExecutor()
  const store = await open(scratchStorePath('conditional'), options, { executor })
  try {
    await body(store, executor)
  } finally {
    await store.close()
  }
}

/** The key that a write which must conflict names. */
async function conflictOf(write: Promise<void>): Promise<string> {
  const error = await rejection('VARVE_CONFLICT', write)
  expect(error).toBeInstanceOf(ConflictError)
  return Buffer.from((error as ConflictError).key).toString()
}

/** Freezes the active memtable, which a shut gate for flushes keeps frozen. */
async function freeze(store: Store): Promise<void> {
  const frozen = new Promise<void>((resolve) => store.once('wal', () => resolve()))
  void store.flush().catch(() => undefined)
  await frozen
}

/** Where the versions of a key may be when the check looks for them. */
const PLACES: Record<string, (store: Store, executor: GatedExecutor) => Promise<unknown>> = {
  'in the active memtable': () => Promise.resolve(),
  'in a frozen memtable': (store, executor) => {
    executor.shut('flush')
    return freeze(store)
  },
  'in level zero': (store) => store.flush(),
  compacted: (store) => store.compactRange(),
}

/** What may have happened to the key `a`, and what it was before. */
const CHANGES: Record<string, (store: Store) => Promise<void>> = {
  put: (store) => store.put('a', 'new'),
  delete: (store) => store.delete('a'),
  'put and delete': async (store) => {
    await store.put('a', 'new')
    await store.delete('a')
  },
}

/** Ways to depend on `a`. */
const WAYS: Record<string, (store: Store, since: Snapshot) => Promise<void>> = {
  'put it': (store, since) => store.put('a', 'mine', { ifUnchangedSince: since }),
  'delete it': (store, since) => store.delete('a', { ifUnchangedSince: since }),
  'write a list': (store, since) =>
    store.write(
      [
        { type: 'put', key: 'z', value: 'mine' },
        { type: 'delete', key: 'a' },
      ],
      { ifUnchangedSince: since },
    ),
  'write a batch': (store, since) =>
    store.write(new WriteBatch().put('z', 'mine').put('a', 'mine'), { ifUnchangedSince: since }),
  'name it': (store, since) =>
    store.put('z', 'mine', { ifUnchangedSince: since, unchangedKeys: ['y', Buffer.from('a')] }),
  'name a range': (store, since) =>
    store.put('z', 'mine', { ifUnchangedSince: since, unchangedRanges: [{ gt: 'b' }, { lt: 'b' }] }),
  'write nothing': (store, since) => store.write([], { ifUnchangedSince: since, unchangedKeys: ['a'] }),
}

/** Ways to depend on everything but `a`. */
const OTHER_OPTIONS: Omit<WriteOptions, 'ifUnchangedSince'> = {
  unchangedKeys: ['', 'a\0', 'b', 'aa', 'y'],
  unchangedRanges: [{ lt: 'a' }, { gt: 'a', lt: 'b' }, { gte: 'b' }, { prefix: 'a', gt: 'a' }, { gte: 'a', lt: 'a' }],
}

for (const [place, move] of Object.entries(PLACES)) {
  for (const [change, makeChange] of Object.entries(CHANGES)) {
    test(`a ${change} since the snapshot, ${place}, is a conflict however a write depends on it (R4)`, async () => {
      await withStore({ blockCacheSizeBytes: 0 }, async (store, executor) => {
        await fill(store, 100, 100, 'x')
        await store.put('a', 'old')
        await store.flush()
        const since = store.snapshot()
        await makeChange(store)
        const later = store.snapshot()
        await move(store, executor)
        const before = await contentsOf(store)
        for (const [way, write] of Object.entries(WAYS)) {
          expect({ way, key: await conflictOf(write(store, since)) }).toEqual({ way, key: 'a' })
        }
        expect(await contentsOf(store), 'nothing of them is written').toEqual(before)
        await store.put('z', 'mine', { ifUnchangedSince: since, ...OTHER_OPTIONS })
        expect(String(store.getSync('z'))).toBe('mine')
        await store.put('a', 'mine', { ifUnchangedSince: later, unchangedRanges: [{ lt: 'z' }], sync: true })
        expect(String(store.getSync('a'))).toBe('mine')
        executor.open('flush')
      })
    })
  }
}

test('a deletion is found whatever compaction makes of its tombstone', async () => {
  await withStore({}, async (store) => {
    await store.put('a', 'old')
    await store.compactRange()
    const since = store.snapshot()
    await store.delete('a')
    await store.flush()
    await store.compactRange()
    expect(await conflictOf(store.put('a', 'mine', { ifUnchangedSince: since }))).toBe('a')
    since.close()
    await store.compactRange()
    expect(store.stats().levels.map(({ entryCount }) => entryCount)).toEqual([0, 0, 0, 0, 0, 0, 0])
    const after = store.snapshot()
    await store.put('a', 'mine', { ifUnchangedSince: after })
  })
})

test('what is issued counts, visible or not: of two in one turn the first wins', async () => {
  await withStore({}, async (store) => {
    await store.put('a', '0')
    const since = store.snapshot()
    const first = store.put('a', '1', { ifUnchangedSince: since })
    const second = conflictOf(store.put('a', '2', { ifUnchangedSince: since }))
    const third = conflictOf(store.put('b', '3', { ifUnchangedSince: since, unchangedKeys: ['a'] }))
    const fourth = conflictOf(store.put('c', '4', { ifUnchangedSince: since, unchangedRanges: [{ prefix: 'a' }] }))
    expect(String(store.getSync('a'))).toBe('0')
    await first
    expect([await second, await third, await fourth]).toEqual(['a', 'a', 'a'])
    expect(await contentsOf(store)).toEqual([['a', '1']])
  })
})

test('write skew is prevented by naming what was read', async () => {
  await withStore({}, async (store) => {
    await store.write([
      { type: 'put', key: 'ann', value: 'on call' },
      { type: 'put', key: 'bob', value: 'on call' },
    ])
    const since = store.snapshot()
    const leave = (who: string, other: string): Promise<string | undefined> =>
      codeOf(store.delete(who, { ifUnchangedSince: since, unchangedKeys: [other] }))
    expect(await Promise.all([leave('ann', 'bob'), leave('bob', 'ann')])).toEqual([undefined, 'VARVE_CONFLICT'])
    expect(await contentsOf(store)).toEqual([['bob', 'on call']])
  })
})

test('what failed is no change', async () => {
  let isBroken = false
  const env = envWithBrokenLogs(() => isBroken)
  const store = await open(scratchStorePath('conditional'), {}, { ...componentsOf('inline'), env })
  const recovered = new Promise<void>((resolve) => store.once('recovery', () => resolve()))
  await store.put('a', 'old')
  const since = store.snapshot()
  isBroken = true
  const failed = codeOf(store.put('a', 'lost', { ifUnchangedSince: since }))
  const conflicting = conflictOf(store.put('a', 'too late', { ifUnchangedSince: since }))
  expect([await failed, await conflicting]).toEqual(['VARVE_IO', 'a'])
  expect(await codeOf(store.put('a', 'refused', { ifUnchangedSince: since }))).toBe('VARVE_READ_ONLY')
  isBroken = false
  await recovered
  await store.put('a', 'new', { ifUnchangedSince: since, unchangedRanges: [{}] })
  expect(await contentsOf(store)).toEqual([['a', 'new']])
  expect(await conflictOf(store.put('a', 'newer', { ifUnchangedSince: since }))).toBe('a')
  await store.close()
})

test('snapshots: a closed one and one of another store are refused; closed after the call it serves on', async () => {
  const other = await open(scratchStorePath('conditional'))
  const foreign = other.snapshot()
  await withStore({ blockCacheSizeBytes: 0 }, async (store) => {
    await store.put('a', 'old')
    const closed = store.snapshot()
    closed.close()
    expect(await codeOf(store.put('a', '1', { ifUnchangedSince: closed }))).toBe('VARVE_CLOSED')
    expect(await codeOf(store.put('a', '1', { ifUnchangedSince: foreign }))).toBe('VARVE_INVALID_ARGUMENT')
    const since = store.snapshot()
    await store.delete('a')
    await store.flush()
    // It has to wait for a block of the table, and by then nobody but the write itself holds the sequence.
    const conflicting = conflictOf(store.put('a', '2', { ifUnchangedSince: since }))
    since.close()
    const compacted = store.compactRange()
    expect(await conflicting).toBe('a')
    await compacted
    expect(store.stats().openSnapshotCount).toBe(0)
    expect(await contentsOf(store)).toEqual([])
  })
  await other.close()
})

test('arguments that are wrong are named, and nothing is written', async () => {
  await withStore({ valueSizeBytesMax: 10 }, async (store) => {
    const since = store.snapshot()
    const wrong: [options: object, message: RegExp][] = [
      [{ ifUnchangedSince: since, unchangedKey: ['a'] }, /no unchangedKey:/],
      [{ ifUnchangedSince: since, unchangedKeys: 'a' }, /unchangedKeys must be an array/],
      [{ ifUnchangedSince: since, unchangedKeys: ['a', 7] }, /unchangedKeys\[1\]: a key must be/],
      [{ ifUnchangedSince: since, unchangedRanges: {} }, /unchangedRanges must be an array/],
      [{ ifUnchangedSince: since, unchangedRanges: [{}, { from: 'a' }] }, /unchangedRanges\[1\]: .*no from/],
      [{ ifUnchangedSince: since, unchangedRanges: [undefined] }, /unchangedRanges\[0\]: a range must be/],
      [{ ifUnchangedSince: since, sync: 'yes' }, /sync must be/],
      [{ ifUnchangedSince: since.sequence }, /snapshot must come from/],
      [{ unchangedKeys: ['a'] }, /give ifUnchangedSince/],
      [{ unchangedRanges: [{}], ifUnchangedSince: undefined }, /give ifUnchangedSince/],
    ]
    for (const [options, message] of wrong) {
      const error = await rejection('VARVE_INVALID_ARGUMENT', store.put('a', 'b', options as WriteOptions))
      expect(error.message).toMatch(message)
    }
    const large = new WriteBatch().put('a', 'more than ten bytes')
    const batchError = await rejection('VARVE_INVALID_ARGUMENT', store.write(large, { ifUnchangedSince: since }))
    expect(batchError.message).toMatch(/valueSizeBytesMax/)
    await store.put('kept', 'yes', { ifUnchangedSince: undefined, unchangedKeys: undefined })
    expect(await contentsOf(store)).toEqual([['kept', 'yes']])
  })
})

test('bytes are copied before the call returns, while it waits for the disk too', async () => {
  await withStore({ blockCacheSizeBytes: 0 }, async (store) => {
    const since = store.snapshot()
    await fill(store, 100)
    await store.flush()
    const [key, value, named, bound] = ['new', 'value', 'key-000000x', 'm'].map((text) => Buffer.from(text))
    const batch = new WriteBatch().put(key as Buffer, value as Buffer)
    const options = {
      ifUnchangedSince: since,
      unchangedKeys: [named as Buffer],
      unchangedRanges: [{ gte: bound as Buffer }],
    }
    const written = store.write(batch, options)
    batch.clear().put('key-000000', 'other')
    options.unchangedKeys[0] = Buffer.from('key-000000')
    for (const bytes of [key, value, named, bound]) {
      bytes?.fill(0)
    }
    await written
    expect(String(store.getSync('new'))).toBe('value')
  })
})
