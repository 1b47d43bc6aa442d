/** Every iterator that users can hold, at the one suite. */
import { VarveLevel } from '@varve/level'
import { open, type RangeOptions, type Store, type StoreOptions, type Transaction } from 'varve'
import { componentsOf } from '../harness/executors.ts'
import type { SeededRandom } from '../harness/random.ts'
import { makeMemoryDirectory } from '../harness/scratch-directory.ts'
import {
  describeIterator,
  type Entry,
  type IteratedRange,
  type IteratedSource,
  type IteratorSubject,
} from './iterator-suite.ts'

const PATH = 'test/conformance/iterators.test.ts'
const TINY: StoreOptions = {
  memtableSizeBytes: 4096,
  blockSizeBytes: 128,
  blockCacheSizeBytes: 0,
  tableSizeBytes: 4096,
  levelZeroTableCountTrigger: 2,
  levelOneSizeBytes: 8192,
}

/** A store that holds the entries over all that it consists of: levels, level 0, a memtable, and versions below. */
async function filled(entries: readonly Entry[], random: SeededRandom): Promise<Store> {
  const store = await open(makeMemoryDirectory('conformance'), TINY, componentsOf('inline'))
  for (const [key] of entries) {
    await store.put(key, 'an older version')
  }
  await store.put('a key that goes', 'soon')
  await store.compactRange()
  await store.delete('a key that goes')
  for (const [key, value] of entries) {
    await store.put(key, value)
    if (random.chance(0.02)) {
      await store.flush()
    }
  }
  return store
}

async function disturb(store: Store, random: SeededRandom): Promise<void> {
  const key = (): Buffer => Buffer.from(Array.from({ length: random.below(5) }, () => random.pick([0, 0x61, 0x80])))
  await Promise.all(Array.from({ length: 30 }, () => store.put(key(), 'from another time')))
  await Promise.all(Array.from({ length: 20 }, () => store.delete(key())))
  if (random.chance(0.5)) {
    await store.flush()
  }
  if (random.chance(0.3)) {
    await store.compactRange()
  }
}

function sourceOf(store: Store, iterate: (range: RangeOptions) => IteratorSubject): IteratedSource {
  return { iterate, disturb: (random) => disturb(store, random), close: () => store.close() }
}

describeIterator('of a store', PATH, async (entries, random) => {
  const store = await filled(entries, random)
  return sourceOf(store, (range) => store.iterator(range))
})

describeIterator('of a snapshot that is long past', PATH, async (entries, random) => {
  const store = await filled(entries, random)
  const snapshot = store.snapshot()
  await store.clear()
  await disturb(store, random)
  return sourceOf(store, (range) => snapshot.iterator(range))
})

describeIterator('of a transaction, over its own writes', PATH, async (entries, random) => {
  const store = await filled(
    entries.filter((_, i) => i % 3 !== 0),
    random,
  )
  await store.put('\u{1F30A}', 'deleted by the transaction')
  let end = (): void => undefined
  let done: Promise<unknown> = Promise.resolve()
  const transaction = await new Promise<Transaction>((resolve) => {
    done = store.transaction(async (tx) => {
      entries.filter((_, i) => i % 3 === 0).forEach(([key, value]) => tx.put(key, value))
      tx.delete('\u{1F30A}')
      resolve(tx)
      await new Promise<void>((whenOver) => {
        end = whenOver
      })
      throw new Error('nothing of it is committed')
    })
    done.catch(() => undefined)
  })
  return {
    iterate: (range) => transaction.iterator(range),
    disturb: (again) => disturb(store, again),
    close: async () => {
      end()
      await done.catch(() => undefined)
      await store.close()
    },
  }
})

describeIterator('of @varve/level', PATH, async (entries, random) => {
  const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
  const db = new VarveLevel<Buffer, Buffer>(makeMemoryDirectory('conformance'), { ...TINY, ...encodings })
  await db.open()
  await db.batch(entries.map(([key]) => ({ type: 'put', key, value: Buffer.from('an older version') })))
  await db.compactRange(Buffer.from([0]), Buffer.from([0xff]))
  await db.batch(entries.map(([key, value]) => ({ type: 'put', key, value })))
  return {
    iterate: (range: IteratedRange) => {
      const iterator = db.iterator(range)
      // abstract-level refuses a step while another one is under way.
      let last: Promise<unknown> = Promise.resolve()
      const next = (): Promise<[Buffer, Buffer] | undefined> => {
        const step = last.then(() => iterator.next())
        last = step.catch(() => undefined)
        return step
      }
      return {
        next,
        nextMany: (count) => iterator.nextv(count),
        seek: (key) => iterator.seek(key),
        close: () => iterator.close(),
      }
    },
    disturb: async () => {
      const keys = Array.from({ length: 40 }, () => Buffer.from(Array.from({ length: random.below(4) }, () => 0x61)))
      await db.batch(keys.map((key) => ({ type: 'put', key, value: Buffer.from('from another time') })))
      await db.compactRange(Buffer.from([0]), Buffer.from([0xff]))
    },
    close: () => db.close(),
  }
})
