/**
 * The parts of an open store, wired together, and its life:
 *
 *     open -> closing -> closed
 *       \-> read-only (for good: durable state cannot be changed any more) -> closing
 *
 * Owned by the main thread. Whatever is not a matter of more than one part is in the part itself.
 */
import { join } from 'node:path'
import {
  manifestFileName,
  ReadOnlyError,
  toVarveError,
  type Env,
  type FileNumber,
  type FileLock,
  type VarveError,
} from '@varve/storage'
import type { JobExecutor, JobOutput } from '@varve/workers'
import { BlockCache } from './cache/block-cache.ts'
import { TableCache } from './cache/table-cache.ts'
import { makeCheckpoint, type CheckpointOptions, type CheckpointReport } from './checkpoint/checkpoint.ts'
import { CompactionScheduler } from './compaction/compaction-scheduler.ts'
import { IdleFlush } from './compaction/idle-flush.ts'
import { FlushScheduler } from './flush/flush-scheduler.ts'
import { BackgroundLimit } from './jobs/background-limit.ts'
import { JobRunner } from './jobs/job-runner.ts'
import { ObsoleteFiles, removeTables } from './jobs/obsolete-files.ts'
import type { Memtable } from './memtable/memtable.ts'
import { MemtableQueue } from './memtable/memtable-queue.ts'
import type { ResolvedOptions } from './options.ts'
import { approximateSizeBytes } from './read/approximate-size.ts'
import { LiveSequences } from './read/live-sequences.ts'
import { LongCalls } from './long-calls.ts'
import { LoopGuard } from './loop-guard.ts'
import { PassedTombstones } from './read/passed-tombstones.ts'
import { PointReader } from './read/point-reader.ts'
import { RangeScan, type ScanReading } from './read/range-scan.ts'
import type { OwnView } from './read/store-view.ts'
import type { LockedDirectory } from './recovery/directory.ts'
import { recoverStore, type RecoveredStore, type RecoveryReport } from './recovery/recover-store.ts'
import { emitFlush, type EmitEvent } from './store-events.ts'
import { engineStatsOf, type EngineStats } from './store-stats.ts'
import type { Wal } from './wal/wal.ts'
import { verifyStore, type VerifyOptions, type VerifyReport } from './verify/verification.ts'
import type { TableHandle } from './version/table-handle.ts'
import type { KeyRange, Version } from './version/version.ts'
import type { VersionSet } from './version/version-set.ts'
import { BackPressure } from './write/back-pressure.ts'
import { closedError } from './write/closed-error.ts'
import { CommitQueue } from './write/commit-queue.ts'
import { ConditionalWriter } from './write/conditional-writer.ts'
import type { StallEvent } from './write/stall-log.ts'
import { WalHealer } from './write/wal-healer.ts'
import { WritePath } from './write/write-path.ts'
import { WalSyncer } from './wal/wal-syncer.ts'

export interface EngineSetup {
  readonly env: Env
  readonly directory: string
  readonly options: ResolvedOptions
  readonly executor: JobExecutor
  readonly manifestRotationSizeBytes: number
  readonly emit: EmitEvent
}

export class Engine implements OwnView {
  /** Constant after construction. */
  readonly recovery: RecoveryReport
  readonly memtables: MemtableQueue
  readonly writes: WritePath
  readonly conditionalWrites: ConditionalWriter
  readonly points: PointReader
  readonly guard: LoopGuard
  readonly liveSequences: LiveSequences = new LiveSequences()
  readonly tombstones: PassedTombstones = new PassedTombstones((key) => this.#compactions.tombstonesPassed(key))
  readonly #setup: EngineSetup
  readonly #longCalls: LongCalls
  readonly #lock: FileLock
  readonly #versions: VersionSet
  readonly #tables: TableCache
  readonly #obsoleteFiles: ObsoleteFiles
  readonly #pressure: BackPressure
  readonly #limit: BackgroundLimit
  readonly #syncer: WalSyncer
  readonly #commits: CommitQueue
  readonly #runner: JobRunner
  readonly #flushes: FlushScheduler
  readonly #compactions: CompactionScheduler
  readonly #healer: WalHealer
  readonly #idleFlush: IdleFlush
  /** Called when memtables have left or tables have come or gone; and when the log has taken all up to a sequence. */
  onViewChanged: () => void = () => undefined
  onVisible: (sequence: number) => void = () => undefined
  #epoch = 0
  #isClosing = false

  /** @throws what `recoverStore` throws; the lock is then still held */
  static async start(setup: EngineSetup, locked: LockedDirectory): Promise<Engine> {
    const { env, directory, options, emit } = setup
    const tell = (error: unknown): void => emit('error', toVarveError(error))
    const obsoleteFiles = new ObsoleteFiles(env.files, tell)
    const blocks = new BlockCache(options.blockCacheSizeBytes)
    const tables = new TableCache(env, directory, options.openTableCountMax, blocks, tell)
    const versionHooks = {
      onObsoleteTables: (handles: TableHandle[]) => {
        removeTables(directory, tables, obsoleteFiles, handles)
        for (const { metadata } of handles) {
          emit('table', { change: 'removed', number: metadata.number, sizeBytes: metadata.sizeBytes })
        }
      },
      onObsoleteManifest: (number: FileNumber, closed: Promise<void>) =>
        obsoleteFiles.remove(join(directory, manifestFileName(number)), closed),
      onRetry: tell,
      onFailure: (_error: VarveError): void => undefined,
    }
    try {
      const recovered = await recoverStore(
        { ...setup, table: options, obsoleteFiles, versionHooks, onHung: tell },
        locked,
      )
      const engine = new Engine(setup, locked.lock, recovered, tables, obsoleteFiles)
      versionHooks.onFailure = (error) => engine.becomeReadOnly(error)
      engine.#pressure.refresh()
      engine.#compactions.schedule()
      return engine
    } catch (error) {
      // Nothing of this try may touch a file when the lock is free again: the next one may use the same numbers.
      await setup.executor.close()
      await obsoleteFiles.whenIdle()
      throw error
    }
  }

  private constructor(
    setup: EngineSetup,
    lock: FileLock,
    recovered: RecoveredStore,
    tables: TableCache,
    obsoleteFiles: ObsoleteFiles,
  ) {
    const { env, directory, options } = setup
    const { versions, firstWal, lastSequence } = recovered
    this.#setup = setup
    this.#longCalls = new LongCalls(env)
    this.#lock = lock
    this.recovery = recovered.report
    this.#versions = versions
    this.#tables = tables
    this.#obsoleteFiles = obsoleteFiles
    this.guard = new LoopGuard(env)
    const memtableHooks = {
      takeFileNumber: () => versions.takeFileNumbers(1),
      onWalFailure: (wal: Wal, error: VarveError): void => this.#healer.onUnmade(wal, error),
    }
    this.memtables = new MemtableQueue(env, directory, options, memtableHooks, firstWal, lastSequence + 1)
    this.#syncer = new WalSyncer((error) => this.#healer.onFailed(error))
    this.#syncer.add(firstWal)
    this.#commits = new CommitQueue(env, this.guard, this.#syncer, lastSequence, {
      onVisible: (sequence) => this.onVisible(sequence),
      onSettled: (memtable) => this.#onSettled(memtable),
      onFailure: (error) => this.#healer.onFailed(error),
    })
    const isCompacting = (): boolean => this.#compactions.isBusy
    this.#pressure = new BackPressure(env.clock, options, { memtables: this.memtables, versions, isCompacting })
    this.#limit = new BackgroundLimit(options.backgroundBytesPerSecondMax)
    this.writes = new WritePath(env, this.memtables, this.#commits, this.#pressure, this.guard, options, {
      onFreeze: (frozen) => this.#onFreeze(frozen),
      onStall: (event) => this.#onStall(event),
    })
    this.conditionalWrites = new ConditionalWriter(env, this, tables, options.valueSizeBytesMax)
    this.points = new PointReader(this, tables, this.guard)
    const liveSequences = (): number[] => this.liveSequences.list(this.visibleSequence)
    const tell = (error: VarveError): void => setup.emit('error', error)
    const jobs = { ...setup, table: options, versions, obsoleteFiles, liveSequences, onHung: tell }
    this.#runner = new JobRunner({ ...jobs, rate: this.#limit.shared })
    const onGiveUp = (error: VarveError): void => this.becomeReadOnly(error)
    this.#flushes = new FlushScheduler(env, this.memtables, versions, this.#runner, {
      onInstalled: (memtable, output) => this.#onFlushed(memtable, output),
      onAwaited: (isAwaited) => this.#limit.setWaiting('callers', isAwaited),
      onRetry: tell,
      onGiveUp,
    })
    this.#compactions = new CompactionScheduler(env, versions, this.#runner, options, {
      isFlushing: () => this.memtables.frozen.length > 0,
      onInstalled: () => this.#onVersionChanged(),
      onCompaction: (event) => setup.emit('compaction', event),
      onRetry: tell,
      onGiveUp,
    })
    this.#idleFlush = new IdleFlush(env.scheduler, options, this)
    this.#healer = new WalHealer({
      env,
      directory,
      memtables: this.memtables,
      commits: this.#commits,
      writes: this.writes,
      flushes: this.#flushes,
      syncer: this.#syncer,
      obsoleteFiles,
      onFailure: tell,
      onRecovered: (cause, durationMs) => setup.emit('recovery', { cause, durationMs }),
    })
  }

  get visibleSequence(): number {
    return this.#commits.visibleSequence
  }

  get epoch(): number {
    return this.#epoch
  }

  get version(): Version {
    return this.#versions.current
  }

  retainVersion(): Version {
    return this.#versions.retainCurrent()
  }

  releaseVersion(version: Version): void {
    this.#versions.release(version)
  }

  scan(range: KeyRange, sequence: number, reading: ScanReading): RangeScan {
    return new RangeScan(this.#setup.env, this, this.#tables, range, sequence, reading)
  }

  async sync(): Promise<void> {
    await this.#commits.sync()
    await this.guard.resolve(undefined)
  }

  /** `onFlushed` runs in the step in which tables hold everything up to a sequence, and nothing beyond. */
  async flush(onFlushed?: (sequence: number) => void): Promise<void> {
    // As many frozen memtables as writes may make, and no more.
    while (this.memtables.frozen.length >= this.#setup.options.frozenMemtableCountMax) {
      await this.#flushes.whenFlushed()
    }
    this.writes.freezeActive()
    const sequence = this.#commits.nextSequence - 1
    await this.#flushes.whenFlushed(onFlushed && (() => onFlushed(sequence)))
  }

  async compactRange(range: KeyRange): Promise<void> {
    await this.flush()
    await this.#compactions.compactRange(range)
  }

  async checkpoint(target: string, options: CheckpointOptions | undefined): Promise<CheckpointReport> {
    const flush = (onFlushed: (sequence: number) => void): Promise<void> => this.flush(onFlushed)
    const setup = { ...this.#setup, versions: this.#versions, flush }
    return await this.#longCalls.run(options, (call) => makeCheckpoint(setup, target, call))
  }

  async verify(options: VerifyOptions | undefined): Promise<VerifyReport> {
    const parts = { versions: this.#versions, memtables: this.memtables, runner: this.#runner }
    const setup = { ...this.#setup, ...parts, obsoleteFiles: this.#obsoleteFiles }
    return await this.#longCalls.run(options, (call) => verifyStore(setup, call))
  }

  async approximateSizeBytes(range: KeyRange): Promise<number> {
    const version = this.retainVersion()
    try {
      return await this.guard.resolve(await approximateSizeBytes(this.#tables, version, range))
    } finally {
      this.releaseVersion(version)
    }
  }

  stats(): EngineStats {
    return engineStatsOf({
      shared: this,
      pressure: this.#pressure,
      commits: this.#commits,
      syncer: this.#syncer,
      tables: this.#tables,
      runner: this.#runner,
      compactions: this.#compactions,
      compression: this.#setup.options.compression,
    })
  }

  /** Durable state cannot be changed any more. Reads go on; writes are refused until the store is opened again. */
  becomeReadOnly(cause: VarveError): void {
    if (!this.#isClosing) {
      const { directory } = this.#setup
      const refusal = new ReadOnlyError(`${directory} can only be read until it is opened again: ${cause.message}`, {
        cause,
      })
      this.writes.refuseForGood(refusal)
      // Tried again, each compaction would leave its tables on the disk: no edit can name them or let them go.
      this.#compactions.stop(refusal)
      void this.#healer.stop()
      this.#flushes.stop(refusal)
    }
    this.#setup.emit('error', cause)
  }

  /** Takes no more writes; those that stall are rejected. */
  beginClose(): void {
    this.#isClosing = true
    void this.#healer.stop()
    this.writes.refuseForGood(closedError(this.#setup.directory))
    this.#idleFlush.stop()
    this.#longCalls.endAll(closedError(this.#setup.directory))
  }

  /** Called once, when no iterator is open. Keeps what was acknowledged; releases everything in every case. */
  async close(): Promise<void> {
    try {
      await this.#commits.whenIdle()
      await this.points.whenIdle()
      // Not awaited yet: it may wait for flushes that are tried again for ever, until they are told to close.
      const healed = this.#healer.stop()
      const isSynced = await this.#attempt(() => this.#commits.sync())
      this.writes.freezeActive()
      await this.#flushes.close()
      await healed
      this.#compactions.stop(closedError(this.#setup.directory))
      await this.#setup.executor.close()
      await this.#compactions.whenIdle()
      await this.#attempt(() => this.#flushes.finishClose(isSynced))
    } finally {
      await this.#releaseAll()
    }
  }

  /** Whether it succeeded; a failure is told. */
  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#setup.emit('error', toVarveError(error))
      return false
    }
  }

  async #releaseAll(): Promise<void> {
    const wals = [...this.memtables.frozen, this.memtables.active].map((memtable) => memtable.wal)
    const closings = [
      this.#setup.executor.close(),
      this.#obsoleteFiles.whenIdle(),
      ...[...wals, ...(this.memtables.nextWal === undefined ? [] : [this.memtables.nextWal])].map((wal) => wal.close()),
      this.#versions.close(),
    ]
    const results = await Promise.allSettled(closings)
    this.#tables.closeAll()
    for (const result of results) {
      if (result.status === 'rejected') {
        this.#setup.emit('error', toVarveError(result.reason))
      }
    }
    await this.#lock.release()
  }

  #onStall(event: StallEvent): void {
    this.#limit.setWaiting('writers', event.cause === 'frozen-memtables' && event.phase === 'begin')
    this.#setup.emit('stall', event)
  }

  #onSettled(memtable: Memtable): void {
    if (memtable !== this.memtables.active) {
      this.#flushes.schedule()
    } else {
      this.#idleFlush.noteWrite()
    }
  }

  #onFreeze(frozen: Memtable): void {
    this.#syncer.add(this.memtables.active.wal)
    this.#pressure.refresh()
    this.#setup.emit('wal', { change: 'frozen', number: frozen.wal.number })
    this.#flushes.schedule()
  }

  #onFlushed({ wal }: Memtable, output: JobOutput): void {
    this.#syncer.remove(wal)
    this.#healer.discard(wal)
    this.#onVersionChanged()
    emitFlush(this.#setup.emit, wal.number, output)
  }

  #onVersionChanged(): void {
    this.#epoch++
    this.#pressure.refresh()
    this.onViewChanged()
    // In a turn of its own: what installs a Version must not be held up by what it lets go on.
    this.#setup.env.scheduler.immediate(() => {
      // In this order: whether a compaction runs says whether writes may wait for it.
      this.#compactions.schedule()
      this.writes.resume()
    })
  }
}
