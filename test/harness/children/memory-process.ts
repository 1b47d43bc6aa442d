/** A process that uses a store for long and says how much memory it takes. Started with `--expose-gc`. */
import fs from 'node:fs'
import { report, runAsChild } from '../report.ts'
import type { MemoryPlan } from '../memory-plan.ts'

const BATCH_COUNT = 100

/** Fills and flushes one memtable after the other with the same keys; a line of figures for each tenth. */
async function flushOften(plan: MemoryPlan): Promise<void> {
  const { open } = await import('varve')
  const store = await open(plan.directory, {
    memtableSizeBytes: 512 * 1024,
    tableSizeBytes: 1024 * 1024,
    levelOneSizeBytes: 1024 * 1024,
  })
  const value = Buffer.alloc(400)
  for (let round = 1; round <= plan.count; round++) {
    const writes: Promise<void>[] = []
    for (let i = 0; i < 1000; i++) {
      value.writeUInt32LE(round, 0)
      writes.push(store.put(`key-${i * 7919}`, value))
    }
    await Promise.all(writes)
    await store.flush()
    for await (const _key of store.keys({ limit: 200 })) {
      continue
    }
    if (round % 10 === 0) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 10))
      const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
      report(`flushes ${round} ${rss} ${heapUsed} ${arrayBuffers}`)
    }
  }
  await store.close()
}

/** Loads `count` entries of 16 and 100 bytes in no order, with default options. */
async function load(plan: MemoryPlan): Promise<void> {
  const { WriteBatch, open } = await import('varve')
  const store = await open(plan.directory)
  const [key, value] = [Buffer.alloc(16, '0'), Buffer.alloc(100, 'v')]
  for (let i = 0; i < plan.count; i += BATCH_COUNT) {
    const batch = new WriteBatch()
    for (let j = i; j < i + BATCH_COUNT; j++) {
      key.writeUInt32BE(Math.imul(j, 0x9e3779b1) >>> 0, 0)
      key.writeUInt32BE(j, 4)
      value.writeUInt32BE(j, 0)
      batch.put(key, value)
    }
    await store.write(batch)
  }
  report(`stalls ${JSON.stringify(store.stats().stalls)}`)
  report(`memory ${JSON.stringify(store.stats().memory)}`)
  await store.close()
}

function collect(): void {
  const gc = (globalThis as { gc?: () => void }).gc
  gc?.()
}

/** The most that was ever resident of this process, in bytes. */
function peakSizeBytes(): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync('/proc/self/status', 'latin1'))
  return Number(line?.[1]) * 1024
}

runAsChild(async (plan: MemoryPlan) => {
  if (plan.task === 'flush') {
    await flushOften(plan)
  } else if (plan.task === 'load') {
    await load(plan)
  }
  report(`peak ${peakSizeBytes()}`)
})
