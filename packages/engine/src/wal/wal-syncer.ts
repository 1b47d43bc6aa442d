/**
 * Makes the logs durable for those who wait for it. One fdatasync is in flight at a time; groups are written behind it,
 * and the next one covers them all. A waiter is covered only by a sync that began after its group was written.
 *
 * A sync goes through all live logs that hold unsynced groups, oldest first, so that what is durable is always a prefix.
 * After a failure the waiters are rejected, and nothing on that file is believed again.
 */
import type { WalPosition } from '@varve/storage'
import type { Wal } from './wal.ts'

export interface SyncWaiter {
  whenSynced(): void
  failSync(error: unknown): void
}

export class WalSyncer {
  readonly #onFailure: (error: unknown) => void
  /** Live logs, oldest first. */
  readonly #wals: Wal[] = []
  #waiters: SyncWaiter[] = []
  #isRunning = false
  #syncCount = 0
  #synced: WalPosition = { number: 0, offset: 0 }

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Everything up to here is known to be durable. */
  get synced(): WalPosition {
    return this.#synced
  }

  get syncCount(): number {
    return this.#syncCount
  }

  get wals(): readonly Wal[] {
    return this.#wals
  }

  get isClean(): boolean {
    return !this.#isRunning && !this.#wals.some((wal) => wal.hasUnsynced)
  }

  add(wal: Wal): void {
    this.#wals.push(wal)
  }

  /** What the log held is durable elsewhere, or will never be. */
  remove(wal: Wal): void {
    const index = this.#wals.indexOf(wal)
    if (index >= 0) {
      this.#wals.splice(index, 1)
    }
  }

  /** Tells the waiter when all that is written now is durable. */
  wait(waiter: SyncWaiter): void {
    this.#waiters.push(waiter)
    if (!this.#isRunning) {
      this.#isRunning = true
      void this.#run()
    }
  }

  async #run(): Promise<void> {
    while (this.#waiters.length > 0) {
      const waiters = this.#waiters
      this.#waiters = []
      try {
        await this.#syncAll()
      } catch (error) {
        for (const waiter of [...waiters, ...this.#waiters.splice(0)]) {
          waiter.failSync(error)
        }
        this.#onFailure(error)
        break
      }
      for (const waiter of waiters) {
        waiter.whenSynced()
      }
    }
    this.#isRunning = false
  }

  async #syncAll(): Promise<void> {
    const newest = this.#wals.findLast((wal) => wal.hasUnsynced)
    if (newest === undefined) {
      return
    }
    const position = { number: newest.number, offset: newest.writtenOffset }
    for (const wal of this.#wals.slice()) {
      // A log may be flushed to a table, and gone from the list, while an older one is synced.
      if (wal.hasUnsynced && this.#wals.includes(wal)) {
        if (wal.failure !== undefined) {
          throw wal.failure
        }
        this.#syncCount++
        await wal.sync()
      }
    }
    this.#synced = position
  }
}
