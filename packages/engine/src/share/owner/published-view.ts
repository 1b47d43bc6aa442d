/**
 * A view as the owner publishes it: memtables and Version of one moment, both held while any connection may read it.
 * Owned by `Sharing`.
 */
import type { AddedTable, DeletedTable } from '@varve/storage'
import type { Memtable } from '../../memtable/memtable.ts'
import type { OwnView } from '../../read/store-view.ts'
import type { Version } from '../../version/version.ts'
import type { SharedMemtable, ViewMessage } from '../messages.ts'

export class PublishedView {
  readonly number: number
  /** Oldest first, the active one last. */
  readonly memtables: readonly Memtable[]
  readonly version: Version
  /** By memtable: an index that has grown since has other memory. */
  readonly #indexCapacities: readonly number[]
  readonly #own: OwnView
  #holderCount = 0
  #isVersionHeld = true

  /** @param version is handed over, held */
  constructor(number: number, own: OwnView, version: Version) {
    const memtables = memtablesOf(own)
    this.number = number
    this.memtables = memtables
    this.version = version
    this.#own = own
    this.#indexCapacities = memtables.map(({ arena }) => arena.index.capacity)
    for (const memtable of memtables) {
      memtable.arena.index.isShared = true
      own.memtables.hold(memtable)
    }
  }

  /** Whether it is still what the owner sees. */
  isCurrent(version: Version): boolean {
    const memtables = memtablesOf(this.#own)
    return (
      version === this.version &&
      memtables.length === this.memtables.length &&
      memtables.every((memtable, i) => memtable === this.memtables[i] && this.#hasMemoryOf(memtable, i))
    )
  }

  /** A batch had more entries than the arena's index was made for: it has other memory now. */
  get hasGrownIndex(): boolean {
    const last = this.memtables.length - 1
    return !this.#hasMemoryOf(this.memtables[last] as Memtable, last)
  }

  hold(): void {
    this.#holderCount++
  }

  /** The last to let go lets memtables and Version go. */
  letGo(): void {
    this.#holderCount--
    if (this.#holderCount === 0) {
      this.memtables.forEach((memtable) => this.#own.memtables.letGo(memtable))
      this.letGoOfVersion()
    }
  }

  /** The store closes: files that nothing names may go, whoever reads them. */
  letGoOfVersion(): void {
    if (this.#isVersionHeld) {
      this.#isVersionHeld = false
      this.#own.releaseVersion(this.version)
    }
  }

  /** As a message to a connection whose last view was `before`. */
  messageAfter(before: PublishedView | undefined): ViewMessage {
    const tables = before === undefined ? { deleted: [], added: allTables(this.version) } : changes(before, this)
    return {
      number: this.number,
      memtables: this.memtables.map((memtable, i) => {
        const isKnown = before !== undefined && before.#has(memtable, this.#indexCapacities[i] as number)
        return { firstSequence: memtable.firstSequence, shared: isKnown ? undefined : memoryOf(memtable) }
      }),
      isFull: before === undefined,
      ...tables,
    }
  }

  #has(memtable: Memtable, indexCapacity: number): boolean {
    const index = this.memtables.indexOf(memtable)
    return index >= 0 && this.#indexCapacities[index] === indexCapacity
  }

  #hasMemoryOf(memtable: Memtable, index: number): boolean {
    return memtable.arena.index.capacity === this.#indexCapacities[index]
  }
}

function memtablesOf({ memtables }: OwnView): Memtable[] {
  return [...memtables.frozen, memtables.active]
}

function memoryOf({ arena }: Memtable): SharedMemtable {
  return {
    arena: arena.shared,
    index: arena.index.shared,
    indexCapacity: arena.index.capacity,
    committed: arena.committed.buffer as SharedArrayBuffer,
  }
}

function changes(before: PublishedView, after: PublishedView): { deleted: DeletedTable[]; added: AddedTable[] } {
  const deleted: DeletedTable[] = []
  const added: AddedTable[] = []
  before.version.levels.forEach((tables, level) => {
    const now = after.version.tablesOf(level)
    if (tables === now) {
      return
    }
    const stay = new Set(now)
    const were = new Set(tables)
    for (const { metadata } of tables.filter((table) => !stay.has(table))) {
      deleted.push({ level, number: metadata.number })
    }
    for (const { run, metadata } of now.filter((table) => !were.has(table))) {
      added.push({ level, run, table: withOwnKeys(metadata) })
    }
  })
  return { deleted, added }
}

/** Keys that are views on a larger buffer would take all of it along. */
function withOwnKeys(table: AddedTable['table']): AddedTable['table'] {
  const { smallestKey, largestKey } = table
  return { ...table, smallestKey: new Uint8Array(smallestKey), largestKey: new Uint8Array(largestKey) }
}

function allTables(version: Version): AddedTable[] {
  return version.toAdded().map((added) => ({ ...added, table: withOwnKeys(added.table) }))
}
