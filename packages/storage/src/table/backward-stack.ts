/**
 * Entries of one restart interval, decoded forward once so that a cursor can step back through them. Owned by a cursor,
 * which reads the arrays itself: nothing is allocated an entry once they have grown.
 */
export class BackwardStack {
  count = 0
  keys: Uint8Array = new Uint8Array(256)
  readonly offsets: number[] = []
  readonly keyOffsets: number[] = []
  readonly keySizes: number[] = []
  readonly sequences: number[] = []
  readonly kinds: number[] = []
  readonly valueOffsets: number[] = []
  readonly valueSizes: number[] = []
  #keysEnd = 0

  clear(): void {
    this.count = 0
    this.#keysEnd = 0
  }

  push(
    offset: number,
    key: Uint8Array,
    keySize: number,
    sequence: number,
    kind: number,
    valueOffset: number,
    valueSize: number,
  ): void {
    const i = this.count++
    const keyOffset = this.#keysEnd
    this.#keysEnd += keySize
    if (this.#keysEnd > this.keys.length) {
      const larger = new Uint8Array(this.#keysEnd * 2)
      larger.set(this.keys)
      this.keys = larger
    }
    const keys = this.keys
    for (let at = 0; at < keySize; at++) {
      keys[keyOffset + at] = key[at] as number
    }
    this.offsets[i] = offset
    this.keyOffsets[i] = keyOffset
    this.keySizes[i] = keySize
    this.sequences[i] = sequence
    this.kinds[i] = kind
    this.valueOffsets[i] = valueOffset
    this.valueSizes[i] = valueSize
  }
}
