/**
 * What was done to one file or one directory and has not been made durable, in order. A sync settles what had happened
 * when it began, and nothing later. What a failed sync dropped stays visible and is never made durable by a later one.
 */

export interface LoggedEvent {
  /** The place in the order of all events of the disk. */
  readonly serial: number
}

type Fate = 'unsynced' | 'synced' | 'dropped'

export interface Logged<E extends LoggedEvent> {
  readonly event: E
  readonly fate: Fate
}

export class EventLog<E extends LoggedEvent> {
  /** Changed in place only while nobody else holds it. */
  #entries: readonly Logged<E>[]
  #isShared = true

  constructor(entries: readonly Logged<E>[] = []) {
    this.#entries = entries
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Stays as it is whatever happens to the log. */
  entries(): readonly Logged<E>[] {
    this.#isShared = true
    return this.#entries
  }

  push(event: E): void {
    const entry: Logged<E> = { event, fate: 'unsynced' }
    if (this.#isShared) {
      this.#entries = [...this.#entries, entry]
      this.#isShared = false
    } else {
      ;(this.#entries as Logged<E>[]).push(entry)
    }
  }

  /** What a sync that begins now covers. */
  mark(): number {
    return this.#entries.at(-1)?.event.serial ?? -1
  }

  /** Ends a sync. Returns the events that are durable together with all before them; they leave the log. */
  settle(mark: number, fate: 'synced' | 'dropped'): E[] {
    const settled = this.#entries.map((entry) =>
      entry.fate === 'unsynced' && entry.event.serial <= mark ? { event: entry.event, fate } : entry,
    )
    const first = settled.findIndex((entry) => entry.fate !== 'synced')
    const count = first < 0 ? settled.length : first
    this.#entries = settled.slice(count)
    this.#isShared = false
    return settled.slice(0, count).map(({ event }) => event)
  }
}
