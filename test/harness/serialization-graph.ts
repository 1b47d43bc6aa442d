/**
 * Whether a history of transactions could have come from running them one after the other (Adya's direct serialization
 * graph): an edge leads from a transaction to one that must come after it. Versions of a key are named by who wrote them.
 */

/** Who wrote a version; `FIRST` stands for what was there before all. */
export type WriterId = number
export const FIRST: WriterId = 0

export interface TransactionRecord {
  /** From 1 on. */
  readonly id: WriterId
  /** By key, the version that was read; also of keys in ranges that were not there. */
  readonly reads: ReadonlyMap<string, WriterId>
  /** By key that it wrote, the version that was there before. */
  readonly writes: ReadonlyMap<string, WriterId>
}

export class SerializationGraph {
  readonly #edges = new Map<WriterId, Map<WriterId, string>>()
  /** By key and version, who replaced it. */
  readonly #replacedBy = new Map<string, WriterId>()

  /** @throws Error if two transactions replaced the same version: an update was lost */
  constructor(records: readonly TransactionRecord[]) {
    for (const { id, writes } of records) {
      for (const [key, version] of writes) {
        const place = `${key} ${version}`
        const other = this.#replacedBy.get(place)
        if (other !== undefined) {
          throw new Error(`a lost update: ${other} and ${id} both replaced version ${version} of ${key}`)
        }
        this.#replacedBy.set(place, id)
        this.#add(version, id, `${id} replaced what ${version} wrote to ${key}`)
      }
    }
    for (const { id, reads } of records) {
      for (const [key, version] of reads) {
        this.#add(version, id, `${id} read what ${version} wrote to ${key}`)
        const replacedBy = this.#replacedBy.get(`${key} ${version}`)
        if (replacedBy !== undefined) {
          this.#add(id, replacedBy, `${replacedBy} replaced what ${id} had read of ${key}`)
        }
      }
    }
  }

  /** Why the history is that of no order; `undefined` if there is one. */
  findCycle(): string[] | undefined {
    const done = new Set<WriterId>()
    for (const start of this.#edges.keys()) {
      const cycle = this.#findFrom(start, done, [])
      if (cycle !== undefined) {
        return cycle.map(([from, to]) => this.#edges.get(from)?.get(to) ?? '')
      }
    }
    return undefined
  }

  #findFrom(id: WriterId, done: Set<WriterId>, path: WriterId[]): (readonly [WriterId, WriterId])[] | undefined {
    const index = path.indexOf(id)
    if (index >= 0) {
      const members = path.slice(index)
      return members.map((member, i) => [member, members[(i + 1) % members.length] as WriterId] as const)
    }
    if (done.has(id)) {
      return undefined
    }
    path.push(id)
    for (const next of this.#edges.get(id)?.keys() ?? []) {
      const cycle = this.#findFrom(next, done, path)
      if (cycle !== undefined) {
        return cycle
      }
    }
    path.pop()
    done.add(id)
    return undefined
  }

  #add(from: WriterId, to: WriterId, why: string): void {
    if (from !== to) {
      const edges = this.#edges.get(from) ?? new Map<WriterId, string>()
      this.#edges.set(from, edges.set(to, why))
    }
  }
}
