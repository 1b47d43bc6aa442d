/** A snapshot of the store as one of abstract-level's, which counts who reads from it and closes it after them. */
import { AbstractSnapshot, type AbstractLevel } from 'abstract-level'
import type { Snapshot } from 'varve'

export interface SnapshotOptions {
  /** The database, or sublevel, that closes the snapshot with itself. */
  readonly owner: AbstractLevel<unknown, unknown, unknown>
}

/** Its constructor takes options that its types do not tell of. */
const Base = AbstractSnapshot as unknown as new (options: SnapshotOptions) => AbstractSnapshot

export class LevelSnapshot extends Base {
  readonly #snapshot: Snapshot

  constructor(snapshot: Snapshot, options: SnapshotOptions) {
    super(options)
    this.#snapshot = snapshot
  }

  get storeSnapshot(): Snapshot {
    return this.#snapshot
  }

  /** Called once, when nobody reads from it any more. */
  _close(): Promise<void> {
    this.#snapshot.close()
    return Promise.resolve()
  }
}

/** @throws TypeError if it comes from a database of another kind */
export function storeSnapshotOf(snapshot: AbstractSnapshot | undefined | null): Snapshot | undefined {
  if (snapshot === undefined || snapshot === null) {
    return undefined
  }
  if (!(snapshot instanceof LevelSnapshot)) {
    throw new TypeError('the option snapshot must come from db.snapshot() of the same database')
  }
  return snapshot.storeSnapshot
}
