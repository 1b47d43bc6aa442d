/**
 * The owner's end of one connection: takes in what a remote writes, acknowledges it, and knows which views it may read.
 * When the remote's thread ends, however it ends, its port closes, and everything is let go at once.
 *
 *     waiting -> connected -> closed
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { expose } from 'comlink'
import { ClosedError, toVarveError, type VarveError } from '@varve/storage'
import type { LoopGuard } from '../../loop-guard.ts'
import type { TombstoneWatch } from '../../read/passed-tombstones.ts'
import type { ConditionalWriter } from '../../write/conditional-writer.ts'
import { PackedOperations } from '../../write/packed-operations.ts'
import type { WriteCondition } from '../../write/stall-queue.ts'
import type { WritePath } from '../../write/write-path.ts'
import { encodeError } from '../error-message.ts'
import type { ConditionalMessage, OwnerMessage, RemoteMessage, ViewMessage, Welcome } from '../messages.ts'
import { ConnectionCells, type StoreCells } from '../shared-layout.ts'
import { decodeWrites } from '../write-message.ts'
import { ControlDesk, type ControlHost } from './control-desk.ts'
import type { PublishedView } from './published-view.ts'

/** A remote that has not taken in so many views gets no more of them until it asks: its thread does not turn. */
const VIEW_LAG_MAX = 64

export interface EngineOfConnection {
  readonly writes: WritePath
  readonly conditionalWrites: ConditionalWriter
  readonly memtables: { readonly memtableSizeBytes: number }
  readonly guard: LoopGuard
  readonly tombstones: TombstoneWatch
}

export interface SharedStore extends ControlHost {
  readonly directory: string
}

export interface ConnectionHost {
  readonly engine: EngineOfConnection
  readonly store: SharedStore
}

export interface ConnectionHooks {
  onHello(): void
  onShare(port: MessagePort): void
  onReleased(): void
  onResync(): void
  onGone(): void
}

export class Connection {
  readonly #port: MessagePort
  readonly #storeCells: StoreCells
  readonly #cells = new ConnectionCells()
  readonly #host: ConnectionHost
  readonly #hooks: ConnectionHooks
  readonly #desk: ControlDesk
  #views: MessagePort | undefined
  #control: MessagePort | undefined
  /** Views that the remote may read. */
  readonly #held = new Set<PublishedView>()
  #isLagging = false
  #isGone = false
  /** Acknowledged in this turn. */
  #settledIds: number[] = []
  /** For writes that stall: whoever made them may be gone when there is room. */
  readonly #condition: WriteCondition = {
    sizeBytes: 0,
    holds: () => {
      if (this.#isGone) {
        throw new ClosedError('the thread that made this write has closed its store, or has ended')
      }
      return true
    },
    load: () => Promise.resolve(),
  }

  constructor(port: MessagePort, storeCells: StoreCells, host: ConnectionHost, hooks: ConnectionHooks) {
    this.#port = port
    this.#storeCells = storeCells
    this.#host = host
    this.#hooks = hooks
    this.#desk = new ControlDesk(host.store)
    port.on('message', (message: RemoteMessage) => this.#receive(message))
    port.on('close', () => this.#end())
    port.unref()
  }

  welcome(view: PublishedView, hashSeed: number): void {
    const views = new MessageChannel()
    const control = new MessageChannel()
    this.#views = views.port1
    this.#control = control.port1
    this.#hold(view)
    this.#cells.postedView = view.number
    expose(this.#desk, control.port1 as unknown as Parameters<typeof expose>[1])
    control.port1.unref()
    const welcome: Welcome = {
      kind: 'welcome',
      directory: this.#host.store.directory,
      hashSeed,
      valueSizeBytesMax: this.#host.engine.conditionalWrites.valueSizeBytesMax,
      waitingSizeBytesMax: this.#host.engine.writes.stalledSizeBytesMax,
      memtableSizeBytes: this.#host.engine.memtables.memtableSizeBytes,
      storeBlock: this.#storeCells.block,
      connectionBlock: this.#cells.block,
      view: view.messageAfter(undefined),
      viewPort: views.port2,
      controlPort: control.port2,
    }
    this.#port.postMessage(welcome, [views.port2, control.port2])
  }

  /** A view that is about to be the newest. */
  post(view: PublishedView, message: ViewMessage): void {
    if (this.#views === undefined || this.#held.has(view)) {
      return
    }
    if (message.isFull) {
      this.#isLagging = false
    } else if (this.#isLagging || view.number - this.#newestTaken() > VIEW_LAG_MAX) {
      this.#isLagging = true
      return
    }
    this.#hold(view)
    this.#views.postMessage(message)
    this.#cells.postedView = view.number
  }

  /** Lets go of views before `current` that the remote does not read. */
  sweep(current: number): void {
    const read = new Set(this.#cells.views.list())
    for (const view of this.#held) {
      if (view.number < current && !read.has(view.number)) {
        this.#held.delete(view)
        view.letGo()
      }
    }
  }

  letGoOfFiles(): void {
    this.#held.forEach((view) => view.letGoOfVersion())
  }

  liveSequences(): number[] {
    return this.#cells.sequences.list().map((held) => held - 1)
  }

  /** The last message; the ports close behind it. */
  close(error: Error): void {
    if (!this.#isGone) {
      this.#postSettled()
      this.#post({ kind: 'closed', error: encodeError(error) })
      this.#end()
    }
  }

  #hold(view: PublishedView): void {
    view.hold()
    this.#held.add(view)
  }

  #newestTaken(): number {
    return Math.max(...this.#cells.views.list(), 0)
  }

  #receive(message: RemoteMessage): void {
    if (this.#isGone) {
      return
    }
    if (message instanceof ArrayBuffer) {
      this.#write(message)
      return
    }
    switch (message.kind) {
      case 'hello':
        if (this.#views === undefined) {
          this.#hooks.onHello()
        }
        break
      case 'conditional':
        this.#writeIf(message)
        break
      case 'released':
        this.#hooks.onReleased()
        break
      case 'resync':
        this.#hooks.onResync()
        break
      case 'tombstones':
        this.#host.engine.tombstones.passed(message.count, message.key)
        break
      case 'share':
        this.#hooks.onShare(message.port)
        break
      case 'close':
        void this.#closeWhenCommitted()
        break
    }
  }

  #write(message: ArrayBuffer): void {
    const { writes } = this.#host.engine
    for (const segment of decodeWrites(message)) {
      const { id } = segment
      this.#desk.received(id)
      writes.writeGathered(segment, segment.sync, this.#condition).then(
        () => this.#settled(id),
        (error: unknown) => this.#failed(id, toVarveError(error)),
      )
    }
  }

  #writeIf({ id, sync, sequence, operations, keys, ranges }: ConditionalMessage): void {
    const packed = new PackedOperations()
    packed.append({ ...operations, sizeBytes: operations.bytes.length })
    const packedKeys = new PackedOperations()
    packedKeys.append({ ...keys, sizeBytes: keys.bytes.length })
    this.#desk.received(id)
    this.#host.engine.conditionalWrites.writePacked(packed, sequence, { keys: packedKeys, ranges }, sync).then(
      () => this.#settled(id),
      (error: unknown) => this.#failed(id, toVarveError(error)),
    )
  }

  #settled(id: number): void {
    if (this.#settledIds.push(id) === 1) {
      queueMicrotask(() => this.#postSettled())
    }
  }

  #postSettled(): void {
    const ids = this.#settledIds
    if (ids.length > 0) {
      this.#settledIds = []
      this.#post({ kind: 'settled', ids })
    }
  }

  #failed(id: number, error: VarveError): void {
    this.#post({ kind: 'failed', id, error: encodeError(error) })
  }

  #post(message: OwnerMessage): void {
    if (!this.#isGone) {
      this.#port.postMessage(message)
    }
  }

  /** The remote closes: what it sent is committed; what stalls is not waited for. */
  async #closeWhenCommitted(): Promise<void> {
    await this.#host.engine.writes.whenCommitted()
    // Acknowledgements of the last group are posted in a microtask of their own.
    await this.#host.engine.guard.turn()
    this.close(new ClosedError('this connection to the store is closed'))
  }

  #end(): void {
    if (this.#isGone) {
      return
    }
    this.#isGone = true
    for (const port of [this.#port, this.#views, this.#control]) {
      port?.close()
    }
    for (const view of this.#held) {
      view.letGo()
    }
    this.#held.clear()
    this.#hooks.onGone()
  }
}
