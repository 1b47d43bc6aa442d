/**
 * The process that crash tests kill: writes with many concurrent writers and says on descriptor 3 what it starts and
 * what was acknowledged, each line with one synchronous write, so that nothing it knew is lost when it dies.
 *
 *     opened                       the directory could be opened
 *     state KEY SEED/INDEX/POS     what was found in it, if asked for; all of it in one piece
 *     verified                     that was all of it; writing begins
 *     s COUNT                      the operations below COUNT were started, or are about to be
 *     a INDEX                      an operation was acknowledged
 *     compacting                   a compaction of everything begins
 *     closing                      nothing is written any more; the store closes
 *     error TEXT                   something that must not happen
 *     closed                       closed in good order, everything was acknowledged
 */
import { WriteBatch, open } from 'varve'
import type { Snapshot, Store } from 'varve'
import { componentsOf } from '../executors.ts'
import type { CrashWriterPlan } from '../crash-writer-plan.ts'
import { SeededRandom } from '../random.ts'
import { report, runAsChild } from '../report.ts'
import { plannedOperation, readStamp, stampText, stampedValue } from '../workload.ts'

/** Chores that go on at once: a snapshot may be open while everything is compacted. */
const CHORE_COUNT = 2

class CrashWriter {
  readonly #plan: CrashWriterPlan
  readonly #random: SeededRandom
  readonly #store: Store
  #startedCount = 0
  /** Operations that are not acknowledged yet. */
  readonly #pending = new Set<Promise<void>>()
  /** While a range is cleared nothing else is written. */
  #clearing: Promise<void> | undefined
  #isStopping = false

  constructor(plan: CrashWriterPlan, store: Store) {
    this.#plan = plan
    this.#store = store
    this.#random = new SeededRandom(plan.seed)
  }

  async run(): Promise<void> {
    if (this.#plan.isVerifying) {
      await this.#verify()
    }
    report('verified')
    const { endAfterMs, end } = this.#plan
    if (endAfterMs !== undefined) {
      setTimeout(() => {
        this.#isStopping = true
        if (end === 'exit') {
          process.exit(0)
        }
      }, endAfterMs)
    }
    const writers = Array.from({ length: this.#plan.writerCount }, () => this.#write())
    const chores = Array.from({ length: CHORE_COUNT }, () => this.#chores())
    await Promise.all([...writers, ...chores])
    report('closing')
    await this.#store.close()
    report('closed')
  }

  async #verify(): Promise<void> {
    const lines: string[] = []
    for await (const [key, value] of this.#store.entries()) {
      lines.push(`state ${stampOf(key, value)}`)
    }
    report(lines.join('\n'))
  }

  async #write(): Promise<void> {
    while (!this.#isStopping) {
      const depth = this.#random.chance(0.2) ? this.#random.between(2, 4) : 1
      await Promise.all(Array.from({ length: depth }, () => this.#writeOne()))
      if (this.#random.chance(0.02)) {
        await this.#writeWrongly()
      }
    }
  }

  async #writeOne(): Promise<void> {
    while (this.#clearing !== undefined) {
      await this.#clearing
    }
    const index = this.#startedCount++
    report(`s ${this.#startedCount}`)
    const { cleared } = plannedOperation(this.#plan.seed, index)
    const done = cleared === undefined ? this.#issue(index) : this.#clear(cleared)
    this.#pending.add(done)
    await done
    this.#pending.delete(done)
    report(`a ${index}`)
  }

  /** What was written before is in its snapshot, and nothing is written until it has ended. */
  #clear(range: { readonly gte: string; readonly lt: string }): Promise<void> {
    const cleared = Promise.all(this.#pending).then(() => this.#store.clear(range))
    this.#clearing = cleared.then(() => {
      this.#clearing = undefined
    })
    return this.#clearing
  }

  #issue(index: number): Promise<void> {
    const { writes, sync } = plannedOperation(this.#plan.seed, index)
    const batch = new WriteBatch()
    for (const [position, write] of writes.entries()) {
      if (write.type === 'delete') {
        if (writes.length === 1) {
          return this.#store.delete(write.key, { sync })
        }
        batch.delete(write.key)
        continue
      }
      const value = stampedValue({ seed: this.#plan.seed, index, position }, write.valueSizeBytes)
      if (writes.length === 1) {
        return this.#store.put(write.key, value, { sync })
      }
      batch.put(write.key, value)
    }
    return this.#store.write(batch, { sync })
  }

  /** A batch that is refused as a whole: what is right in it must never be found (R5). */
  async #writeWrongly(): Promise<void> {
    const wrong = null as unknown as string
    const refused = this.#store.write([
      { type: 'put', key: 'never', value: 'of a refused batch' },
      { type: 'put', key: 'key-00001', value: wrong },
      { type: 'delete', key: 'key-00002' },
    ])
    const code = await refused.then(
      () => 'nothing',
      (error: unknown) => (error as { code?: string }).code,
    )
    if (code !== 'VARVE_INVALID_ARGUMENT') {
      throw new Error(`a wrong batch ended with ${code}`)
    }
  }

  /** Whatever else goes on in a store while it is written. */
  async #chores(): Promise<void> {
    while (!this.#isStopping) {
      await this.#sleep(5, 60)
      const chore = this.#random.pick(['flush', 'compactRange', 'sync', 'snapshot', 'iterator'] as const)
      if (chore === 'snapshot') {
        await this.#readTwice()
      } else if (chore === 'iterator') {
        await this.#iterateSlowly()
      } else if (!this.#isStopping) {
        if (chore === 'compactRange') {
          report('compacting')
        }
        await this.#store[chore]()
      }
    }
  }

  /** R6, of a snapshot: points and all entries. */
  async #readTwice(): Promise<void> {
    const snapshot = this.#store.snapshot()
    const keys = Array.from(
      { length: 20 },
      () => plannedOperation(this.#plan.seed, this.#random.below(1000)).writes[0]?.key ?? '',
    )
    const read = async (): Promise<string> => {
      const points = await snapshot.getMany(keys)
      const entries = await entriesOf(snapshot)
      return JSON.stringify([points.map((value, i) => value && stampOf(keys[i] ?? '', value)), entries])
    }
    const before = await read()
    await this.#sleep(10, 100)
    if (before !== (await read())) {
      throw new Error('a snapshot changed')
    }
    snapshot.close()
  }

  /** An iterator that stays open while tables come and go: its keys are in order, and its values are those of one moment. */
  async #iterateSlowly(): Promise<void> {
    const snapshot = this.#store.snapshot()
    const reverse = this.#random.chance(0.5)
    const iterator = this.#store.iterator({ snapshot, reverse })
    const found: string[] = []
    for (let chunk = await iterator.nextMany(200); chunk.length > 0; chunk = await iterator.nextMany(200)) {
      found.push(...chunk.map(([key, value]) => stampOf(key, value)))
      await this.#sleep(0, 20)
    }
    await iterator.close()
    const again = await entriesOf(snapshot)
    snapshot.close()
    if ((reverse ? found.toReversed() : found).join() !== again.join()) {
      throw new Error('an iterator did not see what its snapshot holds')
    }
  }

  async #sleep(minMs: number, maxMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#random.between(minMs, maxMs)))
  }
}

async function entriesOf(snapshot: Snapshot): Promise<string[]> {
  const entries: string[] = []
  for await (const [key, value] of snapshot.entries()) {
    entries.push(stampOf(key, value))
  }
  return entries
}

function stampOf(key: Buffer | string, value: Buffer): string {
  const stamp = readStamp(key.toString(), value)
  if (typeof stamp === 'string') {
    throw new Error(stamp)
  }
  return `${key.toString()} ${stampText(stamp)}`
}

runAsChild(async (plan: CrashWriterPlan) => {
  const store = await open(plan.directory, plan.options, componentsOf(plan.executor))
  store.on('error', (error) => report(`error event: ${String(error)}`))
  report('opened')
  await new CrashWriter(plan, store).run()
})
