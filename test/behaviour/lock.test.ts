/** One writer a directory: in this process, from another one, and again after that one was killed. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { LockedError, destroy, open } from 'varve'
import { Child, runChild } from '../harness/child.ts'
import { rejection } from '../harness/rejection.ts'
import { scratchStorePath } from '../harness/scratch-directory.ts'
import type { StoreProcessPlan } from '../harness/store-process-plan.ts'

test('a second open in this process is refused and the first goes on', async () => {
  const directory = scratchStorePath('lock')
  const store = await open(directory)
  const error = await rejection('VARVE_LOCKED', open(directory))
  expect(error).toBeInstanceOf(LockedError)
  expect(error).toMatchObject({ ownerPid: process.pid })
  expect(error.message).toContain(directory)
  await store.put('a', 'b', { sync: true })
  await store.close()
  await (await open(directory)).close()
})

test('of many opens at once exactly one succeeds', async () => {
  const directory = scratchStorePath('lock')
  const opens = await Promise.allSettled(Array.from({ length: 8 }, () => open(directory)))
  const stores = opens.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const codes = opens.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
  )
  expect(stores).toHaveLength(1)
  expect(new Set(codes)).toEqual(new Set(['VARVE_LOCKED']))
  await stores[0]?.close()
})

test('another process is refused, and told who holds the store', async () => {
  const directory = scratchStorePath('lock')
  const store = await open(directory)
  const refused = await runChild('store-process', { directory, task: 'close' } satisfies StoreProcessPlan)
  expect(refused.lines).toEqual([`refused VARVE_LOCKED ${process.pid}`])
  await store.close()
  const taken = await runChild('store-process', { directory, task: 'close' } satisfies StoreProcessPlan)
  expect(taken).toMatchObject({ lines: ['opened'], code: 0, stderr: '' })
})

test('a lock dies with its process', async () => {
  const directory = scratchStorePath('lock')
  const holder = new Child('store-process', { directory, task: 'hold' } satisfies StoreProcessPlan)
  expect(await holder.line('opened')).toBeDefined()
  expect(await rejection('VARVE_LOCKED', open(directory))).toMatchObject({ ownerPid: holder.pid })
  holder.kill()
  await holder.ended
  await (await open(directory)).close()
})

test('an open that fails lets go of the lock', async () => {
  const directory = scratchStorePath('lock')
  await (await open(directory)).close()
  await rejection('VARVE_EXISTS', open(directory, { errorIfExists: true }))
  const current = path.join(directory, 'CURRENT')
  const sound = fs.readFileSync(current)
  fs.writeFileSync(current, 'nonsense')
  await rejection('VARVE_CORRUPTION', open(directory))
  fs.writeFileSync(current, sound)
  await (await open(directory)).close()
})

test('while a store is destroyed it is opened at most once', async () => {
  for (let i = 0; i < 60; i++) {
    const directory = scratchStorePath('lock')
    await (await open(directory)).close()
    const outcomes = await Promise.allSettled([open(directory), destroy(directory), open(directory)])
    const stores = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' && outcome.value !== undefined ? [outcome.value] : [],
    )
    expect(stores.length, `both hold ${directory}`).toBeLessThanOrEqual(1)
    await stores[0]?.close()
  }
})
