/** Iterators whose calls are not awaited one by one: each gets its answer, in the order of the calls. */
import { expect, test } from 'vitest'
import { open } from 'varve'
import type { Store } from 'varve'
import { fill } from '../harness/contents.ts'
import { codeOf } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'

async function openFilled(): Promise<{ store: Store; keys: string[] }> {
  const store = await open(scratchStorePath('iterator'), { blockCacheSizeBytes: 0, blockSizeBytes: 512 })
  const entries = await fill(store, 1000)
  await store.flush()
  return { store, keys: entries.map(([key]) => key) }
}

test('steps that are issued together are answered in order', async () => {
  const { store, keys } = await openFilled()
  const iterator = store.iterator()
  const steps = Array.from({ length: 500 }, () => iterator.next())
  const many = iterator.nextMany(400)
  const ends = Array.from({ length: 150 }, () => iterator.next())
  const found = [...(await Promise.all(steps)), ...(await many), ...(await Promise.all(ends))]
  expect(found.map((entry) => entry?.[0].toString())).toEqual([...keys, ...Array.from({ length: 50 }, () => undefined)])
  await iterator.close()
  await store.close()
})

test('a seek between steps that are under way comes in its turn', async () => {
  const { store, keys } = await openFilled()
  const iterator = store.iterator({ reverse: true })
  const before = iterator.nextMany(3)
  iterator.seek(keys[500] ?? '')
  const between = [iterator.next(), iterator.next()]
  iterator.seek(keys[10] ?? '')
  const after = iterator.nextMany(100)
  const found = [...(await before), ...(await Promise.all(between)), ...(await after)]
  const expected = [999, 998, 997, 500, 499, ...Array.from({ length: 11 }, (_, i) => 10 - i)]
  expect(found.map((entry) => entry?.[0].toString())).toEqual(expected.map((i) => keys[i]))
  await iterator.close()
  await store.close()
})

test('steps under way when the iterator or the store closes end', async () => {
  const { store } = await openFilled()
  const [one, other] = [store.iterator(), store.iterator()]
  const codes = Array.from({ length: 50 }, () => codeOf(one.next()))
  await one.close()
  codes.push(...Array.from({ length: 50 }, () => codeOf(other.nextMany(20))))
  await store.close()
  for (const code of await Promise.all(codes)) {
    expect([undefined, 'VARVE_CLOSED']).toContain(code)
  }
})

test('nextMany returns early when its entries are large, whatever it had to wait for', async () => {
  const valueSizeBytes = 100_000
  const store = await open(scratchStorePath('iterator'), { blockCacheSizeBytes: 0, blockSizeBytes: 512 })
  await fill(store, 200, valueSizeBytes)
  await store.flush()
  const iterator = store.iterator()
  const entries = await iterator.nextMany(200)
  const sizeBytes = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  expect(sizeBytes).toBeLessThanOrEqual(8 * 1024 * 1024 + valueSizeBytes + 16)
  expect(entries.length).toBeGreaterThan(80)
  const rest = await iterator.nextMany(200)
  expect(rest[0]?.[0].toString()).toBe(`key-${String(entries.length).padStart(6, '0')}`)
  await iterator.close()
  await store.close()
})

test('a stream that has ended stays ended', async () => {
  const { store, keys } = await openFilled()
  const whole = store.keys()
  for (const key of keys) {
    expect(String((await whole.next()).value)).toBe(key)
  }
  const ended = { done: true, value: undefined }
  expect([await whole.next(), await whole.next(), await whole.next()]).toEqual([ended, ended, ended])
  const left = store.values()
  await left.next()
  expect([await left.return?.(), await left.next()]).toEqual([ended, ended])
  await store.close()
})

test('nextMany of a transaction is bounded in bytes too, its own writes included', async () => {
  const store = await open(scratchStorePath('iterator'))
  await fill(store, 60, 100_000)
  await store.transaction(async (tx) => {
    for (let i = 0; i < 60; i++) {
      tx.put(`own-${String(i).padStart(3, '0')}`, Buffer.alloc(100_000))
    }
    const iterator = tx.iterator()
    const entries = await iterator.nextMany(1000)
    expect(entries.length).toBe(Math.ceil((8 * 1024 * 1024) / 100_010))
    expect(entries.length + (await iterator.nextMany(1000)).length).toBe(120)
  })
  await store.close()
})

test('thousands of iterators that are open pin no memtable, and each goes on where it was', async () => {
  const options = { memtableSizeBytes: 64 * 1024, tableSizeBytes: 64 * 1024, levelZeroTableCountTrigger: 2 }
  const store = await open(scratchStorePath('iterator'), options)
  const entries = await fill(store, 300)
  const iterators = Array.from({ length: 3000 }, (_, i) => store.iterator({ reverse: i % 2 === 1 }))
  const first = await Promise.all(iterators.map((iterator) => iterator.next()))
  for (let round = 0; round < 5; round++) {
    await fill(store, 300, 500 + round)
    await store.flush()
  }
  // The active memtable, and nothing of the five before it.
  expect(store.stats().memory.kinds.arenas.count).toBe(1)
  expect(store.stats().openIteratorCount).toBe(3000)
  for (const [i, iterator] of iterators.entries()) {
    const [one, two] = i % 2 === 1 ? [entries[299], entries[298]] : [entries[0], entries[1]]
    const second = i % 100 < 2 ? await iterator.next() : undefined
    expect(first[i]?.map(String)).toEqual(one)
    expect(second === undefined || second.map(String).join() === two?.join()).toBe(true)
  }
  await store.close()
  await expect(iterators[0]?.next()).rejects.toMatchObject({ code: 'VARVE_CLOSED' })
})
