/**
 * Disks that losses of power left, and how many writes were found on each. Most losses leave what another one has left
 * already: that disk need not be recovered again to be compared with what may be there at another moment.
 */
import { createHash } from 'node:crypto'
import type { SimulatedDisk } from '../simulation/disk.ts'
import type { CommitOrder } from './commit-order.ts'
import type { Bounds } from './store-life.ts'
import { Violation } from './violation.ts'

export class KnownDisks {
  readonly #counts = new Map<CommitOrder, Map<string, number>>()

  /** Nothing of the disk may be unsynced: its bytes are all that there is of it. */
  fingerprint(disk: SimulatedDisk): string {
    const hash = createHash('sha1')
    for (const [path, bytes] of disk.image()) {
      hash.update(`${path}\0${bytes.length}\0`).update(bytes)
    }
    return hash.digest('base64')
  }

  add(fingerprint: string, { order }: Bounds, count: number): void {
    const counts = this.#counts.get(order) ?? new Map<string, number>()
    this.#counts.set(order, counts.set(fingerprint, count))
  }

  /** Whether the disk is known. @throws Violation if what was found on it is not within these bounds (R1, R2) */
  check(fingerprint: string, { order, powerFloor, ceiling }: Bounds): boolean {
    const count = this.#counts.get(order)?.get(fingerprint)
    if (count !== undefined && (count < powerFloor || count > ceiling)) {
      throw new Violation('R1 R2', `${powerFloor} to ${ceiling} writes may be there, and ${count} are`)
    }
    return count !== undefined
  }
}
