/**
 * What a store must hold after each write, in commit order: the expected state, kept outside of the simulated disk. What
 * is found is compared as a whole, by a digest of all entries, with the contents after each number of writes.
 */

/** A key and its new value; `undefined` deletes it. */
export type Change = readonly [key: string, value: string | undefined]

export class CommitOrder {
  readonly #writes: (readonly Change[])[] = []
  /** After so many writes. */
  readonly #digests: number[] = [0]
  readonly #contents = new Map<string, string>()
  readonly #digest = new Digest()

  /** How many writes there are. */
  get count(): number {
    return this.#writes.length
  }

  /** The contents after all writes. */
  get contents(): ReadonlyMap<string, string> {
    return this.#contents
  }

  /** Appends a write; returns how many there are then. */
  add(changes: readonly Change[]): number {
    for (const [key, value] of changes) {
      const before = this.#contents.get(key)
      if (before !== undefined) {
        this.#digest.remove(Buffer.from(key), Buffer.from(before))
        this.#contents.delete(key)
      }
      if (value !== undefined) {
        this.#digest.add(Buffer.from(key), Buffer.from(value))
        this.#contents.set(key, value)
      }
    }
    this.#writes.push(changes)
    this.#digests.push(this.#digest.value)
    return this.count
  }

  /** After how many writes, from `low` to `high`, the contents have this digest; the most if there are several. */
  find(digest: number, low: number, high: number): number | undefined {
    for (let count = high; count >= low; count--) {
      if (this.#digests[count] === digest) {
        return count
      }
    }
    return undefined
  }

  /** The same, but the least if there are several. */
  findLeast(digest: number, low: number, high: number): number | undefined {
    const index = this.#digests.slice(low, high + 1).indexOf(digest)
    return index < 0 ? undefined : low + index
  }

  /** Whether any write behind the first `count` puts or deletes such a key. */
  hasChangedSince(count: number, isDependency: (key: string) => boolean): boolean {
    return this.#writes.slice(count).some((changes) => changes.some(([key]) => isDependency(key)))
  }

  /** The first `count` writes, to go on from. */
  fork(count: number): CommitOrder {
    const fork = new CommitOrder()
    this.#writes.slice(0, count).forEach((changes) => fork.add(changes))
    return fork
  }
}

/** Of a set of entries: the same whatever their order, and different for different sets but by a chance of 2^-52. */
class Digest {
  #low = 0
  #high = 0

  add(key: Uint8Array, value: Uint8Array): void {
    const { low, high } = hashOf(key, value)
    this.#low = (this.#low + low) >>> 0
    this.#high = (this.#high + high) >>> 0
  }

  remove(key: Uint8Array, value: Uint8Array): void {
    const { low, high } = hashOf(key, value)
    this.#low = (this.#low - low) >>> 0
    this.#high = (this.#high - high) >>> 0
  }

  get value(): number {
    return (this.#high >>> 12) * 2 ** 32 + this.#low
  }
}

export function digestOf(entries: readonly (readonly [Uint8Array, Uint8Array])[]): number {
  const digest = new Digest()
  entries.forEach(([key, value]) => digest.add(key, value))
  return digest.value
}

/** cyrb53, of key and value with the key's length in front, so that no two entries have the same bytes. */
function hashOf(key: Uint8Array, value: Uint8Array): { readonly low: number; readonly high: number } {
  let a = 0xdeadbeef ^ key.length
  let b = 0x41c6ce57 ^ key.length
  for (const bytes of [key, value]) {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number
      a = Math.imul(a ^ byte, 2654435761)
      b = Math.imul(b ^ byte, 1597334677)
    }
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return { low: a >>> 0, high: b >>> 0 }
}
