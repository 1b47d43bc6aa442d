/** Random numbers that a seed repeats: sfc32 (Chris Doty-Humphrey, PractRand), 32 bits at a time. */
const ROUNDS_OF_MIXING = 12

export class Random {
  #a: number
  #b: number
  #c = 1
  #counter: number

  /** Numbers of one seed and different streams have nothing to do with each other. */
  constructor(seed: number, stream: number) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#counter = stream | 0
    for (let i = 0; i < ROUNDS_OF_MIXING; i++) {
      this.uint32()
    }
  }

  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit)
  }

  fill(bytes: Buffer): void {
    let offset = 0
    for (; offset + 4 <= bytes.length; offset += 4) {
      bytes.writeUInt32LE(this.uint32(), offset)
    }
    for (; offset < bytes.length; offset++) {
      bytes[offset] = this.below(256)
    }
  }
}
