/** What a cursor should come to: entries in memory, seen at a sequence; and walking one against it. */
import { AT_END, AT_ENTRY, NEEDS_BLOCK, compareKeys, type ReadStatus } from '@varve/storage'
import type { EntryCursor } from '../read/entry-cursor.ts'
import type { SeededRandom } from './seeds.ts'
import { inTableOrder, type TestEntry } from './tables.ts'

/** The newest entry of each key that is visible at `sequence`, in order. */
export function visibleAt(entries: readonly TestEntry[], sequence: number): TestEntry[] {
  const visible = inTableOrder(entries).filter((entry) => entry.sequence <= sequence)
  return visible.filter((entry, i) => {
    const before = visible[i - 1]
    return before === undefined || compareKeys(before.key, entry.key) !== 0
  })
}

/** Entries of random keys, several versions of some, each with a sequence of its own. */
export function randomEntries(random: SeededRandom, count: number, firstSequence: number): TestEntry[] {
  const alphabet = random.pick([2, 3, 256])
  const hot = Array.from({ length: 3 }, () => random.bytes(random.below(5), alphabet))
  return Array.from({ length: count }, (_, i) => {
    const isHot = random.below(4) === 0
    const key = isHot ? (hot[random.below(3)] as Buffer) : random.bytes(random.below(5), alphabet)
    const kind = random.below(4) === 0 ? 2 : 1
    const value = random.bytes(kind === 2 ? 0 : random.below(60))
    return { key, sequence: firstSequence + i, kind, value }
  })
}

/** Random starts, seeks and steps; throws where the cursor is not where the sorted entries say. */
export function walkAgainst(
  cursor: EntryCursor,
  expected: readonly TestEntry[],
  isReverse: boolean,
  random: SeededRandom,
  load: () => void,
): void {
  const order = isReverse ? expected.toReversed() : expected
  const loaded = (first: ReadStatus): ReadStatus => {
    let status = first
    for (let tries = 0; status === NEEDS_BLOCK; tries++) {
      if (tries > 200) {
        throw new Error('a step never gets what it needs')
      }
      load()
      status = cursor.resume()
    }
    return status
  }
  for (let round = 0; round < 12; round++) {
    if (random.below(3) === 0) {
      // A step that is given up, whether or not it waits: what follows begins anew.
      const target = targetOf(order, random)
      cursor.seek(target, target.length)
    }
    let at = 0
    let status: ReadStatus
    if (round === 0 || random.below(4) === 0) {
      status = loaded(cursor.start())
    } else {
      const target = targetOf(order, random)
      at = order.findIndex(({ key }) => (isReverse ? compareKeys(key, target) < 0 : compareKeys(key, target) >= 0))
      at = at < 0 ? order.length : at
      status = loaded(cursor.seek(Buffer.concat([target, Buffer.from('behind')]), target.length))
    }
    for (let steps = round === 0 ? Infinity : random.below(30); steps >= 0; steps--) {
      checkAt(cursor, status, order[at], `round ${round}, entry ${at}`)
      if (status === AT_END) {
        break
      }
      at++
      status = loaded(cursor.advance())
    }
  }
}

function targetOf(order: readonly TestEntry[], random: SeededRandom): Buffer {
  const near = order[random.below(order.length)]?.key ?? Buffer.alloc(0)
  switch (random.below(4)) {
    case 0:
      return Buffer.concat([near, Buffer.from([random.below(2) * 255])])
    case 1:
      return near.subarray(0, random.below(near.length + 1))
    case 2:
      return random.bytes(random.below(4), 3)
    default:
      return near
  }
}

function checkAt(cursor: EntryCursor, status: ReadStatus, entry: TestEntry | undefined, where: string): void {
  if (entry === undefined || status !== AT_ENTRY) {
    if (entry !== undefined || status !== AT_END) {
      throw new Error(`${where}: status ${status} where ${entry === undefined ? 'the end' : 'an entry'} should be`)
    }
    return
  }
  const { keyBytes, keyOffset, keySize, kind, valueBytes, valueOffset, valueSize } = cursor
  const key = Buffer.from(keyBytes.slice(keyOffset, keyOffset + keySize))
  const value = Buffer.from(valueBytes.slice(valueOffset, valueOffset + valueSize))
  if (!key.equals(entry.key) || kind !== entry.kind || !value.equals(entry.value)) {
    throw new Error(
      `${where}: [${key.join()}] of kind ${kind} with ${value.length} bytes where [${entry.key.join()}] at sequence ` +
        `${entry.sequence} of kind ${entry.kind} with ${entry.value.length} bytes should be`,
    )
  }
}
