/** Varve with its default options. */
import { open, type Store } from 'varve'
import { installedVersion } from './peer-packages.ts'
import type {
  OpenSettings,
  PutOperation,
  ScanRange,
  StoreCursor,
  StoreDriver,
  StoreModule,
  Visit,
} from './store-driver.ts'

const SCAN_COUNT = 1000

class VarveDriver implements StoreDriver {
  readonly #store: Store
  readonly #writeOptions: { readonly sync: boolean } | undefined

  constructor(store: Store, isSynced: boolean) {
    this.#store = store
    this.#writeOptions = isSynced ? { sync: true } : undefined
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return this.#store.put(key, value, this.#writeOptions)
  }

  delete(key: Buffer): Promise<void> {
    return this.#store.delete(key, this.#writeOptions)
  }

  write(operations: PutOperation[]): Promise<void> {
    return this.#store.write(operations, this.#writeOptions)
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.#store.get(key)
  }

  getSync(key: Buffer): Buffer | undefined {
    return this.#store.getSync(key)
  }

  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.#store.getMany(keys)
  }

  async scan(range: ScanRange, visit: Visit): Promise<number> {
    const iterator = this.#store.iterator(range)
    let count = 0
    for (let rows = await iterator.nextMany(SCAN_COUNT); rows.length > 0; rows = await iterator.nextMany(SCAN_COUNT)) {
      count += visitAll(rows, visit)
    }
    await iterator.close()
    return count
  }

  entries(): AsyncIterable<[Buffer, Buffer]> {
    return this.#store.entries()
  }

  async scanFrom(key: Buffer, count: number, visit: Visit): Promise<number> {
    const iterator = this.#store.iterator({ gte: key, limit: count })
    const rows = await iterator.nextMany(count)
    await iterator.close()
    return visitAll(rows, visit)
  }

  cursor(): StoreCursor {
    const iterator = this.#store.iterator()
    return {
      async read(key, count, visit) {
        iterator.seek(key)
        return visitAll(await iterator.nextMany(count), visit)
      },
      close: () => iterator.close(),
    }
  }

  compact(): Promise<void> {
    return this.#store.compactRange()
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

function visitAll(rows: readonly [Buffer, Buffer][], visit: Visit): number {
  for (const [key, value] of rows) {
    visit(key, value)
  }
  return rows.length
}

/** Another build of Varve, for comparing commits, has the same interface. */
export function varveOf(openStore: typeof open, name: string, version: string): StoreModule {
  return {
    description: {
      name,
      packageName: 'varve',
      version,
      strongestDurability: 'power',
      settings: { options: 'defaults' },
      durabilitySettings: { process: 'sync: false', power: 'sync: true' },
    },
    async open(directory: string, { durability, cacheSizeBytes }: OpenSettings): Promise<StoreDriver> {
      return new VarveDriver(
        await openStore(directory, { blockCacheSizeBytes: cacheSizeBytes }),
        durability === 'power',
      )
    },
  }
}

export const varve: StoreModule = varveOf(open, 'varve', installedVersion('varve'))
