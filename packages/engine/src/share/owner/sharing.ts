/**
 * The owner's side of a shared store: hands out ports, publishes a view whenever memtables or tables come or go, and holds
 * what connections may still read. Costs next to nothing while nobody is connected. Never waits for another thread.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { OwnView } from '../../read/store-view.ts'
import { StoreCells } from '../shared-layout.ts'
import { Connection, type ConnectionHost, type EngineOfConnection, type SharedStore } from './connection.ts'
import { PublishedView } from './published-view.ts'

/** The parts of the engine that it works with; it hangs itself on their hooks. */
export interface SharedEngine extends OwnView, Omit<EngineOfConnection, 'memtables'> {
  readonly liveSequences: { others: () => readonly number[] }
  onVisible: (sequence: number) => void
}

export class Sharing {
  readonly #engine: SharedEngine
  readonly #host: ConnectionHost
  readonly #cells = new StoreCells()
  /** Ports that were handed out, connected or not. */
  readonly #connections = new Set<Connection>()
  readonly #connected = new Set<Connection>()
  #current: PublishedView | undefined
  #viewCount = 0

  constructor(engine: SharedEngine, store: SharedStore) {
    this.#engine = engine
    this.#host = { engine, store }
    engine.memtables.onChanged = () => this.publish()
    engine.onVisible = (sequence) => this.#onVisible(sequence)
    engine.liveSequences.others = () => this.#liveSequences()
  }

  get connectionCount(): number {
    return this.#connected.size
  }

  /** A port for one thread to connect with. */
  share(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    this.adopt(port1)
    return port2
  }

  /** The owner's end of a channel whose other end another thread connects with. */
  adopt(port: MessagePort): void {
    const connection: Connection = new Connection(port, this.#cells, this.#host, {
      onHello: () => this.#connect(connection),
      onShare: (other) => this.adopt(other),
      onReleased: () => this.#sweep(connection),
      onResync: () => this.#postCurrent(connection),
      onGone: () => this.#forget(connection),
    })
    this.#connections.add(connection)
  }

  /** Memtables or tables have come or gone: in this step, before anything is added to a new memtable. */
  publish(): void {
    if (this.#connected.size === 0) {
      return
    }
    const version = this.#engine.retainVersion()
    const before = this.#current
    if (before?.isCurrent(version) === true) {
      this.#engine.releaseVersion(version)
      return
    }
    const view = this.#newView(version)
    const message = view.messageAfter(before)
    for (const connection of this.#connected) {
      connection.post(view, message)
    }
    this.#cells.view = view.number
    for (const connection of this.#connected) {
      this.#sweep(connection)
    }
    before?.letGo()
  }

  /** New calls of remotes are refused, files that nothing else needs may go. */
  beginClose(): void {
    this.#cells.close()
    for (const connection of this.#connected) {
      connection.letGoOfFiles()
    }
    this.#current?.letGoOfVersion()
  }

  /** Tells every remote, and ends. What was acknowledged is told before. */
  async end(error: Error): Promise<void> {
    // Acknowledgements of the last group are posted in microtasks.
    await this.#engine.guard.turn()
    for (const connection of this.#connections) {
      connection.close(error)
    }
  }

  #newView(version: ReturnType<OwnView['retainVersion']>): PublishedView {
    const view = new PublishedView(++this.#viewCount, this.#engine, version)
    view.hold()
    this.#current = view
    return view
  }

  #connect(connection: Connection): void {
    const isFirst = this.#connected.size === 0
    this.#connected.add(connection)
    if (isFirst) {
      this.#cells.visibleSequence = this.#engine.visibleSequence
    }
    this.publish()
    connection.welcome(this.#current as PublishedView, this.#engine.memtables.hashSeed)
  }

  /** The newest view, to one that has fallen behind. */
  #postCurrent(connection: Connection): void {
    const view = this.#current
    if (view !== undefined) {
      connection.post(view, view.messageAfter(undefined))
    }
  }

  #sweep(connection: Connection): void {
    connection.sweep(this.#cells.view)
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    this.#connected.delete(connection)
    if (this.#connected.size === 0) {
      this.#current?.letGo()
      this.#current = undefined
    }
  }

  #onVisible(sequence: number): void {
    if (this.#connected.size > 0) {
      if (this.#current?.hasGrownIndex === true) {
        this.publish()
      }
      this.#cells.visibleSequence = sequence
    }
  }

  #liveSequences(): number[] {
    this.#cells.countList()
    return [...this.#connected].flatMap((connection) => connection.liveSequences())
  }
}
