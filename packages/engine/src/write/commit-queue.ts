/**
 * Group commit: one order of all writes, across logs.
 *
 *     open group  --closed at the end of the turn, at 1 MiB, or by freezing-->  queue  --written-->  visible
 *
 * 1. Operations of one turn of the event loop go into the open group, which lies in the active memtable's arena.
 * 2. At the end of the turn the group is sealed (header and checksum) and its slice of the arena appended to the log.
 * 3. When the write has succeeded, the group's sequence numbers become visible, in order, and its plain promise
 *    resolves: a reader never sees what the log has not taken. Those who asked for sync wait for the syncer.
 *
 * Small writes are synchronous: a few KiB cost a microsecond, a thread hop tens of them. Large ones are not, and later
 * groups queue behind them.
 *
 * A turn ends in `setImmediate`, when the loop comes round; but after a group of one member in a microtask, as long as
 * the loop has turned lately: a lone writer that awaits each put is half as fast again. (Committing all groups in
 * microtasks was slower in bulk, as groups were smaller, and the event loop never turned.)
 *
 * After a failed append every group that is not visible fails at once, in any arena. Their sequence numbers are not
 * used again.
 */
import { sealWalGroup, type Env } from '@varve/storage'
import type { LoopGuard } from '../loop-guard.ts'
import type { Memtable } from '../memtable/memtable.ts'
import { CommitGroup } from './commit-group.ts'
import type { WalSyncer } from '../wal/wal-syncer.ts'

const GROUP_SIZE_BYTES_MAX = 1024 * 1024
/** Above this a write leaves the thread; and a turn writes no more than this on the thread. */
const SYNCHRONOUS_WRITE_SIZE_BYTES_MAX = 256 * 1024
const WRITE_SLICE_SIZE_BYTES = 1024 * 1024

export interface CommitHooks {
  /** Everything up to this sequence number is visible from now on. */
  onVisible(sequence: number): void
  /** Every group of the memtable, which may be frozen, is visible or has failed. */
  onSettled(memtable: Memtable): void
  /** A log could not be appended to; every group that was not visible has been rejected with `error`. */
  onFailure(error: unknown): void
}

export class CommitQueue {
  readonly #env: Env
  readonly #guard: LoopGuard
  readonly #syncer: WalSyncer
  readonly #hooks: CommitHooks
  readonly #queue: CommitGroup[] = []
  #open: CommitGroup | undefined
  #nextSequence: number
  #visibleSequence: number
  #isTurnPending = false
  /** The last group had one member: who awaits each write would gain nothing from a wait for others. */
  #isLoneWriter = false
  /** Other threads write: what all of them send in a turn is to be one group. */
  #isGathering = false
  readonly #turn = (): void => {
    this.#isTurnPending = false
    this.#isLoneWriter = this.#open?.count === 1 && !this.#isGathering
    this.#isGathering = false
    this.closeGroup()
    this.#writeQueued()
  }
  /** A large write is in flight, or a log is being made. */
  #isBlocked = false
  #idleWaiters: (() => void)[] = []
  #groupCount = 0
  #walSizeBytes = 0

  constructor(env: Env, guard: LoopGuard, syncer: WalSyncer, lastSequence: number, hooks: CommitHooks) {
    this.#env = env
    this.#guard = guard
    this.#syncer = syncer
    this.#hooks = hooks
    this.#nextSequence = lastSequence + 1
    this.#visibleSequence = lastSequence
  }

  get visibleSequence(): number {
    return this.#visibleSequence
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  get groupCount(): number {
    return this.#groupCount
  }

  get walSizeBytes(): number {
    return this.#walSizeBytes
  }

  /** The group that is open, or opened next, ends when the loop comes round. */
  gather(): void {
    this.#isGathering = true
  }

  /** The open group, which is in `memtable`; a new one if there is none. */
  openGroup(memtable: Memtable): CommitGroup {
    if (this.#open === undefined) {
      this.#open = new CommitGroup(memtable, memtable.beginGroup(), this.#nextSequence)
      this.#scheduleTurn()
    }
    return this.#open
  }

  /** So many entries have been added to the open group; returns the promise of who added them. */
  added(group: CommitGroup, count: number, sync: boolean): Promise<void> {
    group.count += count
    this.#nextSequence += count
    const promise = group.promise(sync)
    if (group.memtable.usedOffset - group.offset >= GROUP_SIZE_BYTES_MAX) {
      this.closeGroup()
    }
    return promise
  }

  /** Nothing more is added to the open group. */
  closeGroup(): void {
    const group = this.#open
    if (group !== undefined) {
      this.#open = undefined
      group.endOffset = group.memtable.usedOffset
      this.#queue.push(group)
    }
  }

  /** Resolves when all that has been accepted so far is durable. */
  async sync(): Promise<void> {
    const newest = this.#open ?? this.#queue.at(-1)
    if (newest !== undefined) {
      return await newest.promise(true)
    }
    if (!this.#syncer.isClean) {
      await new Promise<void>((resolve, reject) => this.#syncer.wait({ whenSynced: resolve, failSync: reject }))
    }
  }

  /** Resolves when no group waits to be written. */
  async whenIdle(): Promise<void> {
    if (this.#open !== undefined || this.#queue.length > 0) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
    }
  }

  #scheduleTurn(): void {
    if (!this.#isTurnPending) {
      this.#isTurnPending = true
      if (this.#isLoneWriter && !this.#isGathering && !this.#guard.isStarving()) {
        queueMicrotask(this.#turn)
      } else {
        this.#env.scheduler.immediate(this.#turn)
      }
    }
  }

  #writeQueued(): void {
    let writtenSizeBytes = 0
    while (!this.#isBlocked) {
      const group = this.#queue[0]
      if (group === undefined) {
        this.#notifyIdle()
        return
      }
      const wal = group.memtable.wal
      if (wal.failure !== undefined) {
        this.#failPending(wal.failure)
        return
      }
      if (!wal.isReady) {
        this.#block(wal.ready)
        return
      }
      if (writtenSizeBytes > 0 && writtenSizeBytes + group.sizeBytes > SYNCHRONOUS_WRITE_SIZE_BYTES_MAX) {
        this.#scheduleTurn()
        return
      }
      writtenSizeBytes += group.sizeBytes
      this.#write(group)
    }
  }

  #write(group: CommitGroup): void {
    const { memtable } = group
    const bytes = memtable.arena.bytes
    const { wal } = memtable
    sealWalGroup(bytes, wal.header, group.offset, group.endOffset, group.count, group.baseSequence, this.#syncer.synced)
    if (group.sizeBytes > SYNCHRONOUS_WRITE_SIZE_BYTES_MAX) {
      this.#block(wal.append(bytes, group.endOffset, WRITE_SLICE_SIZE_BYTES).then(() => this.#finish(group)))
      return
    }
    try {
      wal.appendSync(bytes, group.endOffset)
    } catch (error) {
      this.#failPending(error)
      return
    }
    this.#finish(group)
  }

  /** Nothing is written until `done` is; then the queue goes on. */
  #block(done: Promise<void>): void {
    this.#isBlocked = true
    const goOn = (): void => {
      this.#isBlocked = false
      this.#writeQueued()
    }
    done.then(goOn, (error: unknown) => {
      this.#isBlocked = false
      this.#failPending(error)
    })
  }

  /** The group at the head of the queue has been written. */
  #finish(group: CommitGroup): void {
    this.#queue.shift()
    this.#groupCount++
    this.#walSizeBytes += group.sizeBytes
    this.#visibleSequence = group.lastSequence
    group.memtable.commitTo(group.endOffset, group.lastSequence)
    this.#hooks.onVisible(group.lastSequence)
    group.whenWritten()
    if (group.wantsSync) {
      this.#syncer.wait(group)
    }
    this.#settle(group)
  }

  /** Rejects all that is not visible yet. Their memtables hide what they hold of it for ever. */
  #failPending(error: unknown): void {
    this.closeGroup()
    const groups = this.#queue.splice(0)
    for (const group of groups) {
      group.memtable.failUncommitted(this.#visibleSequence)
    }
    for (const group of groups) {
      group.fail(error)
      this.#settle(group)
    }
    this.#hooks.onFailure(error)
    this.#notifyIdle()
  }

  #settle(group: CommitGroup): void {
    const { memtable } = group
    memtable.endGroup()
    if (memtable.isSettled) {
      this.#hooks.onSettled(memtable)
    }
  }

  #notifyIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) {
      resolve()
    }
  }
}
