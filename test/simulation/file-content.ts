/** The bytes of one file: what is on the medium, and the writes and truncations since, each an event of its own. */
import { EventLog, type Logged } from './event-log.ts'

export type DataEvent =
  | { readonly serial: number; readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly serial: number; readonly kind: 'truncate'; readonly sizeBytes: number }

/** A file at one moment; never changes. */
export interface FileState {
  readonly base: Uint8Array
  readonly entries: readonly Logged<DataEvent>[]
}

export class FileContent {
  /** Replaced, never changed in place: snapshots share it. */
  #base: Uint8Array
  readonly #log: EventLog<DataEvent>
  /** What a reader sees, with room to grow; made when it is first needed. */
  #live: Uint8Array | undefined
  #sizeBytes: number
  #frozen: FileState | undefined

  constructor(state: FileState = { base: new Uint8Array(0), entries: [] }) {
    this.#base = state.base
    this.#log = new EventLog(state.entries)
    this.#sizeBytes = sizeAfter(
      state.base.length,
      state.entries.map(({ event }) => event),
    )
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The same object as long as nothing happens to the file. */
  state(): FileState {
    this.#frozen ??= { base: this.#base, entries: this.#log.entries() }
    return this.#frozen
  }

  bytes(): Uint8Array {
    return this.#view().subarray(0, this.#sizeBytes)
  }

  read(into: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#sizeBytes - position))
    into.set(this.#view().subarray(position, position + count), offset)
    return count
  }

  /** Keeps `bytes`: the caller must not change them any more. */
  write(serial: number, position: number, bytes: Uint8Array): void {
    const endPosition = position + bytes.length
    this.#reserve(Math.max(endPosition, this.#sizeBytes))
    this.#view().set(bytes, position)
    this.#sizeBytes = Math.max(endPosition, this.#sizeBytes)
    this.#log.push({ serial, kind: 'write', position, bytes })
    this.#frozen = undefined
  }

  truncate(serial: number, sizeBytes: number): void {
    this.#reserve(Math.max(sizeBytes, this.#sizeBytes))
    this.#view().fill(0, Math.min(sizeBytes, this.#sizeBytes))
    this.#sizeBytes = sizeBytes
    this.#log.push({ serial, kind: 'truncate', sizeBytes })
    this.#frozen = undefined
  }

  /** What a sync that begins now covers. */
  mark(): number {
    return this.#log.mark()
  }

  /** Ends a sync; `dropped`: it failed, and the system took the pages for clean. */
  settle(mark: number, fate: 'synced' | 'dropped'): void {
    const durable = this.#log.settle(mark, fate)
    if (durable.length > 0) {
      this.#base = applyData(this.#base, durable)
    }
    this.#frozen = undefined
  }

  #view(): Uint8Array {
    if (this.#live === undefined) {
      this.#live = applyData(
        this.#base,
        this.#log.entries().map(({ event }) => event),
      )
    }
    return this.#live
  }

  #reserve(sizeBytes: number): void {
    const view = this.#view()
    if (sizeBytes > view.length) {
      const grown = new Uint8Array(Math.max(sizeBytes, view.length * 2))
      grown.set(view.subarray(0, this.#sizeBytes))
      this.#live = grown
    }
  }
}

/** A copy of `base` to which events have happened, in order. */
export function applyData(base: Uint8Array, events: readonly DataEvent[]): Uint8Array {
  let capacity = base.length
  for (const event of events) {
    capacity = Math.max(capacity, event.kind === 'write' ? event.position + event.bytes.length : event.sizeBytes)
  }
  const bytes = new Uint8Array(capacity)
  bytes.set(base)
  let sizeBytes = base.length
  for (const event of events) {
    if (event.kind === 'write') {
      bytes.set(event.bytes, event.position)
    } else {
      bytes.fill(0, Math.min(event.sizeBytes, sizeBytes), sizeBytes)
    }
    sizeBytes = sizeAfter(sizeBytes, [event])
  }
  return bytes.subarray(0, sizeBytes)
}

export function sizeAfter(sizeBytes: number, events: readonly DataEvent[]): number {
  return events.reduce(
    (size, event) => (event.kind === 'write' ? Math.max(size, event.position + event.bytes.length) : event.sizeBytes),
    sizeBytes,
  )
}
