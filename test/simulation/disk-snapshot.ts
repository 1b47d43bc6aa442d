/** A disk at one moment, shared with the disk as far as neither changes: cheap to take, and never changes. */
import { DirectoryContent, type DirectoryState, type EntryEvent, type Node } from './directory-content.ts'
import type { Logged } from './event-log.ts'
import { FileContent, type FileState } from './file-content.ts'

export class DiskSnapshot {
  readonly root: DirectoryContent
  /** Events of the disk from here on are not in it. */
  readonly serial: number
  readonly #files = new Map<FileContent, FileState>()
  readonly #directories = new Map<DirectoryContent, DirectoryState>()

  constructor(root: DirectoryContent, serial: number) {
    this.root = root
    this.serial = serial
    this.#take(root)
  }

  stateOf(file: FileContent): FileState {
    return found(this.#files.get(file))
  }

  entriesOf(directory: DirectoryContent): DirectoryState {
    return found(this.#directories.get(directory))
  }

  /** What is not durable, in directories. */
  get pendingEntries(): EntryEvent[] {
    return [...this.#directories.values()].flatMap(({ entries }) => unsynced(entries))
  }

  /** The places of all that is not durable, ascending. */
  get pendingSerials(): number[] {
    const states = [...this.#files.values(), ...this.#directories.values()]
    return states
      .flatMap(({ entries }) => entries.flatMap(({ event, fate }) => (fate === 'synced' ? [] : event.serial)))
      .toSorted((a, b) => a - b)
  }

  /** Whether a loss of power can leave more than one disk. */
  get hasUnsynced(): boolean {
    return this.pendingSerials.length > 0
  }

  /** A tree of its own with the same contents, and the same things unsynced. */
  copy(): DirectoryContent {
    return new TreeCopy(this).directory(this.root)
  }

  #take(node: Node): void {
    if (node instanceof FileContent) {
      this.#files.set(node, node.state())
      return
    }
    if (this.#directories.has(node)) {
      return
    }
    const state = node.state()
    this.#directories.set(node, state)
    for (const inner of state.base.values()) {
      this.#take(inner)
    }
    for (const { event } of state.entries) {
      this.#take(event.node)
    }
  }
}

class TreeCopy {
  readonly #snapshot: DiskSnapshot
  readonly #nodes = new Map<Node, Node>()
  readonly #events = new Map<EntryEvent, EntryEvent>()

  constructor(snapshot: DiskSnapshot) {
    this.#snapshot = snapshot
  }

  directory(directory: DirectoryContent): DirectoryContent {
    const { base, entries } = this.#snapshot.entriesOf(directory)
    return new DirectoryContent({
      base: new Map([...base].map(([name, node]) => [name, this.#node(node)])),
      entries: entries.map(({ event, fate }) => ({ event: this.#event(event), fate })),
    })
  }

  #node(node: Node): Node {
    let copy = this.#nodes.get(node)
    if (copy === undefined) {
      copy = node instanceof FileContent ? new FileContent(this.#snapshot.stateOf(node)) : this.directory(node)
      this.#nodes.set(node, copy)
    }
    return copy
  }

  #event(event: EntryEvent): EntryEvent {
    let copy = this.#events.get(event)
    if (copy === undefined) {
      copy =
        event.kind === 'unlink' && event.after !== undefined
          ? { ...event, node: this.#node(event.node), after: this.#event(event.after) }
          : { ...event, node: this.#node(event.node) }
      this.#events.set(event, copy)
    }
    return copy
  }
}

function unsynced(entries: readonly Logged<EntryEvent>[]): EntryEvent[] {
  return entries.flatMap(({ event, fate }) => (fate === 'synced' ? [] : event))
}

function found<T>(state: T | undefined): T {
  if (state === undefined) {
    throw new Error('a snapshot holds all that is on its disk')
  }
  return state
}
