/**
 * Conditional writes and transactions of a store that is crashed. Whether one conflicts follows from the commit order: it
 * must be refused if anything that it depends on was changed since its snapshot, and then it is never found; otherwise it
 * has its place in the order, as a whole (R2, R3), and is as durable as any other write (R1).
 */
import { VarveError, type Snapshot, type Store } from 'varve'
import { digestOf, type Change, type CommitOrder } from './commit-order.ts'
import type { KeySpan, Step } from './history.ts'
import { Violation } from './violation.ts'

/** What it needs of the store's life. */
export interface ConditionalHost {
  store(): Store
  order(): CommitOrder
  ackedCount(): number
  /** The first `count` writes are acknowledged. */
  acknowledge(count: number, isDurable: boolean): void
  /** The write that is the last of so many was not done. */
  withdraw(count: number): void
  /** It was refused, and not for a conflict. */
  reject(error: unknown, count: number): Promise<void>
  /** Fresh values for what a step changes. */
  valued(changes: Step & { kind: 'write' }): Change[]
  /** A plain write that nobody waits for. */
  write(step: Step & { kind: 'write' }): void
}

interface Since {
  readonly snapshot: Snapshot
  /** It is the store after so many writes, at least and at most: some change nothing. */
  readonly low: number
  readonly high: number
}

const ALL_COUNT = 100_000
/** More tries than there are writes in the way of a transaction. */
const RETRY_COUNT_MAX = 5

export class ConditionalSteps {
  readonly #host: ConditionalHost
  #since: Since | undefined

  constructor(host: ConditionalHost) {
    this.#host = host
  }

  /** Takes the snapshot that the conditional writes from now on depend on. */
  async takeSnapshot(): Promise<void> {
    this.forget()
    this.#since = await this.#snapshot()
  }

  /** The store is closed, or about to be. */
  forget(): void {
    this.#since?.snapshot.close()
    this.#since = undefined
  }

  async writeIf({ write, unchangedKeys, unchangedRange, closesSnapshot }: Step & { kind: 'writeIf' }): Promise<void> {
    const host = this.#host
    this.#since ??= await this.#snapshot()
    const { snapshot, low, high } = this.#since
    const changes = host.valued(write)
    const keys = new Set([...changes.map(([key]) => key), ...unchangedKeys])
    const isDependency = (key: string): boolean => keys.has(key) || isWithin(key, unchangedRange)
    const mustConflict = host.order().hasChangedSince(high, isDependency)
    const mayConflict = host.order().hasChangedSince(low, isDependency)
    const count = mustConflict ? Infinity : host.order().add(changes)
    const { sync } = write
    const unchangedRanges = unchangedRange === undefined ? [] : [unchangedRange]
    try {
      const options = { sync, ifUnchangedSince: snapshot, unchangedKeys, unchangedRanges }
      const done = host.store().write(operationsOf(changes), options)
      if (closesSnapshot) {
        this.forget()
      }
      await done
    } catch (error) {
      if (!isConflict(error)) {
        return await host.reject(error, count)
      }
      if (!mayConflict) {
        throw new Violation('conflict', 'a write was refused though nothing that it depends on has changed')
      }
      return host.withdraw(count)
    }
    if (mustConflict) {
      throw new Violation('conflict', 'a write was done though something that it depends on has changed')
    }
    host.acknowledge(count, sync)
  }

  /** Reads, is disturbed by a plain write perhaps, and writes. Whoever commits has read what was there at its place. */
  async transaction({ write, readKeys, readRange, disturbance }: Step & { kind: 'transaction' }): Promise<void> {
    const host = this.#host
    let count = Infinity
    let tryCount = 0
    let read = ''
    let there = ''
    const { sync } = write
    try {
      await host.store().transaction(
        async (transaction) => {
          host.withdraw(count)
          count = Infinity
          const values = await transaction.getMany(readKeys)
          const entries = readRange === undefined ? [] : await transaction.iterator(readRange).nextMany(ALL_COUNT)
          if (tryCount++ === 0 && disturbance !== undefined) {
            host.write(disturbance)
          }
          read = textOf(
            values.map((value) => value?.toString()),
            entries.map(([key, value]) => [key.toString(), value.toString()]),
          )
          const { contents } = host.order()
          there = textOf(
            readKeys.map((key) => contents.get(key)),
            [...contents].filter(([key]) => readRange !== undefined && isWithin(key, readRange)).toSorted(byKey),
          )
          const changes = host.valued(write)
          changes.forEach(([key, value]) =>
            value === undefined ? transaction.delete(key) : transaction.put(key, value),
          )
          count = host.order().add(changes)
        },
        { sync, retryCountMax: RETRY_COUNT_MAX },
      )
    } catch (error) {
      if (isConflict(error)) {
        throw new Violation('conflict', 'a transaction was refused though nobody else has written since its last try')
      }
      return await host.reject(error, count)
    }
    if (read !== there) {
      throw new Violation('conflict', 'a transaction was done though what it had read was not there any more')
    }
    host.acknowledge(count, sync)
  }

  async #snapshot(): Promise<Since> {
    const order = this.#host.order()
    const ackedCount = this.#host.ackedCount()
    const issuedCount = order.count
    const snapshot = this.#host.store().snapshot()
    const iterator = snapshot.iterator()
    const digest = digestOf(await iterator.nextMany(ALL_COUNT))
    await iterator.close()
    const low = order.findLeast(digest, ackedCount, issuedCount)
    const high = order.find(digest, ackedCount, issuedCount)
    if (low === undefined || high === undefined) {
      throw new Violation('R6', `a snapshot is not the store after ${ackedCount} to ${issuedCount} writes`)
    }
    return { snapshot, low, high }
  }
}

export function operationsOf(
  changes: readonly Change[],
): ({ readonly type: 'put'; readonly key: string; readonly value: string } | { type: 'delete'; key: string })[] {
  return changes.map(([key, value]) => (value === undefined ? { type: 'delete', key } : { type: 'put', key, value }))
}

function isConflict(error: unknown): boolean {
  return error instanceof VarveError && error.code === 'VARVE_CONFLICT'
}

function isWithin(key: string, range: KeySpan | undefined): boolean {
  return range !== undefined && key >= range.gte && key < range.lt
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}

function textOf(values: readonly (string | undefined)[], entries: readonly (readonly [string, string])[]): string {
  return JSON.stringify([values.map((value) => value ?? null), entries])
}
