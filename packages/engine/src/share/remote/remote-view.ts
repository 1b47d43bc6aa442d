/**
 * What a remote sees of the store: the newest view that the owner has posted, and older ones while reads are in flight on
 * them. `refresh` takes in what waits, without a turn of the loop; reads begin with it, so that they see all that their
 * thread was acknowledged, and never go back. The order of the steps is that of `shared-layout.ts`.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { BusyError, ClosedError, type VersionEdit } from '@varve/storage'
import type { TableCache } from '../../cache/table-cache.ts'
import type { ReadableMemtables } from '../../memtable/readable-memtable.ts'
import type { TombstoneWatch } from '../../read/passed-tombstones.ts'
import type { StoreView } from '../../read/store-view.ts'
import { Version } from '../../version/version.ts'
import type { ViewMessage } from '../messages.ts'
import type { ConnectionCells, StoreCells } from '../shared-layout.ts'
import { RemoteMemtable } from './remote-memtable.ts'

/** A remote that fell behind waits for the owner's answer so long, in slices. */
const RESYNC_SLICE_MS = 100
const RESYNC_SLICE_COUNT_MAX = 100
const TOMBSTONES_PER_MESSAGE = 1000

interface HeldView extends ReadableMemtables {
  readonly number: number
  readonly active: RemoteMemtable
  readonly frozen: readonly RemoteMemtable[]
  readonly version: Version
  readCount: number
}

export interface RemoteViewHooks {
  /** A view is not read any more. */
  onReleased(): void
  /** Views were left out: the newest is needed. */
  askForNewest(): void
  /** See `TombstoneWatch`; those of other places by the thousand. */
  onTombstones(count: number, key: Uint8Array | undefined): void
}

/** The owner is told when there is a place to do something about, or when there are many. */
class RemoteTombstones implements TombstoneWatch {
  readonly #tell: (count: number, key: Uint8Array | undefined) => void
  #untoldCount = 0

  constructor(tell: (count: number, key: Uint8Array | undefined) => void) {
    this.#tell = tell
  }

  passed(count: number, key: Uint8Array | undefined): void {
    this.#untoldCount += count
    if (key !== undefined || this.#untoldCount >= TOMBSTONES_PER_MESSAGE) {
      this.#tell(this.#untoldCount, key)
      this.#untoldCount = 0
    }
  }
}

export class RemoteView implements StoreView {
  readonly tombstones: TombstoneWatch = new RemoteTombstones((count, key) => this.#hooks.onTombstones(count, key))
  readonly #store: StoreCells
  readonly #connection: ConnectionCells
  readonly #port: MessagePort
  readonly #tables: TableCache
  readonly #hashSeed: number
  readonly #hooks: RemoteViewHooks
  /** Those that are read now or next. */
  readonly #held = new Map<Version, HeldView>()
  #latest: HeldView
  #current: HeldView

  constructor(
    cells: { readonly store: StoreCells; readonly connection: ConnectionCells },
    port: MessagePort,
    tables: TableCache,
    first: { readonly view: ViewMessage; readonly hashSeed: number },
    hooks: RemoteViewHooks,
  ) {
    this.#store = cells.store
    this.#connection = cells.connection
    this.#port = port
    this.#tables = tables
    this.#hashSeed = first.hashSeed
    this.#hooks = hooks
    this.#latest = this.#viewOf(first.view, undefined)
    this.#current = this.#latest
    this.#connection.views.put(this.#current.number)
    this.#held.set(this.#current.version, this.#current)
    port.on('message', (message: ViewMessage) => {
      // It may have come before `view` was raised: nobody may look again for long, and the one before would be held.
      this.#take(message)
      this.#enter(this.#latest)
      this.refresh()
    })
    port.unref()
  }

  get memtables(): ReadableMemtables {
    return this.#current
  }

  get visibleSequence(): number {
    return this.#store.visibleSequence
  }

  /** That of the newest view: cursors on an older one are made anew. */
  get epoch(): number {
    this.refresh()
    return this.#current.number
  }

  get version(): Version {
    return this.#current.version
  }

  retainVersion(): Version {
    this.#current.readCount++
    return this.#current.version
  }

  releaseVersion(version: Version): void {
    const view = this.#held.get(version)
    if (view !== undefined && --view.readCount === 0 && view !== this.#current) {
      this.#letGo(view)
    }
  }

  /** @throws BusyError, ClosedError */
  refresh(): void {
    while (this.#store.view > this.#current.number) {
      const before = this.#latest.number
      for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
        this.#take((next as { message: ViewMessage }).message)
      }
      this.#enter(this.#latest)
      if (this.#latest.number === before && this.#store.view > before) {
        this.#waitForNewest(before)
      }
    }
  }

  /** No read is in flight. */
  close(): void {
    this.#port.close()
  }

  #take(message: ViewMessage): void {
    const before = this.#latest
    this.#latest = this.#viewOf(message, before)
    if (before !== this.#current) {
      this.#releaseTables(before)
    }
  }

  #enter(view: HeldView): void {
    const before = this.#current
    if (view !== before) {
      this.#connection.views.put(view.number)
      this.#held.set(view.version, view)
      this.#current = view
      if (before.readCount === 0) {
        this.#letGo(before)
      }
    }
  }

  #letGo(view: HeldView): void {
    this.#held.delete(view.version)
    this.#releaseTables(view)
    this.#connection.views.remove(view.number)
    this.#hooks.onReleased()
  }

  #releaseTables({ version }: HeldView): void {
    for (const table of version.release()) {
      this.#tables.forget(table)
    }
  }

  #viewOf(message: ViewMessage, before: HeldView | undefined): HeldView {
    const known = new Map(
      before === undefined ? [] : [...before.frozen, before.active].map((each) => [each.firstSequence, each]),
    )
    const memtables = message.memtables.map(({ firstSequence, shared }) =>
      shared === undefined ? (known.get(firstSequence) as RemoteMemtable) : new RemoteMemtable(firstSequence, shared),
    )
    const version = (before?.version ?? Version.empty()).apply(editOf(message, before))
    version.retain()
    return {
      number: message.number,
      active: memtables.at(-1) as RemoteMemtable,
      frozen: memtables.slice(0, -1),
      hashSeed: this.#hashSeed,
      version,
      readCount: 0,
    }
  }

  /** The owner does not post to who does not take in. It answers in a turn of its own loop. */
  #waitForNewest(known: number): void {
    this.#hooks.askForNewest()
    for (let i = 0; i < RESYNC_SLICE_COUNT_MAX; i++) {
      if (this.#store.isClosed) {
        throw new ClosedError('the store is closed')
      }
      if (this.#connection.waitForPost(known, RESYNC_SLICE_MS)) {
        return
      }
    }
    throw new BusyError('the thread that opened the store has not turned its event loop for ten seconds: try again')
  }
}

/** Handles of tables that stay are kept, with their open files and cached blocks. */
function editOf({ isFull, deleted, added }: ViewMessage, before: HeldView | undefined): VersionEdit {
  const all = before?.version.toAdded().map(({ level, table }) => ({ level, number: table.number })) ?? []
  return { deleted: isFull ? all : deleted, added }
}
