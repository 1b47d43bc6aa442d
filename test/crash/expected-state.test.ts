/** The judge of crash tests, on states made by hand: it must find what is wrong, and nothing else. */
import { expect, test } from 'vitest'
import { plannedOperation } from '../harness/workload.ts'
import type { Stamp } from '../harness/workload.ts'
import { findViolation } from '../harness/expected-state.ts'

const SEED = 4711
const COUNT = 400

/** What the first `count` operations leave on top of `base`, but those in `without`. */
function stateAfter(
  count: number,
  base: ReadonlyMap<string, Stamp> = new Map(),
  without = -1,
  seed = SEED,
): Map<string, Stamp> {
  const state = new Map(base)
  for (let index = 0; index < count; index++) {
    const { writes } = plannedOperation(seed, index)
    for (const [position, write] of index === without ? [] : writes.entries()) {
      if (write.type === 'put') {
        state.set(write.key, { seed, index, position })
      } else {
        state.delete(write.key)
      }
    }
  }
  return state
}

/** The last operation up to `last` that wrote several keys which nothing before `count` wrote again. */
function lastBatch(last: number, count: number): number {
  const later = new Set<string>()
  for (let index = count - 1; index >= 0; index--) {
    const keys = plannedOperation(SEED, index)
      .writes.filter((write) => write.type === 'put')
      .map((write) => write.key)
    if (index <= last && new Set(keys).size > 2 && keys.every((key) => !later.has(key))) {
      return index
    }
    plannedOperation(SEED, index).writes.forEach((write) => later.add(write.key))
  }
  throw new Error('no such operation')
}

const generation = { seed: SEED, startedCount: COUNT, acknowledgedMax: 349 }

test('every prefix that covers what was acknowledged is right', () => {
  for (let count = 350; count <= COUNT; count++) {
    expect(findViolation(new Map(), generation, stateAfter(count))).toBeUndefined()
  }
})

test('a shorter prefix lost an acknowledged write', () => {
  const lost = lastBatch(340, 350)
  expect(findViolation(new Map(), generation, stateAfter(lost))).toContain('R1')
})

test('a hole, half a batch, and what nobody wrote are found', () => {
  const index = lastBatch(380, 390)
  expect(findViolation(new Map(), generation, stateAfter(390, new Map(), index))).toContain('no prefix')
  const half = stateAfter(390)
  half.delete(plannedOperation(SEED, index).writes.find((write) => write.type === 'put')?.key ?? '')
  expect(findViolation(new Map(), generation, half)).toContain('no prefix')
  const beyond = stateAfter(COUNT + 30)
  expect(findViolation(new Map(), generation, beyond)).toContain('no prefix')
  const foreign = stateAfter(390).set('key-99999', { seed: SEED, index: 3, position: 0 })
  expect(findViolation(new Map(), generation, foreign)).toContain('key-99999')
})

test('what was there before counts, and must not come back', () => {
  const base = stateAfter(200, new Map(), -1, SEED + 1)
  expect(findViolation(base, generation, stateAfter(360, base))).toBeUndefined()
  expect(findViolation(base, { ...generation, startedCount: 0, acknowledgedMax: -1 }, base)).toBeUndefined()
  const back = stateAfter(360, base)
  const overwritten = [...base].find(([key]) => back.get(key)?.seed === SEED)
  if (overwritten === undefined) {
    throw new Error('nothing was overwritten')
  }
  back.set(...overwritten)
  expect(findViolation(base, generation, back)).toContain(overwritten[0])
})
