import { expect, test } from 'vitest'
import { LoopGuard } from './loop-guard.ts'
import { MemoryEnv, settle } from './test-support/memory-env.ts'

/** How many of `count` promises, awaited one after the other, go by without a turn of the loop. */
async function countResolved(env: MemoryEnv, guard: LoopGuard, count: number, msEach: number): Promise<number> {
  let resolved = 0
  for (; resolved < count; resolved++) {
    env.timeMs += msEach
    let isDone = false
    void guard.resolve(resolved).then(() => {
      isDone = true
    })
    await settle()
    if (!isDone) {
      break
    }
  }
  return resolved
}

test('promises resolve at once while the loop has turned lately', async () => {
  const env = new MemoryEnv()
  const guard = new LoopGuard(env)
  expect(await countResolved(env, guard, 500, 0.001)).toBe(500)
  expect(await guard.resolve('a value')).toBe('a value')
})

test('once the loop has not turned for two milliseconds, promises wait for its next turn', async () => {
  const env = new MemoryEnv()
  const guard = new LoopGuard(env)
  const resolved = await countResolved(env, guard, 1000, 0.1)
  expect(resolved).toBeGreaterThanOrEqual(20)
  expect(resolved, 'the clock is read often enough').toBeLessThan(40)
  let value = ''
  void guard.turn().then(() => {
    value = 'after a turn'
  })
  await settle()
  expect(value).toBe('')
  await env.turn()
  expect(value).toBe('after a turn')
  expect(await countResolved(env, guard, 1000, 0.1), 'and then at once again').toBeGreaterThanOrEqual(20)
})

test('a promise that waits for a turn keeps its value', async () => {
  const env = new MemoryEnv()
  const guard = new LoopGuard(env)
  guard.isStarving()
  env.timeMs += 10
  const values: number[] = []
  for (let i = 0; i < 10; i++) {
    void guard.resolve(i).then((value) => values.push(value))
  }
  await settle()
  expect(values.length).toBeLessThan(10)
  await env.turn()
  await settle()
  expect(values.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('an idle loop is asked for one turn, not for one a call', () => {
  const env = new MemoryEnv()
  const guard = new LoopGuard(env)
  for (let i = 0; i < 1000; i++) {
    guard.isStarving()
  }
  expect(env.immediateCount).toBe(1)
})

test('time that passes while nobody calls is not held against the loop', async () => {
  const env = new MemoryEnv()
  const guard = new LoopGuard(env)
  guard.isStarving()
  await env.turn()
  env.timeMs += 1000
  expect(Array.from({ length: 20 }, () => guard.isStarving())).not.toContain(true)
})

test('rejections wait for a turn too, with their errors, and the clock can be read in any case', async () => {
  const env = new MemoryEnv()
  const guard = new LoopGuard(env)
  await expect(guard.reject(new Error('at once'))).rejects.toThrow('at once')
  expect(guard.isStarvingNow()).toBe(false)
  env.timeMs += 10
  expect(guard.isStarvingNow(), 'after one call').toBe(true)
  const errors: unknown[] = []
  for (let i = 0; i < 8; i++) {
    guard.reject(i).catch((error: unknown) => errors.push(error))
  }
  await settle()
  expect(errors.length).toBeLessThan(8)
  await env.turn()
  await settle()
  expect(errors).toHaveLength(8)
})
