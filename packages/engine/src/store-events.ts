/**
 * What a store tells its listeners. Events report; nothing depends on whether somebody listens. They come in microtasks
 * of their own, so that a listener may call the store.
 */
import type { VarveError } from '@varve/storage'
import type { JobOutput } from '@varve/workers'
import type { CompactionEvent } from './compaction/compaction-scheduler.ts'
import type { StallEvent } from './write/stall-log.ts'

export interface FlushEvent {
  readonly walNumber: number
  readonly tableCount: number
  readonly entryCount: number
  readonly bytesWritten: number
  readonly durationMs: number
}

export interface TableEvent {
  readonly change: 'added' | 'removed'
  readonly number: number
  readonly sizeBytes: number
}

export interface WalEvent {
  /** Frozen: its memtable takes no more writes. Removed: its memtable's tables are in the manifest. */
  readonly change: 'frozen' | 'removed'
  readonly number: number
}

/** Writes go on after a log could not be written to. */
export interface RecoveryEvent {
  readonly cause: VarveError
  readonly durationMs: number
}

export interface StoreEvents {
  flush: [FlushEvent]
  compaction: [CompactionEvent]
  stall: [StallEvent]
  table: [TableEvent]
  wal: [WalEvent]
  /** A failure in the background. Without a listener it is only seen in what it makes fail. */
  error: [VarveError]
  recovery: [RecoveryEvent]
}

export type EmitEvent = <Name extends keyof StoreEvents>(name: Name, event: StoreEvents[Name][0]) => void

/** A memtable has become tables, and its log goes. */
export function emitFlush(emit: EmitEvent, walNumber: number, output: JobOutput): void {
  const { tables, entriesOut, bytesWritten, durationMs } = output
  emit('wal', { change: 'removed', number: walNumber })
  for (const { number, sizeBytes } of tables) {
    emit('table', { change: 'added', number, sizeBytes })
  }
  emit('flush', { walNumber, tableCount: tables.length, entryCount: entriesOut, bytesWritten, durationMs })
}
