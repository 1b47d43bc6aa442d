/** Tombstones that scans passed over: how many, and where they stand thousands together. */

export interface TombstoneWatch {
  /** A scan passed over so many; in a place where there is little else, with the last one's key. */
  passed(count: number, key: Uint8Array | undefined): void
}

/** Those of all scans of a store. */
export class PassedTombstones implements TombstoneWatch {
  readonly #onPlace: (key: Uint8Array) => void
  #count = 0

  /** @param onPlace is called with a key of a place where scans are slow */
  constructor(onPlace: (key: Uint8Array) => void) {
    this.#onPlace = onPlace
  }

  get count(): number {
    return this.#count
  }

  passed(count: number, key: Uint8Array | undefined): void {
    this.#count += count
    if (key !== undefined) {
      this.#onPlace(key)
    }
  }
}
