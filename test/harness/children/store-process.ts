/** A process that opens a store and does one thing with it; its lines say how it went. */
import fs from 'node:fs'
import { VarveError, open } from 'varve'
import type { Store } from 'varve'
import { report, runAsChild } from '../report.ts'
import type { StoreProcessPlan } from '../store-process-plan.ts'

async function useOnce(directory: string): Promise<Store> {
  const store = await open(directory)
  await store.put('key', 'value', { sync: true })
  return store
}

/** Of an idle store, and of one that was closed. The threads of the pool, which outlive stores, have theirs already. */
async function countDescriptors(plan: StoreProcessPlan, first: Store): Promise<void> {
  await first.put('key', 'value')
  await first.flush()
  await first.compactRange()
  await (await useOnce(`${plan.directory}-second`)).close()
  const before = await settledDescriptorCount()
  const store = await useOnce(`${plan.directory}-second`)
  report(`descriptors ${(await settledDescriptorCount()) - before}`)
  await store.close()
  report(`left ${(await settledDescriptorCount()) - before}`)
}

async function settledDescriptorCount(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 300))
  return fs.readdirSync('/proc/self/fd').length
}

function writeWithoutWaiting(store: Store): void {
  for (let i = 0; i < 200; i++) {
    store.put(`pending-${i}`, Buffer.alloc(1000, i), { sync: i === 199 }).then(
      () => report(`written ${i}`),
      (error: unknown) => report(`error ${String(error)}`),
    )
  }
}

runAsChild(async (plan: StoreProcessPlan) => {
  let store: Store
  try {
    store = await open(plan.directory, plan.options)
  } catch (error) {
    const pid = error instanceof VarveError && 'ownerPid' in error ? String(error.ownerPid) : '-'
    report(`refused ${error instanceof VarveError ? error.code : String(error)} ${pid}`)
    return
  }
  report('opened')
  switch (plan.task) {
    case 'hold':
      setInterval(() => undefined, 1000)
      return
    case 'idle':
      await store.put('idle', 'value')
      await store.flush()
      return
    case 'pending':
      return writeWithoutWaiting(store)
    case 'descriptors':
      await countDescriptors(plan, store)
      return await store.close()
    case 'close':
      return await store.close()
  }
})
