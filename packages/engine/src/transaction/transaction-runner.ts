/**
 * Runs transactions, optimistically:
 *
 *     snapshot -> callback (reads, own writes) -> commit: one conditional write -> done
 *        ^                                           | conflict
 *        +------------------ delay ------------------+   at most retryCountMax times
 *
 * The commit depends on every key and range that was read and every key that is written. So a transaction that commits
 * read what was there at the place in the one order of all writes where its own writes stand: transactions that write are
 * serializable, in that order. One that writes nothing commits without a check: all that it read was there at its
 * snapshot, which is its place. A transaction sees every write that was acknowledged before it began. What is read or
 * written past it, through the store, is no part of it.
 *
 * There are no locks. Of transactions that are in each other's way the first to commit always gets through.
 */
import { ConflictError, InvalidArgumentError, type Env } from '@varve/storage'
import type { LoopGuard } from '../loop-guard.ts'
import { checkNames, describe } from '../options.ts'
import { throwIfAborted } from '../read/abort.ts'
import type { Snapshot } from '../read/snapshot.ts'
import type { PackedOperations } from '../write/packed-operations.ts'
import type { Dependencies } from '../write/write-options.ts'
import { Transaction } from './transaction.ts'

/** With the delays below, a transaction gives up after a second or two in which others were always first. */
const RETRY_COUNT_DEFAULT_MAX = 20
/** At the longest delay, more than a minute: who still does not get through needs a queue, not another try. */
const RETRY_COUNT_LIMIT = 1000
/** Long enough for the turn of the loop after which the write that came first is visible. */
const FIRST_DELAY_MS = 1
/** Beyond this, waiting longer spreads those who try again no further than their number needs. */
const DELAY_MS_MAX = 128

export interface TransactionOptions {
  /** Resolve only when the commit survives a loss of power. Default: false. */
  readonly sync?: boolean | undefined
  /** How often to start over after a conflict before it rejects with VARVE_CONFLICT. Default: 20, at most 1000. */
  readonly retryCountMax?: number | undefined
  /** Reject with VARVE_ABORTED instead of starting, committing or starting over when the signal is aborted. */
  readonly signal?: AbortSignal | undefined
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof TransactionOptions>(['sync', 'retryCountMax', 'signal'])

/** What it needs of the store. */
export interface TransactionHost {
  readonly env: Env
  readonly guard: LoopGuard
  readonly valueSizeBytesMax: number
  snapshot(): Snapshot
  /** Writes if nothing was changed since the snapshot; rejects with ConflictError otherwise. */
  commit(packed: PackedOperations, since: Snapshot, dependencies: Dependencies, sync: boolean): Promise<void>
}

export interface TransactionStats {
  readonly runningCount: number
  /** Those that wrote something, and those that only read. */
  readonly committedCount: number
  /** Tries that started over, or gave up, because something that they depend on was changed. */
  readonly conflictCount: number
  /** Those that ended otherwise: the callback threw, tries ran out, a signal, a fault. */
  readonly failedCount: number
}

type Callback<T> = (transaction: Transaction) => T | Promise<T>
interface ResolvedTransactionOptions {
  readonly sync: boolean
  readonly retryCountMax: number
  readonly signal: AbortSignal | undefined
}
type Outcome<T> = { readonly result: T } | { readonly conflict: ConflictError }

export class TransactionRunner {
  readonly #host: TransactionHost

  readonly #tally = { runningCount: 0, committedCount: 0, conflictCount: 0, failedCount: 0 }

  constructor(host: TransactionHost) {
    this.#host = host
  }

  get stats(): TransactionStats {
    return { ...this.#tally }
  }

  /** @throws what the callback throws; InvalidArgumentError; ConflictError; what snapshots and writes throw */
  async run<T>(callback: Callback<T>, options: TransactionOptions | undefined): Promise<T> {
    const resolved = resolveTransactionOptions(callback, options)
    this.#tally.runningCount++
    try {
      const result = await this.#untilCommitted(callback, resolved)
      this.#tally.committedCount++
      return result
    } catch (error) {
      this.#tally.failedCount++
      throw error
    } finally {
      this.#tally.runningCount--
    }
  }

  async #untilCommitted<T>(callback: Callback<T>, options: ResolvedTransactionOptions): Promise<T> {
    const { retryCountMax, sync, signal } = options
    for (let retryCount = 0; ; retryCount++) {
      throwIfAborted(signal, 'the transaction')
      const outcome = await this.#try(callback, sync, signal)
      if ('result' in outcome) {
        return outcome.result
      }
      this.#tally.conflictCount++
      if (retryCount === retryCountMax) {
        const { conflict } = outcome
        throw new ConflictError(
          `nothing was written: of ${retryCount + 1} tries of the transaction each conflicted with a write of others, the last ` +
            'at key; retry later, allow more by retryCountMax, or let fewer write the same keys at a time',
          conflict.key,
          { cause: conflict },
        )
      }
      await this.#delay(retryCount, signal)
    }
  }

  async #try<T>(callback: Callback<T>, sync: boolean, signal: AbortSignal | undefined): Promise<Outcome<T>> {
    const { guard, valueSizeBytesMax } = this.#host
    const snapshot = this.#host.snapshot()
    const transaction = new Transaction({ snapshot, guard, valueSizeBytesMax })
    try {
      const result = await callback(transaction)
      transaction.end()
      throwIfAborted(signal, 'the transaction')
      const conflict = await this.#commit(transaction, snapshot, sync)
      return conflict === undefined ? { result } : { conflict }
    } finally {
      transaction.end()
      snapshot.close()
    }
  }

  async #commit({ own, readSet }: Transaction, snapshot: Snapshot, sync: boolean): Promise<ConflictError | undefined> {
    if (own.count > 0) {
      try {
        await this.#host.commit(own.packed, snapshot, readSet.toDependencies(), sync)
      } catch (error) {
        if (error instanceof ConflictError) {
          return error
        }
        throw error
      }
    }
    return undefined
  }

  /** Doubling, and between half of that and all of it by chance: those who met do not meet again. */
  async #delay(retryCount: number, signal: AbortSignal | undefined): Promise<void> {
    const { scheduler, random } = this.#host.env
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** retryCount, DELAY_MS_MAX)
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const cancel = scheduler.after(delayMs * (0.5 + random.uint32() / 2 ** 33), end)
      signal?.addEventListener('abort', end)
    })
  }
}

function resolveTransactionOptions(callback: unknown, options: TransactionOptions = {}): ResolvedTransactionOptions {
  if (typeof callback !== 'function') {
    throw new InvalidArgumentError(`a transaction needs a function to run, not ${describe(callback)}`)
  }
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`the options of a transaction must be an object, not ${describe(options)}`)
  }
  checkNames(options, OPTION_NAMES, 'a transaction')
  const { sync = false, retryCountMax = RETRY_COUNT_DEFAULT_MAX, signal } = options
  if (typeof sync !== 'boolean') {
    throw new InvalidArgumentError(`sync must be true or false, not ${describe(sync)}`)
  }
  if (!Number.isInteger(retryCountMax) || retryCountMax < 0 || retryCountMax > RETRY_COUNT_LIMIT) {
    throw new InvalidArgumentError(
      `retryCountMax must be a whole number from 0 to ${RETRY_COUNT_LIMIT}, not ${describe(retryCountMax)}`,
    )
  }
  return { sync, retryCountMax, signal }
}
