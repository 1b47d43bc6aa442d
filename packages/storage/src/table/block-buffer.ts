/** Where blocks are built: bytes that grow. A region of a workspace until that no longer suffices. */
import type { WorkspaceRegion } from './workspace.ts'

export class BlockBuffer {
  bytes: Uint8Array
  /** The bytes from `base` to `limit` are this buffer's. */
  base: number
  limit: number
  /** Where the unfinished block begins. */
  start: number
  /** Where the next byte goes. */
  end: number
  readonly #home: WorkspaceRegion

  constructor(home: WorkspaceRegion) {
    this.#home = home
    this.bytes = home.bytes
    this.base = home.offset
    this.limit = home.offset + home.sizeBytes
    this.start = this.base
    this.end = this.base
  }

  clear(): void {
    this.start = this.base
    this.end = this.base
  }

  /** Makes sure that `sizeBytes` bytes fit behind `end`. `bytes` and all offsets may change. */
  makeRoom(sizeBytes: number): void {
    if (this.limit - this.end < sizeBytes) {
      const used = this.end - this.base
      const larger = new Uint8Array(Math.max(used + sizeBytes, used * 2))
      larger.set(this.bytes.subarray(this.base, this.end))
      this.bytes = larger
      this.start -= this.base
      this.base = 0
      this.end = used
      this.limit = larger.length
    }
  }

  /** Drops the finished blocks, which have been written out; what is unfinished moves to the front. */
  dropFinished(): void {
    const unfinished = this.end - this.start
    const home = this.#home
    const toHome = unfinished <= home.sizeBytes
    const bytes = toHome ? home.bytes : this.bytes
    const base = toHome ? home.offset : this.base
    if (bytes === this.bytes) {
      bytes.copyWithin(base, this.start, this.end)
    } else {
      bytes.set(this.bytes.subarray(this.start, this.end), base)
    }
    this.limit = toHome ? home.offset + home.sizeBytes : this.limit
    this.bytes = bytes
    this.base = base
    this.start = base
    this.end = base + unfinished
  }
}
