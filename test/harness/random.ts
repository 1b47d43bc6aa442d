/** Random numbers from a seed: the same seed draws the same numbers on every machine. Not for secrets. */

export class SeededRandom {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    for (let i = 0; i < 12; i++) {
      this.uint32()
    }
  }

  /** sfc32, Chris Doty-Humphrey's small fast counter. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0
    this.#counter = (this.#counter + 1) >>> 0
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0
    return sum
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * bound)
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.uint32() / 2 ** 32 < probability
  }

  pick<T>(choices: readonly [T, ...T[]] | readonly T[]): T {
    if (choices.length === 0) {
      throw new Error('nothing to pick from')
    }
    return choices[this.below(choices.length)] as T
  }

  /** One of the keys of `weights`, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[]
    let total = 0
    for (const name of names) {
      total += weights[name]
    }
    let left = (this.uint32() / 2 ** 32) * total
    for (const name of names) {
      left -= weights[name]
      if (left < 0) {
        return name
      }
    }
    return names[names.length - 1] as K
  }

  bytes(sizeBytes: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(sizeBytes)
    for (let i = 0; i < sizeBytes; i++) {
      bytes[i] = this.uint32()
    }
    return bytes
  }
}
