/** The judge of the stress test: what it must let pass, and what it must find. */
import { expect, test } from 'vitest'
import { SeededRandom } from '../harness/random.ts'
import { findContradiction } from '../harness/stress/linearizability.ts'
import { ABSENT, READ, WRITE } from '../harness/stress/operation-log.ts'
import type { LoggedOperation } from '../harness/stress/operation-log.ts'
import { replayable, seedsOfRun } from '../harness/seeds.ts'

const put = (value: number, startNs: number, endNs: number): LoggedOperation => ({
  kind: WRITE,
  key: 0,
  value,
  startNs,
  endNs,
})
const read = (value: number, startNs: number, endNs: number): LoggedOperation => ({
  kind: READ,
  key: 0,
  value,
  startNs,
  endNs,
})

const RIGHT: readonly [string, LoggedOperation[], number][] = [
  ['nothing', [], ABSENT],
  ['an empty key', [read(ABSENT, 1, 2)], ABSENT],
  ['what was there', [read(7, 1, 2), read(7, 3, 4)], 7],
  ['either of two puts at once', [put(1, 1, 10), put(2, 1, 10), read(2, 11, 12), read(2, 13, 14)], ABSENT],
  ['a read during a put: old, then new', [put(1, 1, 2), put(2, 3, 20), read(1, 4, 5), read(2, 6, 7)], ABSENT],
  ['a put that nobody knows the end of, seen', [put(1, 1, Infinity), read(ABSENT, 2, 3), read(1, 4, 5)], ABSENT],
  ['one that is not seen', [put(1, 1, 2), put(2, 3, Infinity), read(1, 4, 5)], ABSENT],
  ['a delete', [put(1, 1, 2), put(ABSENT, 3, 4), read(ABSENT, 5, 6), put(2, 7, 8), read(2, 9, 10)], ABSENT],
  ['a delete that nobody knows the end of', [put(1, 1, 2), put(ABSENT, 3, Infinity), read(ABSENT, 9, 10)], ABSENT],
]

const WRONG: readonly [string, LoggedOperation[], number][] = [
  ['a value that nobody wrote', [read(7, 1, 2)], ABSENT],
  ['a read before its put', [read(7, 1, 2), put(7, 3, 4)], ABSENT],
  ['an older value after a newer one was acknowledged', [put(1, 1, 2), put(2, 3, 4), read(1, 5, 6)], ABSENT],
  ['an older value after a newer one was read', [put(1, 1, 2), put(2, 3, 20), read(2, 4, 5), read(1, 6, 7)], ABSENT],
  ['two orders', [put(1, 1, 9), put(2, 1, 9), read(1, 10, 11), read(2, 12, 13), read(1, 14, 15)], ABSENT],
  ['nothing, after a put was acknowledged', [put(1, 1, 2), read(ABSENT, 3, 4)], ABSENT],
  ['nothing, while it was there', [put(1, 1, 2), read(ABSENT, 3, 4), put(ABSENT, 5, 6), read(1, 7, 8)], ABSENT],
  ['nothing, before the delete began', [read(ABSENT, 1, 2), put(ABSENT, 3, 4)], 7],
  ['a value that was deleted', [put(1, 1, 2), put(ABSENT, 3, 4), read(1, 5, 6)], ABSENT],
  ['what was there at first, after a put', [put(1, 1, 2), read(7, 3, 4)], 7],
]

test.each(RIGHT)('right: %s', (_name, operations, initial) => {
  expect(findContradiction(operations, initial)).toBeUndefined()
})

test.each(WRONG)('wrong: %s', (_name, operations, initial) => {
  expect(findContradiction(operations, initial)).toBeTypeOf('string')
})

test.each(seedsOfRun(1))(
  'histories of a real register pass; a read that is made stale does not (seed %i)',
  async (seed) => {
    await replayable(seed, 'test/stress/linearizability.test.ts', async () => {
      for (let round = 0; round < 50; round++) {
        const operations = historyOfRegister(new SeededRandom(seed + round))
        expect(findContradiction(operations, ABSENT)).toBeUndefined()
        const stale = { ...read(1, 1e9, 1e9 + 1) }
        const spoiled = [...operations, put(1, -9, -8), put(2e9, 1e9 - 5, 1e9 - 4), stale]
        expect(findContradiction(spoiled, ABSENT)).toBeTypeOf('string')
      }
      await Promise.resolve()
    })
  },
)

/** Operations that take effect at one moment each, of a few clients at once. */
function historyOfRegister(random: SeededRandom): LoggedOperation[] {
  let held = ABSENT
  const operations: LoggedOperation[] = []
  for (let at = 100; at < 20_000; at += 20) {
    const startNs = at - random.below(90)
    const endNs = at + 1 + random.below(90)
    if (random.chance(0.5)) {
      operations.push(read(held, startNs, endNs))
    } else {
      held = random.chance(0.2) ? ABSENT : at * 10
      operations.push(put(held, startNs, random.chance(0.02) ? Infinity : endNs))
    }
  }
  return operations
}
