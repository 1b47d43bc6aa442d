import { KIND_DELETE, KIND_PUT, putWalEntryHead } from '@varve/storage'
import { expect, test } from 'vitest'
import { forEachSeed, type SeededRandom } from '../test-support/seeds.ts'
import { HashIndex, NO_ENTRY } from './hash-index.ts'

/** Writes entries behind one another, as a memtable does. */
class Entries {
  readonly bytes: Buffer = Buffer.alloc(4 * 1024 * 1024)
  readonly index: HashIndex
  #offset = 32

  constructor(capacity = 1000) {
    this.index = new HashIndex(this.bytes, capacity)
  }

  add(kind: number, key: Uint8Array, value: Uint8Array, hash: number): number {
    const offset = this.#offset
    const keyOffset = putWalEntryHead(this.bytes, offset, kind, key.length, value.length)
    this.bytes.set(key, keyOffset)
    this.bytes.set(value, keyOffset + key.length)
    this.#offset = keyOffset + key.length + value.length
    return this.index.add(hash, offset, keyOffset, key.length)
  }

  keyOf(entry: number): Buffer {
    const offset = this.index.keyOffsetOf(entry)
    return this.bytes.subarray(offset, offset + this.index.keySizeOf(entry))
  }
}

/** Few hashes, so that different keys share slots and long probes happen; negative ones and all bits too. */
const weakHash = (key: Buffer, hashes: number): number => (((key[0] ?? 0) * 31 + key.length) % hashes) * 0x9e3779b1

function expectThat(condition: boolean, what: string): void {
  if (!condition) {
    throw new Error(what)
  }
}

/** Where the steps lead, and how many they are. */
function newestBelow(index: HashIndex, newest: number, limit: number): { entry: number; stepCount: number } {
  let entry = newest
  let stepCount = 0
  for (; entry >= limit; stepCount++) {
    entry = index.towardsBelow(entry, limit)
  }
  return { entry, stepCount }
}

function compareWithMap(random: SeededRandom): void {
  const entries = new Entries(random.pick([1, 2, 100, 5000]))
  const { index } = entries
  const model = new Map<string, number[]>()
  const [count, alphabet, hashes] = [random.below(5000), 2 + random.below(20), random.pick([1e9, 50, 3])]
  const limit = hashes === 3 ? Math.min(count, 600) : count
  for (let i = 0; i < limit; i++) {
    const key = random.bytes(random.below(random.below(20) === 0 ? 300 : 5), alphabet)
    const kind = random.below(4) === 0 ? KIND_DELETE : KIND_PUT
    const value = random.bytes(kind === KIND_DELETE ? 0 : random.pick([0, 3, 127, 128, 200]))
    const name = key.toString('latin1')
    expectThat(entries.add(kind, key, value, weakHash(key, hashes)) === i, `entry ${i} has another number`)
    model.set(name, [i, ...(model.get(name) ?? [])])
  }
  expectThat(index.count === limit, `it counts ${index.count} of ${limit}`)
  for (const [name, chain] of model) {
    const key = Buffer.from(`x${name}`, 'latin1').subarray(1)
    const found: number[] = []
    let entry = index.find(weakHash(key, hashes), key, 0, key.length)
    for (; entry !== NO_ENTRY; entry = index.previousOf(entry)) {
      found.push(entry)
      expectThat(found.length <= chain.length, 'a chain is too long, or a ring')
      expectThat(entries.keyOf(entry).equals(key), `entry ${entry} has another key`)
      expectThat(index.newestOf(entry) === chain[0], `the newest of ${entry} is another`)
    }
    for (const [place, version] of chain.entries()) {
      const below = newestBelow(index, chain[0] as number, version).entry
      expectThat(below === (chain[place + 1] ?? NO_ENTRY), `the newest below ${version} is not ${below}`)
    }
    expectThat(found.join() === chain.join(), `versions ${found.join()} where ${chain.join()} should be`)
    const absent = Buffer.from(`${name}\0`, 'latin1')
    const isAbsent = !model.has(absent.toString('latin1'))
    const missing = index.find(weakHash(absent, hashes), absent, 0, absent.length)
    expectThat(!isAbsent || missing === NO_ENTRY, 'a key is found that was never added')
  }
}

test('it finds what a Map would, through growth, collisions and long chains', () => {
  forEachSeed(12, compareWithMap)
})

test('any version of a key that has been written a hundred thousand times is a few steps away', () => {
  const entries = new Entries(100_000)
  const { index } = entries
  const [hot, cold] = [Buffer.from('hot'), Buffer.from('cold')]
  const [none, count] = [new Uint8Array(0), 100_000]
  for (let i = 0; i < count; i++) {
    const isCold = i % 1000 === 500
    entries.add(KIND_PUT, isCold ? cold : hot, none, isCold ? 2 : 1)
  }
  const newest = index.find(1, hot, 0, hot.length)
  let most = 0
  for (let limit = 0; limit < count; limit += 7) {
    const { entry, stepCount } = newestBelow(index, newest, limit)
    const wanted = limit === 0 ? NO_ENTRY : (limit - 1) % 1000 === 500 ? limit - 2 : limit - 1
    expectThat(entry === wanted, `the newest below ${limit} is not ${entry}`)
    most = Math.max(most, stepCount)
  }
  expect(most).toBeGreaterThan(2)
  expect(most).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count)) + 2)
})

test('what an index knew of other entries before it was cleared does not show', () => {
  forEachSeed(5, (random) => {
    const entries = new Entries(64)
    for (let round = 0; round < 4; round++) {
      entries.index.clear()
      const chain: number[] = []
      const count = 1 + random.below(300)
      for (let i = 0; i < count; i++) {
        const key = random.bytes(1, 3)
        const entry = entries.add(KIND_PUT, key, new Uint8Array(0), key[0] as number)
        if (key[0] === 255) {
          chain.unshift(entry)
        }
      }
      const newest = chain[0] ?? NO_ENTRY
      for (let limit = 0; limit <= count; limit++) {
        const { entry } = newestBelow(entries.index, newest, limit)
        expectThat(entry === (chain.find((version) => version < limit) ?? NO_ENTRY), `below ${limit} is ${entry}`)
      }
    }
  })
})

test('an empty index finds nothing, and the empty key is a key', () => {
  const entries = new Entries()
  const none = new Uint8Array(0)
  expect(entries.index.find(0, none, 0, 0)).toBe(NO_ENTRY)
  const entry = entries.add(KIND_PUT, none, Buffer.from('v'), 0)
  expect(entries.index.find(0, none, 0, 0)).toBe(entry)
  expect(entries.index.find(0, Buffer.from('a'), 0, 1)).toBe(NO_ENTRY)
})

test('one key written many times is one chain, newest first', () => {
  const entries = new Entries()
  const key = Buffer.from('hot')
  for (let i = 0; i < 5000; i++) {
    entries.add(KIND_PUT, key, Buffer.from([i & 0xff]), 1)
  }
  let expected = 4999
  for (let entry = entries.index.find(1, key, 0, 3); entry !== NO_ENTRY; entry = entries.index.previousOf(entry)) {
    expectThat(entry === expected--, `entry ${entry} out of its turn`)
  }
  expect(expected).toBe(-1)
})

test('a part of a larger buffer is looked up by itself', () => {
  const entries = new Entries()
  const entry = entries.add(KIND_PUT, Buffer.from('key'), Buffer.from('value'), 5)
  expect(entries.index.find(5, Buffer.from('a key in the middle'), 2, 3)).toBe(entry)
  expect(entries.index.find(5, Buffer.from('a key in the middle'), 2, 4)).toBe(NO_ENTRY)
})

test('cleared, it is empty and keeps its room; what is added then has no older versions', () => {
  const entries = new Entries()
  for (let i = 0; i < 3000; i++) {
    entries.add(KIND_PUT, Buffer.from(`key ${i}`), Buffer.alloc(0), i)
  }
  const size = entries.index.sizeBytes
  expect(size).toBeGreaterThan(3000 * 12)
  expect(size).toBeLessThanOrEqual(2 * 3000 * 28)
  entries.index.clear()
  expect([entries.index.count, entries.index.sizeBytes]).toEqual([0, size])
  const key = Buffer.from('key 7')
  expect(entries.index.find(7, key, 0, key.length)).toBe(NO_ENTRY)
  const entry = entries.add(KIND_PUT, key, Buffer.alloc(0), 7)
  expect([entry, entries.index.previousOf(entry)]).toEqual([0, NO_ENTRY])
})
