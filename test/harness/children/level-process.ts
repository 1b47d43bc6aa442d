/** A process with databases of `@varve/level`; says what it did on descriptor 3. */
import fs from 'node:fs'
import path from 'node:path'
import { VarveLevel } from '@varve/level'
import type { LevelProcessPlan } from '../level-process-plan.ts'
import { report, runAsChild } from '../report.ts'

/** Of this process, on Linux; elsewhere nothing is counted. */
function countIn(directory: string): number {
  return fs.existsSync(directory) ? fs.readdirSync(directory).length : 0
}

async function tryOpen({ location }: LevelProcessPlan): Promise<void> {
  try {
    await new VarveLevel(location).open()
    report('opened')
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: { code?: string } }
    report(`failed ${code} ${cause?.code}`)
  }
}

async function leaveOpen({ location, databaseCount = 0 }: LevelProcessPlan): Promise<void> {
  // Something of Node's own that is made once, such as its thread pool, is there before the count.
  await new VarveLevel(path.join(location, 'first')).put('key', 'value')
  const [threadCount, descriptorCount] = [countIn('/proc/self/task'), countIn('/proc/self/fd')]
  for (let i = 0; i < databaseCount; i++) {
    await new VarveLevel(path.join(location, String(i))).put('key', `value ${i}`)
  }
  report(`counted ${countIn('/proc/self/task') - threadCount} ${countIn('/proc/self/fd') - descriptorCount}`)
}

async function writeForEver({ location }: LevelProcessPlan): Promise<void> {
  const db = new VarveLevel(location)
  for (let i = 0; ; i++) {
    await db.put(String(i), String(i))
    report(String(i))
  }
}

/** Iterators, snapshots and batches, closed and not, and databases: what remains of them when they are out of reach. */
async function leak({ location }: LevelProcessPlan): Promise<void> {
  const round = async (): Promise<void> => {
    const db = new VarveLevel(location)
    await db.batch(Array.from({ length: 100 }, (_, i) => ({ type: 'put', key: String(i), value: 'v'.repeat(100) })))
    for (let i = 0; i < 100; i++) {
      const snapshot = db.snapshot()
      const iterator = db.iterator({ snapshot })
      await iterator.nextv(10)
      await db.batch().put(`${i}`, 'v').write()
      await Promise.all([db.get(`${i}`), db.getMany(['1', '2']), db.keys({ limit: 1 }).all()])
      if (i % 2 === 0) {
        await iterator.close()
        await snapshot.close()
      }
    }
    await db.close()
  }
  const rounds = async (count: number): Promise<number> => {
    for (let i = 0; i < count; i++) {
      await round()
    }
    globalThis.gc?.()
    return process.memoryUsage().heapUsed
  }
  const before = await rounds(8)
  report(`grown ${(await rounds(16)) - before}`)
}

runAsChild((plan: LevelProcessPlan) =>
  ({ open: tryOpen, 'leave-open': leaveOpen, write: writeForEver, leak })[plan.task](plan),
)
