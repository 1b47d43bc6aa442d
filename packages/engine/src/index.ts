export {
  BusyError,
  ClosedError,
  ConflictError,
  CorruptionError,
  InvalidArgumentError,
  IoError,
  LockedError,
  ReadOnlyError,
  UnsupportedError,
  VarveError,
  type Codec,
  type ErrorCode,
} from '@varve/storage'
export type { Bytes } from './bytes.ts'
export type { CheckpointOptions, CheckpointProgress, CheckpointReport } from './checkpoint/checkpoint.ts'
export type { CompactionEvent } from './compaction/compaction-scheduler.ts'
export type { JobKind, JobStats } from './jobs/job-runner.ts'
export { destroy, open, repair, type Components } from './open.ts'
export type { StoreOptions } from './options.ts'
export type { RangeIterator } from './read/range-iterator.ts'
export type { Range } from './read/range.ts'
export type { EntryBytes, EntryTaker, ValueTaker } from './read/taker.ts'
export { copyOut } from './read/value-copy.ts'
export type { RangeOptions, Snapshot, SnapshotOptions, SnapshotStats } from './read/snapshot.ts'
export type { RecoveryReport } from './recovery/recover-store.ts'
export { connect, type ConnectOptions } from './share/remote/connect.ts'
export type { RemoteReadOptions, RemoteStore, RemoteStoreStats } from './share/remote/remote-store.ts'
export type { LostPart, RepairReport } from './repair/repair-report.ts'
export type { FlushEvent, RecoveryEvent, StoreEvents, TableEvent, WalEvent } from './store-events.ts'
export type { StatsOptions } from './stats-period.ts'
export type { CacheUseStats, LevelStats, MemoryKind, MemoryStats, StoreStats } from './store-stats.ts'
export type { Store } from './store.ts'
export type { ReadOptions } from './read/read-options.ts'
export type { TransactionIterator } from './transaction/transaction-iterator.ts'
export type { TransactionOptions, TransactionStats } from './transaction/transaction-runner.ts'
export type { Transaction, TransactionRange } from './transaction/transaction.ts'
export type { Operation } from './write/packed-operations.ts'
export type { VerifyFinding } from './verify/findings.ts'
export type { VerifyOptions, VerifyProgress, VerifyReport } from './verify/verification.ts'
export { WriteBatch } from './write/write-batch.ts'
export type { WriteOptions } from './write/write-options.ts'
export type { StallCause, StallEvent, StallKind, StallStats, StallTally } from './write/stall-log.ts'
