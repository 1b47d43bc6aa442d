/** Conditions that wait for the disk to be judged. Their writes are bounded in bytes, as those that stall are. */
import { BusyError } from '@varve/storage'
import type { WriteCondition } from './stall-queue.ts'

export class ConditionLoads {
  readonly #sizeBytesMax: number
  #sizeBytes = 0

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The first may have any size. @throws BusyError (the promise rejects) */
  async load(condition: WriteCondition): Promise<void> {
    const { sizeBytes } = condition
    if (this.#sizeBytes > 0 && this.#sizeBytes + sizeBytes > this.#sizeBytesMax) {
      throw new BusyError(
        `${this.#sizeBytes} bytes of conditional writes wait for the disk, and the option stalledSizeBytesMax allows ` +
          `${this.#sizeBytesMax}: await earlier writes before you make more`,
      )
    }
    this.#sizeBytes += sizeBytes
    try {
      await condition.load()
    } finally {
      this.#sizeBytes -= sizeBytes
    }
  }
}
