/** What a transaction promises: isolation, own writes, retries, and an end. */
import { ConflictError, open } from 'varve'
import type { Bytes, Store, Transaction, TransactionOptions } from 'varve'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contentsOf, fill } from '../harness/contents.ts'
import { codeOf, rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

let store: Store

beforeEach(async () => {
  store = await open(scratchStorePath('transactions'))
})

afterEach(async () => {
  expect(store.stats()).toMatchObject({ openSnapshotCount: 0, openIteratorCount: 0 })
  await store.close()
})

const numberAt = async (tx: Transaction, key: string): Promise<number> => Number((await tx.get(key)) ?? 0)

/** A transaction that, in its first try alone, lets `meanwhile` happen between its reads and its end. */
function disturbed(
  read: (tx: Transaction) => Promise<unknown>,
  meanwhile: () => Promise<unknown>,
  options?: TransactionOptions,
): Promise<number> {
  let tryCount = 0
  return store.transaction(async (tx) => {
    tryCount++
    await read(tx)
    tx.put('own', String(tryCount))
    if (tryCount === 1) {
      await meanwhile()
    }
    return tryCount
  }, options)
}

test('no update is lost', async () => {
  await Promise.all(
    Array.from({ length: 20 }, () =>
      store.transaction(async (tx) => tx.put('count', String((await numberAt(tx, 'count')) + 1)), {
        retryCountMax: 1000,
      }),
    ),
  )
  expect(String(await store.get('count'))).toBe('20')
})

test('no write skew: two who each read what the other writes do not both commit what they read', async () => {
  await fill(store, 10)
  await store.write([
    { type: 'put', key: 'ann', value: 'on call' },
    { type: 'put', key: 'bob', value: 'on call' },
  ])
  const leave = (who: string, other: string): Promise<boolean> =>
    store.transaction(async (tx) => {
      const mayLeave = await tx.has(other)
      if (mayLeave) {
        tx.delete(who)
      }
      return mayLeave
    })
  const left = await Promise.all([leave('ann', 'bob'), leave('bob', 'ann')])
  expect(left.filter(Boolean)).toHaveLength(1)
  expect([await store.has('ann'), await store.has('bob')].filter(Boolean)).toHaveLength(1)
})

async function drain(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const item of stream) {
    items.push(item)
  }
  return items
}

/** Reads of the keys `k3` to `k5`; whether a change of each key is one of what was read. */
const RANGE_READS: Record<string, (tx: Transaction) => Promise<unknown>> = {
  'entries to the end': async (tx) => await drain(tx.entries({ gte: 'k3', lte: 'k5' })),
  'keys, in reverse': async (tx) => await drain(tx.keys({ gte: 'k3', lte: 'k5', reverse: true })),
  'an iterator, up to the last': async (tx) => await tx.iterator({ gte: 'k3' }).nextMany(3),
  'a limit': async (tx) => await drain(tx.values({ gte: 'k3', limit: 3 })),
  'a loop that ends early': async (tx) => {
    for await (const key of tx.keys({ gte: 'k3' })) {
      if (String(key) === 'k5') {
        break
      }
    }
  },
  seeks: async (tx) => {
    const iterator = tx.iterator({ reverse: true })
    iterator.seek('k5')
    await iterator.nextMany(2)
    iterator.seek('k3')
    await iterator.next()
  },
  clear: async (tx) => await tx.clear({ gte: 'k3', lte: 'k5' }),
  'single keys': async (tx) => {
    await tx.getMany(['k3', 'k4', 'k40'])
    tx.getSync('k5')
  },
}

for (const [name, read] of Object.entries(RANGE_READS)) {
  test(`phantoms: what was stepped over by ${name} has to be as it was, and nothing else has`, async () => {
    const keys = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']
    const reset = (): Promise<void> => store.write(keys.map((key) => ({ type: 'put', key, value: 'old' })))
    for (const key of ['k3', 'k4', 'k40', 'k5']) {
      for (const change of [() => store.put(key, 'new'), () => store.delete(key)]) {
        await reset()
        const tryCount = await disturbed(read, change)
        expect({ key, tryCount }).toEqual({ key, tryCount: 2 })
      }
    }
    for (const key of ['k2', 'k29', 'k51', 'k6', 'k7']) {
      await reset()
      const tryCount = await disturbed(read, () => store.put(key, 'new'))
      expect({ key, tryCount }).toEqual({ key, tryCount: 1 })
    }
  })
}

test('its reads are of one moment with its own writes over it, and nobody else sees those before it commits', async () => {
  await store.put('a', '1')
  await store.put('b', '2')
  const seen = await store.transaction(async (tx) => {
    const first = await tx.get('a')
    await store.put('other', 'later')
    tx.put('c', 'mine')
    tx.delete('b')
    tx.put('a', 'mine')
    const outside = [await store.get('c'), await store.get('b'), store.getSync('a')]
    const reads = [first, await tx.get('a'), tx.getSync('b')]
    const many = await tx.getMany(['c', 'a', 'b'])
    const has = [await tx.has('a'), await tx.has('b'), await tx.has('c')]
    return { outside: outside.map(String), reads: reads.map(String), many: many.map(String), has }
  })
  expect(seen).toEqual({
    outside: ['undefined', '2', '1'],
    reads: ['1', 'mine', 'undefined'],
    many: ['mine', 'mine', 'undefined'],
    has: [true, false, true],
  })
  expect(await contentsOf(store)).toEqual([
    ['a', 'mine'],
    ['c', 'mine'],
    ['other', 'later'],
  ])
})

test('bytes are copied both ways', async () => {
  const [key, value] = [Buffer.from('key'), Buffer.from('value')]
  await store.transaction(async (tx) => {
    tx.put(key, value)
    key.fill(0)
    value.fill(0)
    ;(await tx.get('key'))?.fill(1)
    const read = await tx.iterator().next()
    read?.forEach((bytes) => bytes.fill(2))
    const answer = tx.get('key')
    tx.put('key', 'value!')
    expect(String(await answer)).toBe('value')
  })
  expect(await contentsOf(store)).toEqual([['key', 'value!']])
})

test('one that only reads commits whatever was changed, and writes nothing', async () => {
  await store.put('a', '1')
  const { operationCount } = store.stats().writes
  let tryCount = 0
  const read = await store.transaction(
    async (tx) => {
      tryCount++
      const before = await tx.get('a')
      await store.put('a', '2')
      return [before, await tx.get('a')].map(String)
    },
    { sync: true },
  )
  expect({ tryCount, read }).toEqual({ tryCount: 1, read: ['1', '1'] })
  expect(store.stats().writes.operationCount - operationCount).toBe(1)
})

test('when others are always first it gives up with a typed error that names the key', async () => {
  let tryCount = 0
  const error = await rejection(
    'VARVE_CONFLICT',
    store.transaction(
      async (tx) => {
        tx.put('a', String(await numberAt(tx, 'a')))
        await store.put('a', String(++tryCount))
      },
      { retryCountMax: 3 },
    ),
  )
  expect(error).toBeInstanceOf(ConflictError)
  expect(String(Buffer.from((error as ConflictError).key))).toBe('a')
  expect(error.message).toMatch(/4 tries/)
  expect(error.cause).toBeInstanceOf(ConflictError)
  expect(tryCount).toBe(4)
  expect(String(await store.get('a'))).toBe('4')
})

test('what the callback throws ends it at once and is passed on, a conflict of its own too', async () => {
  const own = new Error('own')
  const conflict = new ConflictError('not of the transaction', Buffer.from('x'))
  for (const thrown of [own, conflict]) {
    let tryCount = 0
    const failed = store.transaction((tx) => {
      tryCount++
      tx.put('a', '1')
      throw thrown
    })
    await expect(failed.catch((error: unknown) => [error])).resolves.toEqual([thrown])
    expect(tryCount).toBe(1)
  }
  const noError = store.transaction(() => Promise.reject('no error' as unknown as Error))
  await expect(noError.catch((error: unknown) => [error])).resolves.toEqual(['no error'])
  expect(await contentsOf(store)).toEqual([])
})

test('after its end it is refused with a typed error, each try by itself', async () => {
  const ended: Transaction[] = []
  await store.put('a', '1')
  let iterator: ReturnType<Transaction['iterator']> | undefined
  await disturbed(
    async (tx) => {
      ended.push(tx)
      iterator = tx.iterator()
      await iterator.next()
    },
    () => store.put('a', '2'),
  )
  expect(ended).toHaveLength(2)
  const calls: ((tx: Transaction) => unknown)[] = [
    (tx) => tx.get('a'),
    (tx) => tx.getSync('a'),
    (tx) => tx.getMany(['a']),
    (tx) => tx.has('own'),
    (tx) => tx.iterator(),
    (tx) => tx.entries(),
    (tx) => tx.put('b', '1'),
    (tx) => tx.delete('a'),
    (tx) => tx.clear(),
    () => iterator?.next(),
    () => iterator?.nextMany(2),
    () => iterator?.seek('a'),
  ]
  for (const tx of ended) {
    for (const call of calls) {
      await rejection('VARVE_CLOSED', async () => await call(tx))
    }
  }
  await iterator?.close()
  expect((await contentsOf(store)).map(([key]) => key)).toEqual(['a', 'own'])
})

test('what a callback forgets to await writes nothing late', async () => {
  await store.put('a', '1')
  const late: Promise<unknown>[] = []
  await store.transaction((tx) => {
    tx.put('b', '1')
    late.push(codeOf(tx.clear()), codeOf(tx.get('a').then(() => tx.put('c', 'late'))))
  })
  expect(await Promise.all(late)).toEqual(['VARVE_CLOSED', 'VARVE_CLOSED'])
  expect((await contentsOf(store)).map(([key]) => key)).toEqual(['a', 'b'])
})

test('a signal keeps it from starting, committing and starting over', async () => {
  const aborted = AbortSignal.abort('enough')
  const error = await rejection(
    'VARVE_ABORTED',
    store.transaction(() => expect.fail(), { signal: aborted }),
  )
  expect(error.cause).toBe('enough')
  const committing = new AbortController()
  await rejection(
    'VARVE_ABORTED',
    store.transaction(
      (tx) => {
        tx.put('a', '1')
        committing.abort()
      },
      { signal: committing.signal },
    ),
  )
  const retrying = new AbortController()
  let tryCount = 0
  const again = store.transaction(
    async (tx) => {
      tryCount++
      tx.put('b', String(await tx.get('b')))
      await store.put('b', '1')
      setTimeout(() => retrying.abort(), 30)
    },
    { signal: retrying.signal, retryCountMax: 1000 },
  )
  await rejection('VARVE_ABORTED', again)
  expect(tryCount).toBeLessThan(20)
  expect(await contentsOf(store)).toEqual([['b', '1']])
})

test('arguments that are wrong are named', async () => {
  const wrong: [callback: unknown, options: unknown, message: RegExp][] = [
    [undefined, {}, /needs a function/],
    [() => 1, 7, /must be an object/],
    [() => 1, null, /must be an object/],
    [() => 1, { retries: 1 }, /no retries:/],
    [() => 1, { sync: 1 }, /sync must be/],
    [() => 1, { retryCountMax: -1 }, /from 0 to 1000/],
    [() => 1, { retryCountMax: 1001 }, /from 0 to 1000/],
    [(tx: Transaction) => tx.put('a', null as unknown as Bytes), {}, /value must be/],
    [(tx: Transaction) => tx.delete(7 as unknown as Bytes), {}, /key must be/],
    [(tx: Transaction) => tx.get(7 as unknown as Bytes), {}, /key must be/],
    [(tx: Transaction) => tx.getMany('a' as unknown as Bytes[]), {}, /keys must be/],
    [(tx: Transaction) => tx.iterator({ from: 'a' } as object), {}, /no from:/],
    [(tx: Transaction) => tx.keys({ snapshot: undefined } as object), {}, /no snapshot:/],
    [(tx: Transaction) => tx.iterator().nextMany(0), {}, /count must be/],
  ]
  for (const [callback, options, message] of wrong) {
    const call = store.transaction(callback as () => unknown, options as TransactionOptions)
    expect((await rejection('VARVE_INVALID_ARGUMENT', call)).message).toMatch(message)
  }
  expect(await contentsOf(store)).toEqual([])
})

test('what it depends on is bounded', async () => {
  const error = await rejection(
    'VARVE_INVALID_ARGUMENT',
    store.transaction(async (tx) => {
      for (let i = 0; i < 100_000; i++) {
        await tx.get(`key-${i}`)
      }
    }),
  )
  expect(error.message).toMatch(/read ranges instead/)
})

test('closing the store ends it', async () => {
  const other = await open(scratchStorePath('transactions'))
  let closed: Promise<void> | undefined
  const transaction = other.transaction(async (tx) => {
    tx.put('a', '1')
    closed = other.close()
    await closed
  })
  expect(await codeOf(transaction)).toBe('VARVE_CLOSED')
  expect(await codeOf(other.transaction(() => 1))).toBe('VARVE_CLOSED')
  await closed
})
