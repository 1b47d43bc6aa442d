/** The parts of a remote store, wired together: caches and readers over shared memory, writes, calls, and the ports. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { wrap, type Remote } from 'comlink'
import { ClosedError, createNodeEnv, type Env, type FileSystem } from '@varve/storage'
import { BlockCache } from '../../cache/block-cache.ts'
import { TableCache } from '../../cache/table-cache.ts'
import { LoopGuard } from '../../loop-guard.ts'
import { PointReader } from '../../read/point-reader.ts'
import { decodeError } from '../error-message.ts'
import type { OwnerControl, OwnerMessage, RemoteMessage, Welcome } from '../messages.ts'
import { ConnectionCells, StoreCells } from '../shared-layout.ts'
import { OwnerCalls } from './owner-calls.ts'
import { PortHold } from './port-hold.ts'
import { RemoteSequences } from './remote-sequences.ts'
import { RemoteView } from './remote-view.ts'
import { RemoteWriter } from './remote-writer.ts'

export interface RemoteCacheSizes {
  readonly blockCacheSizeBytes: number
  readonly openTableCountMax: number
}

export class RemoteParts {
  readonly env: Env
  readonly directory: string
  readonly valueSizeBytesMax: number
  readonly guard: LoopGuard
  readonly tables: TableCache
  readonly view: RemoteView
  readonly points: PointReader
  readonly sequences: RemoteSequences
  readonly writer: RemoteWriter
  readonly calls: OwnerCalls
  /** A view is not read any more; in a step of its own. */
  onViewReleased: () => void = () => undefined
  /** Nothing more comes from the owner. */
  onClosed: (error: Error) => void = () => undefined
  readonly #port: MessagePort
  readonly #control: MessagePort
  readonly #cells: StoreCells
  readonly #hold: PortHold
  #isReleaseDue = false
  #hasEnded = false

  constructor(port: MessagePort, welcome: Welcome, sizes: RemoteCacheSizes) {
    const { directory, storeBlock, connectionBlock, viewPort, controlPort } = welcome
    this.#port = port
    this.#control = controlPort
    this.directory = directory
    this.valueSizeBytesMax = welcome.valueSizeBytesMax
    const store = new StoreCells(storeBlock)
    const connection = new ConnectionCells(connectionBlock)
    this.#cells = store
    const env = createNodeEnv()
    this.env = { ...env, files: withClosedErrors(env.files, store, directory) }
    this.guard = new LoopGuard(env)
    const blocks = new BlockCache(sizes.blockCacheSizeBytes)
    // A descriptor that cannot be closed is lost; nothing else is, and there is nobody here to tell.
    this.tables = new TableCache(this.env, directory, sizes.openTableCountMax, blocks, () => undefined)
    this.view = new RemoteView({ store, connection }, viewPort, this.tables, welcome, {
      onReleased: () => this.#postReleased(),
      askForNewest: () => this.#post({ kind: 'resync' }),
      onTombstones: (count, key) => this.#post({ kind: 'tombstones', count, key }),
    })
    this.points = new PointReader(this.view, this.tables, this.guard)
    this.sequences = new RemoteSequences(store, connection.sequences)
    this.#hold = new PortHold(port)
    this.writer = new RemoteWriter({
      env,
      hold: this.#hold,
      valueSizeBytesMax: welcome.valueSizeBytesMax,
      waitingSizeBytesMax: welcome.waitingSizeBytesMax,
      memtableSizeBytes: welcome.memtableSizeBytes,
      send: (message, transfer) => port.postMessage(message, transfer),
    })
    const owner: Remote<OwnerControl> = wrap(controlPort as unknown as Parameters<typeof wrap>[0])
    controlPort.unref()
    this.calls = new OwnerCalls(owner, this.#hold, () => this.writer.sendNow())
    port.on('message', (message: OwnerMessage) => this.#receive(message))
    port.on('close', () => this.#end(new ClosedError(`the thread that opened ${directory} has ended`)))
    port.unref()
  }

  /** The owner closes the store, or has: told by shared memory, before any message is. */
  get isOwnerClosed(): boolean {
    return this.#hasEnded || this.#cells.isClosed
  }

  share(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    this.#port.postMessage({ kind: 'share', port: port1 } satisfies RemoteMessage, [port1])
    return port2
  }

  /** The owner answers when it has committed what was sent; then it closes the ports. */
  sayGoodbye(): void {
    if (!this.#hasEnded) {
      this.#hold.begin()
      this.#post({ kind: 'close' })
    }
  }

  /** No read is in flight. */
  release(): void {
    this.#control.close()
    this.view.close()
    this.#port.close()
    this.tables.closeAll()
  }

  #receive(message: OwnerMessage): void {
    switch (message.kind) {
      case 'settled':
        this.writer.settled(message.ids)
        break
      case 'failed':
        this.writer.failed(message.id, decodeError(message.error))
        break
      case 'closed':
        this.#end(decodeError(message.error))
        break
      case 'welcome':
        break
    }
  }

  #end(error: Error): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true
      this.onClosed(error)
    }
  }

  #post(message: RemoteMessage): void {
    this.#port.postMessage(message)
  }

  /** Once for all views that are let go in this step. */
  #postReleased(): void {
    if (!this.#isReleaseDue) {
      this.#isReleaseDue = true
      queueMicrotask(() => {
        this.#isReleaseDue = false
        this.onViewReleased()
        this.#post({ kind: 'released' })
      })
    }
  }
}

/** When the store closes, files may go: a read that is still in flight is told why. */
function withClosedErrors(files: FileSystem, store: StoreCells, directory: string): FileSystem {
  const reason = (error: unknown): unknown =>
    store.isClosed ? new ClosedError(`the store in ${directory} is closed`, { cause: error }) : error
  const openSync: FileSystem['openSync'] = (path, mode) => {
    try {
      return files.openSync(path, mode)
    } catch (error) {
      throw reason(error)
    }
  }
  const open: FileSystem['open'] = async (path, mode) => {
    try {
      return await files.open(path, mode)
    } catch (error) {
      throw reason(error)
    }
  }
  return Object.assign(Object.create(files) as FileSystem, { openSync, open })
}
