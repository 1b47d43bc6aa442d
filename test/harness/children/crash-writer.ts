/**
 * The process that crash tests kill: writes with many concurrent writers and says on descriptor 3 what it starts and
 * what was acknowledged, each line with one synchronous write, so that nothing it knew is lost when it dies.
 *
 *     opened                       the directory could be opened
 *     state KEY SEED/INDEX/POS     what was found in it, if asked for; all of it in one piece
 *     verified                     that was all of it; writing begins
 *     s COUNT                      the operations below COUNT were started, or are about to be
 *     a INDEX                      an operation was acknowledged
 *     error TEXT                   something that must not happen
 *     closed                       closed in good order, everything was acknowledged
 */
import { WriteBatch, open } from 'varve'
import type { Store } from 'varve'
import { componentsOf } from '../executors.ts'
import type { CrashWriterPlan } from '../crash-writer-plan.ts'
import { SeededRandom } from '../random.ts'
import { report, runAsChild } from '../report.ts'
import { plannedOperation, readStamp, stampText, stampedValue } from '../workload.ts'

class CrashWriter {
  readonly #plan: CrashWriterPlan
  readonly #random: SeededRandom
  readonly #store: Store
  #startedCount = 0
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
    await Promise.all([...writers, this.#chores()])
    await this.#store.close()
    report('closed')
  }

  async #verify(): Promise<void> {
    const lines: string[] = []
    for await (const [key, value] of this.#store.entries()) {
      const stamp = readStamp(key.toString(), value)
      if (typeof stamp === 'string') {
        throw new Error(stamp)
      }
      lines.push(`state ${key.toString()} ${stampText(stamp)}`)
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
    const index = this.#startedCount++
    report(`s ${this.#startedCount}`)
    await this.#issue(index)
    report(`a ${index}`)
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
      await new Promise((resolve) => setTimeout(resolve, this.#random.between(5, 60)))
      const chore = this.#random.pick(['flush', 'compactRange', 'sync', 'snapshot'] as const)
      if (chore === 'snapshot') {
        await this.#readTwice()
      } else if (!this.#isStopping) {
        await this.#store[chore]()
      }
    }
  }

  async #readTwice(): Promise<void> {
    const snapshot = this.#store.snapshot()
    const keys = Array.from(
      { length: 20 },
      () => plannedOperation(this.#plan.seed, this.#random.below(1000)).writes[0]?.key ?? '',
    )
    const before = await snapshot.getMany(keys)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const after = await snapshot.getMany(keys)
    if (before.some((value, i) => Buffer.compare(value ?? Buffer.alloc(0), after[i] ?? Buffer.alloc(0)) !== 0)) {
      throw new Error('a snapshot changed')
    }
    snapshot.close()
  }
}

runAsChild(async (plan: CrashWriterPlan) => {
  const store = await open(plan.directory, plan.options, componentsOf(plan.executor))
  store.on('error', (error) => report(`error event: ${String(error)}`))
  report('opened')
  await new CrashWriter(plan, store).run()
})
