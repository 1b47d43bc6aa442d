/**
 * From a call to the open commit group: check, find room, encode once, index. What finds no room waits in the stall
 * queue; nobody overtakes it.
 *
 *     put -> (room?) -> Memtable.add -> CommitQueue        no room: -> StallQueue -> (a flush is done) -> the same
 *                                                         too fast: -> StallQueue -> (some time later) -> the same
 */
import {
  InvalidArgumentError,
  KIND_DELETE,
  KIND_PUT,
  SEQUENCE_MAX,
  UnsupportedError,
  WalEntryReader,
  toVarveError,
  walEntrySizeBytes,
  type Env,
  type Scheduler,
} from '@varve/storage'
import { keySizeOf, valueSizeOf, type Bytes } from '../bytes.ts'
import type { LoopGuard } from '../loop-guard.ts'
import type { Memtable } from '../memtable/memtable.ts'
import type { MemtableQueue } from '../memtable/memtable-queue.ts'
import { describe } from '../options.ts'
import type { BackPressure } from './back-pressure.ts'
import type { CommitQueue } from './commit-queue.ts'
import { ConditionLoads } from './condition-loads.ts'
import { PackedOperations, type Operation, type PackedWrite } from './packed-operations.ts'
import { StallLog, type StallEvent, type StallStats } from './stall-log.ts'
import { StallQueue, type StalledWrite, type WriteCondition } from './stall-queue.ts'
import { WriteBatch, checkBatchValues } from './write-batch.ts'
import { isSync, type WriteOptions } from './write-options.ts'

const NOTHING = new Uint8Array(0)
/** Stalled writes that go on in one turn of the event loop: about a millisecond. */
const RESUMED_COUNT_PER_TURN = 1000

export interface WritePathHooks {
  onFreeze(frozen: Memtable): void
  onStall(event: StallEvent): void
}

export interface WriteStats {
  readonly operationCount: number
  readonly userSizeBytes: number
  readonly stalls: StallStats
  readonly stalledSizeBytes: number
  readonly stalledCount: number
}

export class WritePath {
  readonly #memtables: MemtableQueue
  readonly #commits: CommitQueue
  readonly #scheduler: Scheduler
  readonly #pressure: BackPressure
  readonly #guard: LoopGuard
  readonly #hooks: WritePathHooks
  readonly #valueSizeBytesMax: number
  readonly #stalled: StallQueue
  readonly #conditions: ConditionLoads
  readonly #stalls: StallLog
  readonly #packed = new PackedOperations()
  readonly #entries = new WalEntryReader()
  /** Why writes are refused, or `undefined`. */
  #refusal: Error | undefined
  #isRefusedForGood = false
  /** What lets the first stalled write go on when it has waited long enough; cancels it. */
  #cancelWake: (() => void) | undefined
  /** The condition of the first stalled write, while it waits for the disk. */
  #loadingCondition: WriteCondition | undefined
  #operationCount = 0
  #userSizeBytes = 0

  constructor(
    env: Env,
    memtables: MemtableQueue,
    commits: CommitQueue,
    pressure: BackPressure,
    guard: LoopGuard,
    options: { readonly valueSizeBytesMax: number; readonly stalledSizeBytesMax: number },
    hooks: WritePathHooks,
  ) {
    this.#memtables = memtables
    this.#commits = commits
    this.#scheduler = env.scheduler
    this.#pressure = pressure
    this.#guard = guard
    this.#hooks = hooks
    this.#valueSizeBytesMax = options.valueSizeBytesMax
    this.#stalled = new StallQueue(options.stalledSizeBytesMax)
    this.#conditions = new ConditionLoads(options.stalledSizeBytesMax)
    this.#stalls = new StallLog(env.clock, (event) => hooks.onStall(event))
  }

  get stalledSizeBytesMax(): number {
    return this.#stalled.sizeBytesMax
  }

  get stats(): WriteStats {
    return {
      operationCount: this.#operationCount,
      userSizeBytes: this.#userSizeBytes,
      stalls: this.#stalls.stats(),
      stalledSizeBytes: this.#stalled.sizeBytes + this.#conditions.sizeBytes,
      stalledCount: this.#stalled.count,
    }
  }

  put(key: Bytes, value: Bytes, options: WriteOptions | undefined): Promise<void> {
    try {
      const keySize = keySizeOf(key)
      const valueSize = valueSizeOf(value, this.#valueSizeBytesMax)
      return this.#writeOne(KIND_PUT, key, keySize, value, valueSize, isSync(options))
    } catch (error) {
      return this.#guard.reject(toVarveError(error))
    }
  }

  delete(key: Bytes, options: WriteOptions | undefined): Promise<void> {
    try {
      return this.#writeOne(KIND_DELETE, key, keySizeOf(key), '', 0, isSync(options))
    } catch (error) {
      return this.#guard.reject(toVarveError(error))
    }
  }

  /** All operations or none. An empty list is committed at once. */
  write(operations: readonly Operation[] | WriteBatch, options: WriteOptions | undefined): Promise<void> {
    try {
      const sync = isSync(options)
      if (operations instanceof WriteBatch) {
        checkBatchValues(operations, this.#valueSizeBytesMax)
        return this.#writePacked(operations.packed, sync)
      }
      if (!Array.isArray(operations)) {
        throw new InvalidArgumentError(`operations must be an array or a WriteBatch, not ${describe(operations)}`)
      }
      try {
        this.#packed.addAll(operations as readonly Operation[], this.#valueSizeBytesMax)
        return this.#writePacked(this.#packed, sync)
      } finally {
        // At once: a large batch's buffer would stay until the next batch, which may never come.
        this.#packed.clear()
      }
    } catch (error) {
      return this.#guard.reject(toVarveError(error))
    }
  }

  /**
   * Writes of another thread, which bounds them: as one, in order. What comes in the same turn of the loop goes into one
   * group, from whichever thread. Where they stall, the condition is judged when they are admitted.
   */
  writeGathered(packed: PackedWrite, sync: boolean, condition: WriteCondition): Promise<void> {
    try {
      this.#commits.gather()
      return this.#writePacked(packed, sync, condition, false)
    } catch (error) {
      return Promise.reject(toVarveError(error))
    }
  }

  /** Resolves when all that was accepted, and does not stall, has been committed or has failed. */
  async whenCommitted(): Promise<void> {
    await this.#commits.whenIdle()
  }

  /**
   * As `write`, if the condition holds in the very step that encodes the operations. While it waits for the disk to know,
   * other writes may go first; what stalls is not overtaken, and its condition is judged when it is admitted.
   */
  async writeIf(packed: PackedOperations, sync: boolean, condition: WriteCondition): Promise<void> {
    this.#throwIfRefused()
    // A write of nothing is a question alone, and does not wait for room.
    while ((this.#stalled.isEmpty || packed.count === 0) && !condition.holds()) {
      await this.#conditions.load(condition)
      this.#throwIfRefused()
    }
    await this.#writePacked(packed, sync, condition)
  }

  /** Freezes the active memtable if it holds anything, whatever waits behind it. */
  freezeActive(): void {
    if (this.#memtables.active.count > 0) {
      this.#freeze(0)
    }
  }

  /** As `freezeActive`, for a flush that nobody waits for: not while writes are refused or wait. */
  freezeIdle(): void {
    if (this.#refusal === undefined && this.#stalled.isEmpty) {
      this.freezeActive()
    }
  }

  /** Room may have come: stalled writes go on, in order, so many at a time. */
  resume(): void {
    for (let count = 0; count < RESUMED_COUNT_PER_TURN; count++) {
      const write = this.#stalled.first
      if (write === undefined) {
        this.#stalls.endIfIdle(this.#pressure.isOn)
        return
      }
      let memtable: Memtable | undefined
      try {
        memtable = this.#room(write.packed.length, write.count)
        memtable?.reserve(write.count)
        if (memtable !== undefined && write.condition !== undefined && !write.condition.holds()) {
          this.#resumeWhenLoaded(write, write.condition)
          return
        }
      } catch (error) {
        // Of this write alone: there is no memory for it, say, or a conflict. Those behind it go on.
        this.#stalled.dropFirst()
        write.done.reject(toVarveError(error))
        continue
      }
      if (memtable === undefined) {
        return
      }
      this.#stalled.dropFirst()
      const { done } = write
      this.#addPacked(memtable, write.packed, write.count, write.sync).then(
        () => done.resolve(),
        (error: unknown) => done.reject(error),
      )
    }
    void this.#guard.turn().then(() => this.resume())
  }

  /** Writes are refused from now on, those that wait first of all, until they are admitted. */
  refuse(refusal: Error): void {
    this.#refusal = refusal
    this.#stalled.rejectAll(refusal)
    this.#cancelWake?.()
    this.#stalls.end()
  }

  /** Writes are refused for good: nothing admits them again. */
  refuseForGood(refusal: Error): void {
    this.#isRefusedForGood = true
    this.refuse(refusal)
  }

  admit(): void {
    if (!this.#isRefusedForGood) {
      this.#refusal = undefined
      this.resume()
    }
  }

  #writeOne(kind: number, key: Bytes, keySize: number, value: Bytes, valueSize: number, sync: boolean): Promise<void> {
    this.#throwIfRefused()
    const memtable = this.#stalled.isEmpty ? this.#room(walEntrySizeBytes(kind, keySize, valueSize), 1) : undefined
    if (memtable === undefined) {
      return this.#stallOne(kind, key, value, sync)
    }
    const group = this.#commits.openGroup(memtable)
    memtable.add(kind, key, keySize, value, valueSize)
    this.#pressure.spend(keySize + valueSize)
    this.#operationCount++
    this.#userSizeBytes += keySize + valueSize
    return this.#commits.added(group, 1, sync)
  }

  /** @param condition holds now; where the write stalls, it is judged anew when the write is admitted */
  #writePacked(packed: PackedWrite, sync: boolean, condition?: WriteCondition, isBounded?: boolean): Promise<void> {
    this.#throwIfRefused()
    if (packed.count === 0) {
      return sync ? this.#commits.sync() : this.#guard.resolve(undefined)
    }
    const memtable = this.#stalled.isEmpty ? this.#room(packed.sizeBytes, packed.count) : undefined
    if (memtable === undefined) {
      return this.#pushStalled(packed, sync, condition, isBounded)
    }
    memtable.reserve(packed.count)
    this.#operationCount += packed.count
    this.#userSizeBytes += packed.userSizeBytes
    return this.#addPacked(memtable, packed.bytes, packed.count, sync)
  }

  /** The memtable has reserved room for them. */
  #addPacked(memtable: Memtable, packed: Uint8Array, count: number, sync: boolean): Promise<void> {
    const group = this.#commits.openGroup(memtable)
    const offset = memtable.copyIn(packed)
    this.#pressure.spend(packed.length)
    const entries = this.#entries
    entries.reset(memtable.arena.bytes, offset, offset + packed.length, 'a batch')
    while (entries.next()) {
      memtable.indexEntry(entries.offset, entries.keyOffset, entries.keySize)
    }
    // It would hold the arena when its memtable is long gone.
    entries.reset(NOTHING, 0, 0, '')
    return this.#commits.added(group, count, sync)
  }

  #stallOne(kind: number, key: Bytes, value: Bytes, sync: boolean): Promise<void> {
    try {
      if (kind === KIND_PUT) {
        this.#packed.put(key, value, this.#valueSizeBytesMax)
      } else {
        this.#packed.delete(key)
      }
      return this.#pushStalled(this.#packed, sync)
    } finally {
      this.#packed.clear()
    }
  }

  #pushStalled(packed: PackedWrite, sync: boolean, condition?: WriteCondition, isBounded?: boolean): Promise<void> {
    const promise = this.#stalled.push(packed.bytes, packed.count, sync, condition, isBounded)
    this.#operationCount += packed.count
    this.#userSizeBytes += packed.userSizeBytes
    return promise
  }

  /** The first stalled write has room, but whether its condition holds is not known without the disk. */
  #resumeWhenLoaded(write: StalledWrite, condition: WriteCondition): void {
    if (this.#loadingCondition === condition) {
      return
    }
    this.#loadingCondition = condition
    const goOn = (): void => {
      this.#loadingCondition = undefined
      this.resume()
    }
    condition.load().then(goOn, (error: unknown) => {
      if (this.#stalled.first === write) {
        this.#stalled.dropFirst()
        write.done.reject(toVarveError(error))
      }
      goOn()
    })
  }

  #throwIfRefused(): void {
    if (this.#refusal !== undefined) {
      throw this.#refusal
    }
  }

  /** The active memtable with room for so much, frozen and replaced if need be; `undefined` if that has to wait. */
  #room(entriesSizeBytes: number, entryCount: number): Memtable | undefined {
    if (this.#commits.nextSequence + entryCount > SEQUENCE_MAX) {
      throw new UnsupportedError('the store has had as many writes as it can number: copy it into a new one')
    }
    const delayMs = this.#pressure.delayMs()
    if (delayMs > 0) {
      this.#stalls.begin(this.#pressure.cause, 'delay')
      this.#wakeAfter(delayMs)
      return undefined
    }
    const { active } = this.#memtables
    if (active.hasRoom(entriesSizeBytes, entryCount)) {
      // Flushes that a user asks for, or that heal the log, end memtables early: each becomes a table all the same.
      if (active.count === 0 && this.#pressure.stopCause() === 'level-zero-tables') {
        this.#stalls.begin('level-zero-tables', 'stop')
        return undefined
      }
      this.#memtables.prepareNextWal()
      return active
    }
    if (active.count === 0) {
      return this.#memtables.enlargeActive(entriesSizeBytes)
    }
    const cause = this.#pressure.stopCause()
    if (cause !== undefined) {
      this.#stalls.begin(cause, 'stop')
      return undefined
    }
    return this.#freeze(entriesSizeBytes)
  }

  #freeze(entriesSizeBytes: number): Memtable {
    this.#commits.closeGroup()
    const frozen = this.#memtables.active
    const active = this.#memtables.freeze(this.#commits.nextSequence, entriesSizeBytes)
    this.#hooks.onFreeze(frozen)
    return active
  }

  #wakeAfter(delayMs: number): void {
    this.#cancelWake?.()
    this.#cancelWake = this.#scheduler.after(Math.ceil(delayMs), () => this.resume())
  }
}
