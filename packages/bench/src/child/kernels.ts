/**
 * Hot paths of a store, each run a given number of times, for their instructions to be counted. The difference between two
 * numbers of times is the kernel alone: what starting, compiling and filling cost is in both.
 */
import assert from 'node:assert/strict'
import { Dataset, VALUE_SIZE_BYTES } from '../dataset/dataset.ts'
import { loadStore } from '../drivers/stores.ts'
import type { KernelJob } from './job.ts'

const CACHE_SIZE_BYTES = 64 * 1024 * 1024
const ENTRY_COUNT = 2000
const WAVE_COUNT = 100

export async function runKernel({ kernel, store, directory, iterationCount }: KernelJob): Promise<void> {
  const module = await loadStore(store)
  const driver = await module.open(directory, { durability: 'process', cacheSizeBytes: CACHE_SIZE_BYTES })
  const dataset = new Dataset({ seed: 1, valueSizeBytes: VALUE_SIZE_BYTES })
  const keys = dataset.keys(ENTRY_COUNT)
  const put = async (count: number): Promise<void> => {
    for (let start = 0; start < count; start += WAVE_COUNT) {
      const wave = Array.from({ length: Math.min(WAVE_COUNT, count - start) }, (_, index) => {
        const key = keys[(start + index) % ENTRY_COUNT] as Buffer
        return driver.put(key, dataset.valueOf(key))
      })
      await Promise.all(wave)
    }
  }
  await put(ENTRY_COUNT)
  if (kernel === 'get-table' || kernel === 'scan') {
    await driver.compact()
  }
  switch (kernel) {
    case 'put':
      await put(iterationCount)
      break
    case 'get-memtable':
    case 'get-table':
      assert(driver.getSync !== undefined, 'a kernel of synchronous reads needs them')
      for (let i = 0; i < iterationCount; i++) {
        const key = keys[i % ENTRY_COUNT] as Buffer
        dataset.check(key, driver.getSync(key))
      }
      break
    case 'scan':
      for (let seen = 0; seen < iterationCount;) {
        seen += await driver.scan({}, (key, value) => dataset.check(key, value))
      }
      break
  }
  await driver.close()
}
