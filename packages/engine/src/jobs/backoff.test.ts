import { expect, test } from 'vitest'
import { MemoryEnv, settle } from '../test-support/memory-env.ts'
import { Backoff } from './backoff.ts'

/** The delay of the next wait, which is waited for. */
async function nextDelay(env: MemoryEnv, backoff: Backoff): Promise<number> {
  const waiting = backoff.wait()
  const [delayMs = -1] = env.timerDelaysMs
  await env.pass(delayMs)
  expect(await waiting).toBe(true)
  return delayMs
}

test('delays double up to a bound, and begin anew after a success', async () => {
  const env = new MemoryEnv()
  const backoff = new Backoff(env.scheduler)
  const delays: number[] = []
  for (let i = 0; i < 9; i++) {
    delays.push(await nextDelay(env, backoff))
  }
  expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  backoff.reset()
  expect(await nextDelay(env, backoff)).toBe(100)
})

test('nothing goes on before its delay has passed', async () => {
  const env = new MemoryEnv()
  const backoff = new Backoff(env.scheduler)
  let isOver = false
  void backoff.wait().then(() => {
    isOver = true
  })
  await env.pass(99)
  expect(isOver).toBe(false)
  await env.pass(1)
  expect(isOver).toBe(true)
})

test('stopping ends all waits at once, leaves no timer, and later ones do not wait', async () => {
  const env = new MemoryEnv()
  const backoff = new Backoff(env.scheduler)
  const results: boolean[] = []
  void backoff.wait().then((goOn) => results.push(goOn))
  void backoff.wait().then((goOn) => results.push(goOn))
  expect(env.timerDelaysMs).toHaveLength(2)
  backoff.stop()
  await settle()
  expect(results).toEqual([false, false])
  expect(env.timerDelaysMs).toEqual([])
  expect(await backoff.wait()).toBe(false)
})
