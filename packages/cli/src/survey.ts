/** One pass over the keys: how many there are under each prefix, and a fair sample of them. Bounded in time and memory. */
import type { Store } from 'varve'
import { printable } from './printable.ts'

export interface KeyGroup {
  /** The keys' first segment with its separator, for people; empty for keys without one. */
  readonly label: string
  readonly prefix: Buffer
  count: number
}

export interface Survey {
  readonly groups: readonly KeyGroup[]
  readonly keyCount: number
  /** False if there are more keys than the time allowed to see, or something stopped it. */
  readonly isComplete: boolean
  /** Each key seen had the same chance to be among these. */
  readonly sample: readonly Buffer[]
  readonly elapsedMs: number
}

export interface SurveyOptions {
  readonly sampleCountMax: number
  readonly timeMsMax: number
  /** Asked between batches. */
  readonly shouldStop: () => boolean
}

const batchCount = 1000
const groupCountMax = 1000
const slash = 0x2f
const colon = 0x3a
const prefixSizeBytesMax = 64

export async function survey(store: Store, options: SurveyOptions): Promise<Survey> {
  const startMs = performance.now()
  const groups = new GroupedKeys()
  const sample = new Reservoir(options.sampleCountMax)
  const iterator = store.iterator()
  let isComplete = false
  try {
    while (!options.shouldStop() && performance.now() - startMs < options.timeMsMax) {
      const entries = await iterator.nextMany(batchCount)
      if (entries.length === 0) {
        isComplete = true
        break
      }
      for (const [key] of entries) {
        groups.add(key)
        sample.add(key)
      }
    }
  } finally {
    await iterator.close()
  }
  const elapsedMs = performance.now() - startMs
  return { groups: groups.largestFirst(), keyCount: sample.seenCount, isComplete, sample: sample.keys, elapsedMs }
}

/** Up to and with the first `/` or `:`; empty if there is none near. */
export function firstSegment(key: Buffer, from = 0): Buffer {
  const end = Math.min(key.length, from + prefixSizeBytesMax)
  for (let index = from; index < end; index++) {
    if (key[index] === slash || key[index] === colon) {
      return key.subarray(0, index + 1)
    }
  }
  return key.subarray(0, 0)
}

class GroupedKeys {
  readonly #groups = new Map<string, KeyGroup>()
  /** Keys come in order, so that most belong to the group of the one before. */
  #last: KeyGroup | undefined

  add(key: Buffer): void {
    const prefix = firstSegment(key)
    if (this.#last === undefined || !this.#last.prefix.equals(prefix)) {
      this.#last = this.#groupOf(prefix)
    }
    this.#last.count++
  }

  largestFirst(): KeyGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count)
  }

  #groupOf(prefix: Buffer): KeyGroup {
    const isFull = this.#groups.size >= groupCountMax
    const name = prefix.toString('latin1')
    const known = this.#groups.get(name) ?? (isFull ? this.#groups.get('') : undefined)
    if (known !== undefined) {
      return known
    }
    const kept = isFull ? Buffer.alloc(0) : Buffer.from(prefix)
    const group = { label: printable(kept), prefix: kept, count: 0 }
    this.#groups.set(isFull ? '' : name, group)
    return group
  }
}

/** A sample of fixed size from a stream of unknown length (Vitter's algorithm R). */
class Reservoir {
  readonly keys: Buffer[] = []
  readonly #countMax: number
  #seenCount = 0

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  get seenCount(): number {
    return this.#seenCount
  }

  add(key: Buffer): void {
    this.#seenCount++
    if (this.keys.length < this.#countMax) {
      this.keys.push(key)
      return
    }
    const index = Math.floor(Math.random() * this.#seenCount)
    if (index < this.#countMax) {
      this.keys[index] = key
    }
  }
}
