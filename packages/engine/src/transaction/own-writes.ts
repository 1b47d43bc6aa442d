/**
 * What a transaction has written so far: packed, as its commit will write it, and in key order, so that its reads find it.
 * Each write has a number; older ones of a key are chained behind newer ones, so that an iterator sees what was written
 * before it was made, whatever is written while it steps.
 *
 * Keys are binary strings, one character a byte, whose `<` is byte order.
 */
import { OrderedMap, type OrderedMapIterator } from '@js-sdsl/ordered-map'
import { InvalidArgumentError, KIND_DELETE, KIND_PUT, type EntryKind } from '@varve/storage'
import { copyKey, type Bytes } from '../bytes.ts'
import { copyOut } from '../read/value-copy.ts'
import { BATCH_SIZE_BYTES_MAX, PackedOperations } from '../write/packed-operations.ts'

export interface OwnWrite {
  readonly number: number
  readonly kind: EntryKind
  /** In the packed bytes. */
  readonly valueOffset: number
  readonly valueSize: number
  /** The write of the same key before it. */
  readonly previous: OwnWrite | undefined
}

/** A key, as a binary string, with a write of it. */
export type OwnEntry = readonly [key: string, write: OwnWrite]

/** Where a search begins; without a key at the first key in its direction. */
export interface OwnPlace {
  readonly key: string | undefined
  /** Whether the key itself is searched too. */
  readonly isIncluded: boolean
}

/** What a write takes on the heap besides its packed bytes: a node of the tree, its key, the object. */
const OVERHEAD_SIZE_BYTES = 250

export class OwnWrites {
  readonly packed: PackedOperations = new PackedOperations()
  readonly #valueSizeBytesMax: number
  readonly #newest = new OrderedMap<string, OwnWrite>()

  constructor(valueSizeBytesMax: number) {
    this.#valueSizeBytesMax = valueSizeBytesMax
  }

  /** How many writes there are; the number of the newest. */
  get count(): number {
    return this.packed.count
  }

  /** @throws InvalidArgumentError */
  put(key: Bytes, value: Bytes): void {
    const keyCopy = copyKey(key)
    this.#checkRoom()
    const before = this.packed.userSizeBytes
    this.packed.put(keyCopy, value, this.#valueSizeBytesMax)
    this.#add(keyCopy, KIND_PUT, this.packed.userSizeBytes - before - keyCopy.length)
  }

  /** @throws InvalidArgumentError */
  delete(key: Bytes): void {
    const keyCopy = copyKey(key)
    this.#checkRoom()
    this.packed.delete(keyCopy)
    this.#add(keyCopy, KIND_DELETE, 0)
  }

  /** The newest write of a key, or `undefined`. */
  find(key: string): OwnWrite | undefined {
    return this.#newest.getElementByKey(key)
  }

  /** The next key in a direction that one of the first `count` writes has, with the newest of those. */
  next(from: OwnPlace, isReverse: boolean, count: number): OwnEntry | undefined {
    const place = this.#search(from, isReverse)
    while (place?.isAccessible() === true) {
      const [key, newest] = place.pointer
      let write: OwnWrite | undefined = newest
      while (write !== undefined && write.number > count) {
        write = write.previous
      }
      if (write !== undefined) {
        return [key, write]
      }
      if (!isReverse) {
        place.next()
      } else if (place.equals(this.#newest.begin())) {
        return undefined
      } else {
        place.pre()
      }
    }
    return undefined
  }

  /** A copy of the value that was put; `undefined` for a delete. */
  valueOf({ kind, valueOffset, valueSize }: OwnWrite): Buffer | undefined {
    return kind === KIND_PUT ? copyOut(this.packed.bytes, valueOffset, valueSize) : undefined
  }

  #search({ key, isIncluded }: OwnPlace, isReverse: boolean): OrderedMapIterator<string, OwnWrite> | undefined {
    const tree = this.#newest
    if (tree.empty()) {
      return undefined
    }
    if (key === undefined) {
      return isReverse ? tree.end().pre() : tree.begin()
    }
    if (isReverse) {
      return isIncluded ? tree.reverseLowerBound(key) : tree.reverseUpperBound(key)
    }
    return isIncluded ? tree.lowerBound(key) : tree.upperBound(key)
  }

  #add(key: Buffer, kind: EntryKind, valueSize: number): void {
    const text = key.toString('latin1')
    this.#newest.setElement(text, {
      number: this.packed.count,
      kind,
      valueOffset: this.packed.sizeBytes - valueSize,
      valueSize,
      previous: this.find(text),
    })
  }

  #checkRoom(): void {
    if (this.packed.sizeBytes + this.packed.count * OVERHEAD_SIZE_BYTES > BATCH_SIZE_BYTES_MAX) {
      throw new InvalidArgumentError(
        `a transaction of more than ${BATCH_SIZE_BYTES_MAX} bytes, with ${OVERHEAD_SIZE_BYTES} for each write, is not possible: ` +
          'write in several',
      )
    }
  }
}
