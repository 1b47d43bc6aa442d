/**
 * What `store.stats()` returns: how much is where, what it cost, and what holds memory. Counters count since the open, or
 * since earlier figures: see `stats-period.ts`. Everything else is as of now.
 */
import { ROLE_DATA, ROLE_FILTER, ROLE_INDEX, codecOfLevel, type BlockRole, type Codec } from '@varve/storage'
import type { BlockCache } from './cache/block-cache.ts'
import type { TableCache } from './cache/table-cache.ts'
import type { CompactionScheduler } from './compaction/compaction-scheduler.ts'
import type { JobKind, JobRunner, JobStats } from './jobs/job-runner.ts'
import type { MemtableQueue } from './memtable/memtable-queue.ts'
import type { PassedTombstones } from './read/passed-tombstones.ts'
import type { SnapshotStats } from './read/snapshot.ts'
import type { TransactionStats } from './transaction/transaction-runner.ts'
import type { Version } from './version/version.ts'
import type { WalSyncer } from './wal/wal-syncer.ts'
import type { BackPressure } from './write/back-pressure.ts'
import type { ConditionalWriter } from './write/conditional-writer.ts'
import type { CommitQueue } from './write/commit-queue.ts'
import type { StallStats } from './write/stall-log.ts'
import type { WritePath, WriteStats } from './write/write-path.ts'

export interface LevelStats {
  readonly level: number
  readonly tableCount: number
  readonly sizeBytes: number
  readonly entryCount: number
  readonly tombstoneCount: number
  /** Bytes of the users' keys and values in it: what `sizeBytes` would be without any compression, indexes and filters. */
  readonly rawSizeBytes: number
  /** How the data blocks of new tables are compressed. What was moved here as it was has the codec of where it was written. */
  readonly codec: Codec
}

/** How often a block was asked for and was there, or was not; `hitRate` is 0 before anything was asked for. */
export interface CacheUseStats {
  readonly hitCount: number
  readonly missCount: number
  readonly hitRate: number
}

export interface MemoryStats {
  readonly sizeBytes: number
  readonly count: number
  /** What has to happen, or who has to let go, before it is given back. */
  readonly pinnedBy: string
}

export type MemoryKind =
  | 'arenas'
  | 'spareArenas'
  | 'memtableIndexes'
  | 'stalledWrites'
  | 'blockCache'
  | 'openTables'
  | 'readAhead'

export interface StoreStats {
  /** Milliseconds that the counters cover. */
  readonly periodMs: number
  readonly levels: readonly LevelStats[]
  readonly writes: {
    readonly operationCount: number
    /** Bytes of the users' keys and values. */
    readonly userSizeBytes: number
    readonly walSizeBytes: number
    readonly groupCount: number
    readonly syncCount: number
    /** Conditional writes, commits of transactions included, that something else came before. */
    readonly conflictCount: number
  }
  /** Bytes written to tables over the users' bytes; the log apart. 0 before anything is flushed. */
  readonly writeAmplification: number
  /** Bytes of all tables over those of the deepest level that holds any. */
  readonly spaceAmplification: number
  /** Runs that a read of one key may have to look into: those of level 0, and each deeper level that holds a table. */
  readonly readAmplification: number
  /** To and from files, for whatever purpose: logs, jobs, and blocks that reads load. The manifest is left out. */
  readonly io: { readonly bytesRead: number; readonly bytesWritten: number }
  readonly stalls: StallStats
  readonly scans: {
    /** Tombstones that iterators passed over. Where thousands stand together, their tables are compacted. */
    readonly tombstoneCount: number
  }
  /** An estimate of what compactions have to write until no level is due. */
  readonly pendingCompactionSizeBytes: number
  readonly memory: { readonly totalSizeBytes: number; readonly kinds: Readonly<Record<MemoryKind, MemoryStats>> }
  readonly cache: {
    readonly hitCount: number
    readonly missCount: number
    /** Of those, blocks of indexes, of filters, and of entries. */
    readonly index: CacheUseStats
    readonly filter: CacheUseStats
    readonly data: CacheUseStats
    /** Bytes of the blocks that were read from tables for reads. */
    readonly loadedSizeBytes: number
    readonly sizeBytes: number
    readonly sizeBytesMax: number
  }
  readonly jobs: Readonly<Record<JobKind, JobStats>> & { readonly moveCount: number }
  /** Of the newest write that the log has taken. */
  readonly sequence: number
  readonly openIteratorCount: number
  readonly openSnapshotCount: number
  /**
   * The snapshots that have been open longest, at most ten, oldest first. What they see stays on disk: one that gets ever
   * older was not closed.
   */
  readonly oldestSnapshots: readonly SnapshotStats[]
  readonly transactions: TransactionStats
  /** Threads that are connected. */
  readonly remoteStoreCount: number
}

/** All but what the store itself has handed out, and when. */
export type EngineStats = Omit<
  StoreStats,
  'periodMs' | 'openIteratorCount' | 'openSnapshotCount' | 'oldestSnapshots' | 'transactions' | 'remoteStoreCount'
>

export interface EngineParts {
  /** What others use too. */
  readonly shared: {
    readonly version: Version
    readonly memtables: MemtableQueue
    readonly writes: WritePath
    readonly conditionalWrites: ConditionalWriter
    readonly tombstones: PassedTombstones
  }
  readonly pressure: BackPressure
  readonly commits: CommitQueue
  readonly syncer: WalSyncer
  readonly tables: TableCache
  readonly runner: JobRunner
  readonly compactions: CompactionScheduler
  readonly compression: readonly Codec[]
}

export function engineStatsOf(parts: EngineParts): EngineStats {
  const writes = parts.shared.writes.stats
  const { blocks } = parts.tables
  const levels = levelStatsOf(parts.shared.version, parts.compression)
  const { runner } = parts
  const jobs = {
    flush: runner.statsOf('flush'),
    compaction: runner.statsOf('compaction'),
    verify: runner.statsOf('verify'),
    moveCount: parts.compactions.moveCount,
  }
  const { operationCount, userSizeBytes } = writes
  const { conflictCount } = parts.shared.conditionalWrites
  const { walSizeBytes, groupCount, visibleSequence } = parts.commits
  const jobBytesRead = jobs.flush.bytesRead + jobs.compaction.bytesRead + jobs.verify.bytesRead
  return {
    levels,
    writes: {
      operationCount,
      userSizeBytes,
      walSizeBytes,
      groupCount,
      syncCount: parts.syncer.syncCount,
      conflictCount,
    },
    writeAmplification: writeAmplificationOf(jobs, userSizeBytes),
    spaceAmplification: spaceAmplificationOf(levels),
    readAmplification: parts.shared.version.runs().length,
    io: {
      bytesRead: jobBytesRead + blocks.loadedSizeBytes,
      bytesWritten: walSizeBytes + jobs.flush.bytesWritten + jobs.compaction.bytesWritten,
    },
    stalls: writes.stalls,
    scans: { tombstoneCount: parts.shared.tombstones.count },
    pendingCompactionSizeBytes: parts.pressure.pendingSizeBytes,
    memory: memoryStatsOf(parts.shared.memtables, writes, blocks, parts.tables),
    cache: {
      hitCount: blocks.hitCount,
      missCount: blocks.missCount,
      index: roleUseOf(blocks, ROLE_INDEX),
      filter: roleUseOf(blocks, ROLE_FILTER),
      data: roleUseOf(blocks, ROLE_DATA),
      loadedSizeBytes: blocks.loadedSizeBytes,
      sizeBytes: blocks.sizeBytes,
      sizeBytesMax: blocks.sizeBytesMax,
    },
    jobs,
    sequence: visibleSequence,
  }
}

function roleUseOf(blocks: BlockCache, role: BlockRole): CacheUseStats {
  return cacheUseOf(blocks.hitCountOf(role), blocks.missCountOf(role))
}

export function cacheUseOf(hitCount: number, missCount: number): CacheUseStats {
  return { hitCount, missCount, hitRate: hitCount === 0 ? 0 : hitCount / (hitCount + missCount) }
}

type CountOfTable = 'sizeBytes' | 'entryCount' | 'tombstoneCount' | 'rawKeySizeBytes' | 'rawValueSizeBytes'

function levelStatsOf(version: Version, compression: readonly Codec[]): LevelStats[] {
  return version.levels.map((tables, level) => {
    const sum = (pick: CountOfTable): number => tables.reduce((total, table) => total + table.metadata[pick], 0)
    return {
      level,
      tableCount: tables.length,
      sizeBytes: sum('sizeBytes'),
      entryCount: sum('entryCount'),
      tombstoneCount: sum('tombstoneCount'),
      rawSizeBytes: sum('rawKeySizeBytes') + sum('rawValueSizeBytes'),
      codec: codecOfLevel(compression, level),
    }
  })
}

export function writeAmplificationOf(
  { flush, compaction }: Pick<StoreStats['jobs'], 'flush' | 'compaction'>,
  userSizeBytes: number,
): number {
  return userSizeBytes === 0 ? 0 : (flush.bytesWritten + compaction.bytesWritten) / userSizeBytes
}

function spaceAmplificationOf(levels: readonly LevelStats[]): number {
  const deepest = levels.findLast((level) => level.sizeBytes > 0)
  const total = levels.reduce((sum, level) => sum + level.sizeBytes, 0)
  return deepest === undefined ? 1 : total / deepest.sizeBytes
}

function memoryStatsOf(
  memtables: MemtableQueue,
  writes: WriteStats,
  blocks: BlockCache,
  tables: TableCache,
): StoreStats['memory'] {
  const frozenCount = memtables.frozen.length
  const { used, free } = memtables.arenaSizeBytes
  const waiting = `the active memtable and ${frozenCount} frozen ones that wait for their flush`
  const kinds: Record<MemoryKind, MemoryStats> = {
    arenas: { sizeBytes: used, count: frozenCount + 1, pinnedBy: waiting },
    spareArenas: { sizeBytes: free, count: memtables.spareArenaCount, pinnedBy: 'kept for the next memtables' },
    memtableIndexes: { sizeBytes: memtables.indexSizeBytes, count: frozenCount + 1, pinnedBy: waiting },
    stalledWrites: {
      sizeBytes: writes.stalledSizeBytes,
      count: writes.stalledCount,
      pinnedBy: writes.stalls.current ?? 'nothing',
    },
    blockCache: { sizeBytes: blocks.sizeBytes, count: blocks.count, pinnedBy: 'the option blockCacheSizeBytes' },
    openTables: {
      sizeBytes: tables.memorySizeBytes,
      count: tables.openCount,
      pinnedBy: 'the option openTableCountMax',
    },
    readAhead: {
      sizeBytes: tables.readAheadSizeBytes,
      count: tables.readAheadSizeBytes === 0 ? 0 : 1,
      pinnedBy: 'iterators between their steps; at most 8 MiB in all',
    },
  }
  const totalSizeBytes = Object.values(kinds).reduce((sum, kind) => sum + kind.sizeBytes, 0)
  return { totalSizeBytes, kinds }
}
