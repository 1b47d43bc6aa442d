/** The entries of one directory: what is on the medium, and the creations, renames and removals since. */
import { EventLog, type Logged } from './event-log.ts'
import type { FileContent } from './file-content.ts'

export type Node = FileContent | DirectoryContent

export type EntryEvent =
  | { readonly serial: number; readonly kind: 'link'; readonly name: string; readonly node: Node }
  | {
      readonly serial: number
      readonly kind: 'unlink'
      readonly name: string
      readonly node: Node
      /** A rename into another directory: this may be lost alone, but does not come before the other. */
      readonly after?: EntryEvent
    }
  | {
      readonly serial: number
      readonly kind: 'rename'
      readonly from: string
      readonly to: string
      readonly node: Node
    }

/** A directory at one moment; never changes. */
export interface DirectoryState {
  readonly base: ReadonlyMap<string, Node>
  readonly entries: readonly Logged<EntryEvent>[]
}

export class DirectoryContent {
  /** Replaced, never changed in place: snapshots share it. */
  #base: ReadonlyMap<string, Node>
  readonly #log: EventLog<EntryEvent>
  readonly #live: Map<string, Node>

  constructor(state: DirectoryState = { base: new Map(), entries: [] }) {
    this.#base = state.base
    this.#log = new EventLog(state.entries)
    this.#live = new Map(state.base)
    state.entries.forEach(({ event }) => applyEntry(this.#live, event))
  }

  state(): DirectoryState {
    return { base: this.#base, entries: this.#log.entries() }
  }

  get names(): string[] {
    return [...this.#live.keys()]
  }

  get nodes(): Node[] {
    return [...this.#live.values()]
  }

  find(name: string): Node | undefined {
    return this.#live.get(name)
  }

  happen(event: EntryEvent): void {
    applyEntry(this.#live, event)
    this.#log.push(event)
  }

  /** What a sync that begins now covers. */
  mark(): number {
    return this.#log.mark()
  }

  /** Ends a sync; `dropped`: it failed, and the system took the directory for clean. */
  settle(mark: number, fate: 'synced' | 'dropped'): void {
    const durable = this.#log.settle(mark, fate)
    if (durable.length > 0) {
      const base = new Map(this.#base)
      durable.forEach((event) => applyEntry(base, event))
      this.#base = base
    }
  }
}

/** Events before this one may be missing: then it does as much as it can, and a rename puts its file at the target. */
export function applyEntry(entries: Map<string, Node>, event: EntryEvent): void {
  const goes = event.kind === 'unlink' ? event.name : event.kind === 'rename' ? event.from : undefined
  if (goes !== undefined && entries.get(goes) === event.node) {
    entries.delete(goes)
  }
  if (event.kind === 'link') {
    entries.set(event.name, event.node)
  } else if (event.kind === 'rename') {
    entries.set(event.to, event.node)
  }
}
