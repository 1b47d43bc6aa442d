/**
 * Conditional writes and transactions of a store on which calls fail. What something that was acknowledged has changed
 * since must be a conflict, and what nothing may have changed must not; one that conflicts is never found. Each is alone
 * when it is asked for: what it depends on has been settled.
 */
import { ConflictError } from '@varve/storage'
import type { Snapshot, Store } from 'varve'
import type { CommitOrder, WriteRecord } from './commit-order.ts'
import { expectThat } from './expectation.ts'
import type { Change, Step } from './history.ts'

/** More tries than there are writes in the way of a transaction. */
const RETRY_COUNT_MAX = 5

/** What it needs of the run that it is a part of. */
export interface ConditionalHost {
  readonly store: Store
  readonly order: CommitOrder
  settle(): Promise<void>
  write(changes: readonly Change[], sync: boolean): Promise<boolean>
  failed(record: WriteRecord | undefined, error: unknown): void
}

interface Since {
  readonly snapshot: Snapshot
  /** So many writes were begun, and settled, before it was taken. */
  readonly count: number
}

export class ConditionalRun {
  readonly #run: ConditionalHost
  readonly #order: CommitOrder
  #since: Since | undefined

  constructor(run: ConditionalHost) {
    this.#run = run
    this.#order = run.order
  }

  /** Takes the snapshot that conditional writes from now on depend on. */
  async takeSnapshot(): Promise<void> {
    await this.#run.settle()
    this.forget()
    this.#since = this.#snapshot()
  }

  forget(): void {
    this.#since?.snapshot.close()
    this.#since = undefined
  }

  async writeIf({ changes, unchangedKeys, sync }: Step & { kind: 'writeIf' }): Promise<void> {
    await this.#run.settle()
    this.#since ??= this.#snapshot()
    const { snapshot, count } = this.#since
    const isDependency = among([...changes.map(({ key }) => key), ...unchangedKeys])
    const mustConflict = this.#order.hasChangedSince(count, isDependency)
    const mayConflict = this.#order.mayHaveChangedSince(count, isDependency)
    const record = this.#order.begin(changes)
    try {
      await this.#run.store.write(changes, { sync, ifUnchangedSince: snapshot, unchangedKeys })
    } catch (error) {
      if (!(error instanceof ConflictError)) {
        return this.#run.failed(record, error)
      }
      this.#order.refuse(record)
      expectThat(mayConflict, 'a write was refused though nothing that it depends on has changed')
      return
    }
    expectThat(!mustConflict, 'a write was done though something that it depends on has changed')
    this.#order.acknowledge(record, sync)
  }

  async transaction({ changes, readKeys, disturbance, sync }: Step & { kind: 'transaction' }): Promise<void> {
    await this.#run.settle()
    let record: WriteRecord | undefined
    let count = 0
    let tryCount = 0
    const isDependency = among([...changes.map(({ key }) => key), ...readKeys])
    let mustConflict = false
    try {
      await this.#run.store.transaction(
        async (transaction) => {
          if (record !== undefined) {
            this.#order.refuse(record)
            record = undefined
          }
          count = this.#order.count
          await transaction.getMany(readKeys)
          if (tryCount++ === 0 && disturbance !== undefined) {
            await this.#run.write(disturbance, false)
          }
          changes.forEach((change) =>
            change.type === 'put' ? transaction.put(change.key, change.value) : transaction.delete(change.key),
          )
          mustConflict = this.#order.hasChangedSince(count, isDependency)
          record = this.#order.begin(changes)
        },
        { sync, retryCountMax: RETRY_COUNT_MAX },
      )
    } catch (error) {
      expectThat(!(error instanceof ConflictError), 'a transaction was refused though nobody else has written')
      return this.#run.failed(record, error)
    }
    expectThat(!mustConflict && record !== undefined, 'a transaction was done though what it had read has changed')
    if (record !== undefined) {
      this.#order.acknowledge(record, sync)
    }
  }

  #snapshot(): Since {
    return { snapshot: this.#run.store.snapshot(), count: this.#order.count }
  }
}

function among(keys: readonly string[]): (key: string) => boolean {
  const set = new Set(keys)
  return (key) => set.has(key)
}
