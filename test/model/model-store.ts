/**
 * What a store must answer, in the simplest form that is plainly right: one array in byte order. Views share the array
 * until the next write copies it. Nothing here may be fast at the cost of being plain.
 */

export interface ModelEntry {
  readonly key: Buffer
  readonly value: Buffer
}

export interface ModelRange {
  readonly gt?: Buffer
  readonly gte?: Buffer
  readonly lt?: Buffer
  readonly lte?: Buffer
  readonly prefix?: Buffer
  readonly reverse?: boolean
  readonly limit?: number
}

export class ModelStore {
  #entries: ModelEntry[] = []
  #shared = false

  put(key: Buffer, value: Buffer): void {
    const at = lowerBound(this.#entries, key)
    const exists = this.#entries[at]?.key.equals(key) === true
    this.#own().splice(at, exists ? 1 : 0, { key, value })
  }

  delete(key: Buffer): void {
    const at = lowerBound(this.#entries, key)
    if (this.#entries[at]?.key.equals(key) === true) {
      this.#own().splice(at, 1)
    }
  }

  clear(range: ModelRange): void {
    this.#entries = this.#entries.filter((entry) => !isInside(entry.key, range))
    this.#shared = false
  }

  /** What a reader that begins now sees, whatever is written later. */
  view(): ModelView {
    this.#shared = true
    return new ModelView(this.#entries)
  }

  #own(): ModelEntry[] {
    if (this.#shared) {
      this.#entries = [...this.#entries]
      this.#shared = false
    }
    return this.#entries
  }
}

/** The state of a model at one moment. */
export class ModelView {
  readonly entries: readonly ModelEntry[]

  constructor(entries: readonly ModelEntry[]) {
    this.entries = entries
  }

  get(key: Buffer): Buffer | undefined {
    const entry = this.entries[lowerBound(this.entries, key)]
    return entry?.key.equals(key) === true ? entry.value : undefined
  }

  range(range: ModelRange): ModelEntry[] {
    const inside = this.entries.filter((entry) => isInside(entry.key, range))
    if (range.reverse === true) {
      inside.reverse()
    }
    return range.limit === undefined ? inside : inside.slice(0, range.limit)
  }
}

/** Steps through a view as a `RangeIterator` must. The limit counts all entries given out, seeks or not. */
export class ModelIterator {
  readonly #range: ModelRange
  readonly #entries: readonly ModelEntry[]
  #position = 0
  #left: number

  constructor(view: ModelView, range: ModelRange) {
    this.#range = range
    const { limit, ...unlimited } = range
    this.#entries = view.range(unlimited)
    this.#left = limit ?? Infinity
  }

  next(): ModelEntry | undefined {
    const entry = this.#left > 0 ? this.#entries[this.#position] : undefined
    if (entry !== undefined) {
      this.#position++
      this.#left--
    }
    return entry
  }

  seek(key: Buffer): void {
    const sign = this.#range.reverse === true ? -1 : 1
    const found = this.#entries.findIndex((entry) => Buffer.compare(entry.key, key) * sign >= 0)
    this.#position = found === -1 || !isInside(key, this.#range) ? this.#entries.length : found
  }
}

export function isInside(key: Buffer, range: ModelRange): boolean {
  const { gt, gte, lt, lte, prefix } = range
  return (
    (gt === undefined || Buffer.compare(key, gt) > 0) &&
    (gte === undefined || Buffer.compare(key, gte) >= 0) &&
    (lt === undefined || Buffer.compare(key, lt) < 0) &&
    (lte === undefined || Buffer.compare(key, lte) <= 0) &&
    (prefix === undefined || key.subarray(0, prefix.length).equals(prefix))
  )
}

/** The index of the first entry at or after `key`. */
function lowerBound(entries: readonly ModelEntry[], key: Buffer): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle] as ModelEntry
    if (Buffer.compare(entry.key, key) < 0) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}
