/**
 * Everything that the main thread and the job workers say to each other: one request, one result a job.
 *
 *     main thread                                   job worker
 *     JobRequest  ------------------------------->  reads arena or tables, writes tables, fsyncs, re-reads, checks;
 *                                                   or only checks a table
 *                 control (shared memory) ........  cancel flag and signs of life, as it goes; see job-control.ts
 *                 <-------------------------------  JobResult
 *     VersionSet.apply(edit), then deletes files
 *
 * Workers never delete, rename or append to a file that existed before the job, and never touch the manifest.
 * Rows never cross: only file numbers, a shared arena, bounds and counts do.
 */
import type { Codec, ErrorCode, TableMetadata } from '@varve/storage'

/** How tables are to be written. */
export interface TableOptions {
  readonly blockSizeBytes: number
  readonly bloomBitsPerKey: number
  /** How data blocks are compressed, by level; the last one counts for the levels below it too. */
  readonly compression: readonly Codec[]
  /** A table is finished at the first change of user key beyond this size. */
  readonly tableSizeBytes: number
}

interface JobRequestBase {
  readonly directory: string
  /** See `job-control.ts`. */
  readonly control: SharedArrayBuffer
}

/** What jobs are told that write tables. */
interface WritingRequestBase extends JobRequestBase {
  readonly table: TableOptions
  /** Where the tables are to stand. */
  readonly outputLevel: number
  /**
   * The sequences that some reader may still ask for, ascending, the last being the newest visible one. Of each key the
   * newest version at or below each of them is kept, and so is every version above the last.
   */
  readonly liveSequences: readonly number[]
  /** Outputs are numbered from `first` on; a job that needs more than `count` lets its last table grow. */
  readonly outputNumbers: { readonly first: number; readonly count: number }
  /** How fast the store's jobs may write, together; see `background-rate.ts`. */
  readonly rate?: SharedArrayBuffer | undefined
}

/** Turns one memtable, given as the image of its WAL, into tables sorted by key. */
export interface FlushRequest extends WritingRequestBase {
  readonly type: 'flush'
  readonly walNumber: number
  readonly arena: SharedArrayBuffer
  /** Bytes of the arena that hold whole, visible groups; what is behind them failed or never was. */
  readonly committedSizeBytes: number
}

export interface CompactionInput {
  readonly number: number
  readonly sizeBytes: number
  readonly entryCount: number
  /** The bounds by which the inputs were chosen: keys beyond would end up where they do not belong. */
  readonly smallestKey: Uint8Array
  readonly largestKey: Uint8Array
}

/** Keys from `lower` up to, but without, `upper`; undefined means without bound. */
export interface KeySpan {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
}

/** Merges runs of tables into new tables. */
export interface CompactionRequest extends WritingRequestBase {
  readonly type: 'compaction'
  /** Newest run first; the tables of one run in key order, not overlapping. */
  readonly runs: readonly (readonly CompactionInput[])[]
  /** No older version of any key in the inputs exists outside of them: tombstones that nobody sees may go. */
  readonly isBottom: boolean
  /** Tables below the outputs, in key order: an output ends where it would overlap too many of them. */
  readonly grandparents: readonly Grandparent[]
  /** Of a compaction that is split over several jobs, the keys that are this one's. Each entry is read by one of them. */
  readonly span?: KeySpan | undefined
}

export interface Grandparent {
  readonly largestKey: Uint8Array
  readonly sizeBytes: number
}

/**
 * Checks one table: all of it against what the manifest knows of it, then its versions against older ones of the same
 * keys. Writes nothing. What is wrong is the job's failure, of code VARVE_CORRUPTION or VARVE_IO, with path and offset.
 */
export interface VerifyRequest extends JobRequestBase {
  readonly type: 'verify'
  readonly metadata: TableMetadata
  /** Of each older run that may hold newer versions by its sequence range: the tables that overlap, in key order. */
  readonly olderRuns: readonly (readonly CompactionInput[])[]
}

/** Of jobs that write tables. */
export type WritingRequest = FlushRequest | CompactionRequest

export type JobRequest = WritingRequest | VerifyRequest

/** What a job has done. A job that only verifies keeps every entry that it reads, and has no tables. */
export interface JobWork {
  readonly tables: readonly TableMetadata[]
  /** entriesIn = entriesOut + entriesDropped, checked by the job and by the main thread. */
  readonly entriesIn: number
  readonly entriesOut: number
  readonly entriesDropped: number
  readonly bytesRead: number
  readonly bytesWritten: number
}

export interface JobOutput extends JobWork {
  readonly ok: true
  readonly durationMs: number
}

/** A failure as a value: errors that cross threads lose their class and code. */
export interface JobFailure {
  readonly ok: false
  readonly code: ErrorCode
  readonly message: string
  readonly stack: string | undefined
  /** For VARVE_IO and VARVE_CORRUPTION. */
  readonly path: string | undefined
  readonly offset: number | undefined
  /** For VARVE_IO: `ENOSPC`, `EIO` ... */
  readonly systemCode: string | undefined
  readonly cancelled: boolean
}

export type JobResult = JobOutput | JobFailure
