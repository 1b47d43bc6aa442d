/**
 * All messages between a remote and the owner, as closed unions. Three ports make a connection:
 *
 *     data     writes, in order, and their acknowledgements; what opens and ends the connection
 *     views    owner -> remote: views (see `shared-layout.ts`)
 *     control  calls that ask the owner to do something, through comlink
 *
 *     remote                    owner
 *     hello            ->
 *                      <-       welcome { the other ports, shared memory, the first view }
 *     ArrayBuffer      ->                                            (`write-message.ts`)
 *     conditional      ->
 *                      <-       settled { ids } or { failures }
 *     released         ->                                            a view is not read any more
 *     tombstones       ->                                            a scan passed over so many
 *     resync           ->                                            views were left out; the newest, please
 *     share { port }   ->                                            another connection
 *     close            ->
 *                      <-       closed { error }                     the last message
 */
import type { MessagePort } from 'node:worker_threads'
import type { AddedTable, DeletedTable } from '@varve/storage'
import type { SharedIndex } from '../memtable/hash-index.ts'
import type { StoreStats } from '../store-stats.ts'
import type { KeyRange } from '../version/version.ts'
import type { ErrorMessage } from './error-message.ts'

/** Memory of a memtable. */
export interface SharedMemtable {
  readonly arena: SharedArrayBuffer
  readonly index: SharedIndex
  readonly indexCapacity: number
  readonly committed: SharedArrayBuffer
}

/** The memtables and tables of one moment: what changed since the view before, or all. */
export interface ViewMessage {
  readonly number: number
  /** Oldest first; the last one is active. Those that the view before had, in the same memory, come without it. */
  readonly memtables: readonly { readonly firstSequence: number; readonly shared: SharedMemtable | undefined }[]
  /** The tables are `added` alone. */
  readonly isFull: boolean
  readonly deleted: readonly DeletedTable[]
  readonly added: readonly AddedTable[]
}

export interface Welcome {
  readonly kind: 'welcome'
  readonly directory: string
  readonly hashSeed: number
  readonly valueSizeBytesMax: number
  readonly waitingSizeBytesMax: number
  readonly memtableSizeBytes: number
  readonly storeBlock: SharedArrayBuffer
  readonly connectionBlock: SharedArrayBuffer
  readonly view: ViewMessage
  readonly viewPort: MessagePort
  readonly controlPort: MessagePort
}

export interface ConditionalMessage {
  readonly kind: 'conditional'
  readonly id: number
  readonly sync: boolean
  /** Of the snapshot that it depends on. */
  readonly sequence: number
  readonly operations: { readonly bytes: Uint8Array; readonly count: number; readonly userSizeBytes: number }
  /** More keys that it depends on, packed as deletes. */
  readonly keys: { readonly bytes: Uint8Array; readonly count: number; readonly userSizeBytes: number }
  readonly ranges: readonly KeyRange[]
}

export type RemoteMessage =
  | ArrayBuffer
  | ConditionalMessage
  | { readonly kind: 'hello' | 'released' | 'resync' | 'close' }
  | { readonly kind: 'share'; readonly port: MessagePort }
  | { readonly kind: 'tombstones'; readonly count: number; readonly key: Uint8Array | undefined }

export type OwnerMessage =
  | Welcome
  | { readonly kind: 'settled'; readonly ids: readonly number[] }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorMessage }
  | { readonly kind: 'closed'; readonly error: ErrorMessage }

/** What a call comes to: comlink would lose the class, code and cause of an error. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorMessage }

/**
 * The calls that comlink carries. Each names the last write that was sent before it, and begins when that has come: ports
 * keep no order between them.
 */
export interface OwnerControl {
  sync(afterWrite: number): Promise<Answer<void>>
  flush(afterWrite: number): Promise<Answer<void>>
  compactRange(afterWrite: number, range: KeyRange): Promise<Answer<void>>
  stats(afterWrite: number): Promise<Answer<StoreStats>>
}
