/**
 * Plain memory, which nothing can beat: a Map for points, and a sorted array for order. It survives nothing, so that it is
 * shown apart from the stores, as a ceiling.
 */
import type {
  OpenSettings,
  PutOperation,
  ScanRange,
  StoreCursor,
  StoreDriver,
  StoreModule,
  Visit,
} from './store-driver.ts'

/** Up to so many new keys are put into the sorted array one by one; more are sorted with the others. */
const SPLICE_COUNT_MAX = 64

interface Entry {
  readonly key: Buffer
  readonly text: string
}

class MemoryDriver implements StoreDriver {
  readonly #values = new Map<string, Buffer>()
  #sorted: Entry[] = []
  #added: Entry[] = []
  #hasDeleted = false

  put(key: Buffer, value: Buffer): Promise<void> {
    this.#set(key, value)
    return Promise.resolve()
  }

  async delete(key: Buffer): Promise<void> {
    this.#hasDeleted = this.#values.delete(key.toString('latin1')) || this.#hasDeleted
  }

  async write(operations: PutOperation[]): Promise<void> {
    for (const { key, value } of operations) {
      this.#set(key, value)
    }
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return Promise.resolve(this.getSync(key))
  }

  getSync(key: Buffer): Buffer | undefined {
    return this.#values.get(key.toString('latin1'))
  }

  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.getSync(key)))
  }

  async scan({ reverse = false }: ScanRange, visit: Visit): Promise<number> {
    const entries = this.#inOrder()
    for (let i = 0; i < entries.length; i++) {
      const { key, text } = entries[reverse ? entries.length - 1 - i : i] as Entry
      visit(key, this.#values.get(text) as Buffer)
    }
    return entries.length
  }

  async *entries(): AsyncGenerator<[Buffer, Buffer]> {
    for (const { key, text } of this.#inOrder()) {
      yield [key, this.#values.get(text) as Buffer]
    }
  }

  async scanFrom(key: Buffer, count: number, visit: Visit): Promise<number> {
    const entries = this.#inOrder()
    const first = placeOf(entries, key.toString('latin1'))
    const end = Math.min(entries.length, first + count)
    for (let i = first; i < end; i++) {
      const entry = entries[i] as Entry
      visit(entry.key, this.#values.get(entry.text) as Buffer)
    }
    return end - first
  }

  cursor(): StoreCursor {
    return {
      read: (key, count, visit) => this.scanFrom(key, count, visit),
      close: () => Promise.resolve(),
    }
  }

  async compact(): Promise<void> {
    this.#inOrder()
  }

  async close(): Promise<void> {
    this.#values.clear()
    this.#sorted = []
  }

  #set(key: Buffer, value: Buffer): void {
    const text = key.toString('latin1')
    if (!this.#values.has(text)) {
      this.#added.push({ key: Buffer.from(key), text })
    }
    this.#values.set(text, Buffer.from(value))
  }

  #inOrder(): readonly Entry[] {
    if (this.#hasDeleted) {
      this.#sorted = []
      this.#added = Array.from(this.#values.keys(), (text) => ({ key: Buffer.from(text, 'latin1'), text }))
      this.#hasDeleted = false
    }
    if (this.#added.length > SPLICE_COUNT_MAX) {
      this.#sorted = [...this.#sorted, ...this.#added].sort((a, b) => (a.text < b.text ? -1 : 1))
    } else {
      for (const entry of this.#added) {
        this.#sorted.splice(placeOf(this.#sorted, entry.text), 0, entry)
      }
    }
    this.#added = []
    return this.#sorted
  }
}

/** The index of the first entry at or after `text`. */
function placeOf(entries: readonly Entry[], text: string): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle] as Entry).text < text) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}

export const memory: StoreModule = {
  description: {
    name: 'memory',
    packageName: 'Map and sorted array',
    version: process.versions.node,
    strongestDurability: 'none',
    settings: { keys: 'latin-1 strings', values: 'copied' },
    durabilitySettings: { process: 'none', power: 'none' },
  },
  open: (_directory: string, _settings: OpenSettings): Promise<StoreDriver> => Promise.resolve(new MemoryDriver()),
}
