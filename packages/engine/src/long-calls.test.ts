import { ClosedError } from '@varve/storage'
import { expect, test } from 'vitest'
import { LongCalls, type LongCall } from './long-calls.ts'
import { MemoryEnv } from './test-support/memory-env.ts'

const never = new Promise<never>(() => undefined)

test('what the work comes to, and what it throws', async () => {
  const calls = new LongCalls(new MemoryEnv())
  expect(await calls.run(undefined, async (call) => await call.race(Promise.resolve(7)))).toBe(7)
  await expect(calls.run({}, async (call) => await call.race(Promise.reject(new Error('x'))))).rejects.toThrow('x')
})

test('a signal ends the call that it was given to, now and before', async () => {
  const calls = new LongCalls(new MemoryEnv())
  const controller = new AbortController()
  let ended = 0
  const waiting = calls.run({ signal: controller.signal }, async (call) => {
    call.onEnded = () => ended++
    await call.race(never)
  })
  const other = calls.run({}, async (call) => await call.race(never))
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toMatchObject({ code: 'VARVE_ABORTED', cause: controller.signal.reason as Error })
  expect(ended).toBe(1)
  let ran = false
  const late = calls.run({ signal: controller.signal }, async () => await Promise.resolve((ran = true)))
  await expect(late).rejects.toMatchObject({ code: 'VARVE_ABORTED' })
  expect(ran).toBe(false)
  calls.endAll(new ClosedError('closed'))
  await expect(other).rejects.toMatchObject({ code: 'VARVE_CLOSED' })
})

test('endAll ends what runs; the first reason counts; a call that is over does not care', async () => {
  const calls = new LongCalls(new MemoryEnv())
  const seen: LongCall<never>[] = []
  const waiting = calls.run<never, void>(undefined, async (call) => {
    seen.push(call)
    await call.race(never)
  })
  calls.endAll(new ClosedError('first'))
  calls.endAll(new ClosedError('second'))
  await expect(waiting).rejects.toThrow('first')
  expect(seen[0]?.isEnded).toBe(true)
  expect(() => seen[0]?.throwIfEnded()).toThrow('first')
  await calls.run<never, void>(undefined, async (call) => {
    seen.push(call)
    await Promise.resolve()
  })
  calls.endAll(new ClosedError('third'))
  expect(seen[1]?.isEnded).toBe(false)
})

test('a listener that throws is heard in a turn of its own; one that is no function is refused', async () => {
  const env = new MemoryEnv()
  const calls = new LongCalls(env)
  const told: number[] = []
  const onProgress = (count: number): void => {
    told.push(count)
    throw new Error('from the listener')
  }
  await calls.run({ onProgress }, async (call) => {
    call.tell(1)
    call.tell(2)
    await Promise.resolve()
  })
  expect(told).toEqual([1, 2])
  expect(env.immediateCount).toBe(2)
  await expect(env.turn()).rejects.toThrow('from the listener')
  await expect(calls.run({ onProgress: 7 as never }, async () => await Promise.resolve())).rejects.toMatchObject({
    code: 'VARVE_INVALID_ARGUMENT',
  })
})
