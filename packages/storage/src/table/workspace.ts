/**
 * One array from which a job's scans and writers take their buffers. Copying inside of one array is three times as fast
 * as copying a slice from one array to another, which needs an object a copy: 26 against 85 ns for 100 bytes.
 * Owned by one job on one thread.
 */
import { assert } from '../assert.ts'

/** Bytes that somebody has for himself: `sizeBytes` of `bytes`, from `offset` on. */
export interface WorkspaceRegion {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly sizeBytes: number
}

export class Workspace {
  readonly #bytes: Uint8Array
  /** Those taken, by offset. */
  readonly #regions: WorkspaceRegion[] = []

  constructor(sizeBytes: number) {
    this.#bytes = new Uint8Array(sizeBytes)
  }

  /** A region of the array; where none is left, an array of its own, which works as well, only slower. */
  take(sizeBytes: number): WorkspaceRegion {
    let offset = 0
    let index = 0
    for (const region of this.#regions) {
      if (region.offset - offset >= sizeBytes) {
        break
      }
      offset = region.offset + region.sizeBytes
      index++
    }
    if (offset + sizeBytes > this.#bytes.length) {
      return ownRegion(sizeBytes)
    }
    const region = { bytes: this.#bytes, offset, sizeBytes }
    this.#regions.splice(index, 0, region)
    return region
  }

  /** Gives back a region that `take` returned. */
  giveBack(region: WorkspaceRegion): void {
    if (region.bytes === this.#bytes) {
      const index = this.#regions.indexOf(region)
      assert(index >= 0, 'a region is given back once')
      this.#regions.splice(index, 1)
    }
  }
}

/** A region that is a whole array. */
export function ownRegion(sizeBytes: number): WorkspaceRegion {
  return { bytes: new Uint8Array(sizeBytes), offset: 0, sizeBytes }
}
