/**
 * What is committed together: the operations of one turn of the event loop, in one memtable. They share one header, one
 * checksum and one write; and two promises, one for plain writes and one for those that asked for `sync`.
 */
import { Deferred } from '../deferred.ts'
import type { Memtable } from '../memtable/memtable.ts'

export class CommitGroup {
  readonly memtable: Memtable
  readonly offset: number
  readonly baseSequence: number
  count = 0
  /** Set when the group is closed. */
  endOffset = 0
  #written: Deferred | undefined
  #synced: Deferred | undefined

  constructor(memtable: Memtable, offset: number, baseSequence: number) {
    this.memtable = memtable
    this.offset = offset
    this.baseSequence = baseSequence
  }

  get lastSequence(): number {
    return this.baseSequence + this.count - 1
  }

  get sizeBytes(): number {
    return this.endOffset - this.offset
  }

  get wantsSync(): boolean {
    return this.#synced !== undefined
  }

  /** The promise of a member. */
  promise(sync: boolean): Promise<void> {
    if (sync) {
      this.#synced ??= new Deferred()
      return this.#synced.promise
    }
    this.#written ??= new Deferred()
    return this.#written.promise
  }

  whenWritten(): void {
    this.#written?.resolve()
  }

  whenSynced(): void {
    this.#synced?.resolve()
  }

  /** Nothing of the group is written, or it is not known how much. */
  fail(error: unknown): void {
    this.#written?.reject(error)
    this.#synced?.reject(error)
  }

  /** The group is written, but not durable: only those who asked for that are told. */
  failSync(error: unknown): void {
    this.#synced?.reject(error)
  }
}
