/** Varve with its default options. */
import { open, type Store } from 'varve'
import { packageVersion } from './package-version.ts'
import type { PutOperation, StoreDriver, StoreModule } from './store-driver.ts'

class VarveDriver implements StoreDriver {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return this.#store.put(key, value)
  }

  write(operations: PutOperation[]): Promise<void> {
    return this.#store.write(operations)
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.#store.get(key)
  }

  getSync(key: Buffer): Buffer | undefined {
    return this.#store.getSync(key)
  }

  entries(): AsyncIterable<[Buffer, Buffer]> {
    return this.#store.entries()
  }

  compact(): Promise<void> {
    return this.#store.compactRange()
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

const MIB = 1024 * 1024

export const varve: StoreModule = {
  description: {
    name: 'varve',
    version: packageVersion('varve'),
    settings: {
      options: 'defaults',
      memtableSizeBytes: 16 * MIB,
      blockSizeBytes: 4096,
      blockCacheSizeBytes: 64 * MIB,
      bloomBitsPerKey: 10,
      compression: false,
      workerCountMax: 2,
    },
  },
  async open(directory: string): Promise<StoreDriver> {
    return new VarveDriver(await open(directory))
  },
}
