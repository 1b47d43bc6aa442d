/** Varve through @varve/level, with its default options and Buffers: the same interface as classic-level. */
import { VarveLevel } from '@varve/level'
import { packageVersion } from './package-version.ts'
import type { PutOperation, StoreDriver, StoreModule } from './store-driver.ts'

class VarveLevelDriver implements StoreDriver {
  readonly #database: VarveLevel<Buffer, Buffer>

  constructor(database: VarveLevel<Buffer, Buffer>) {
    this.#database = database
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return this.#database.put(key, value)
  }

  write(operations: PutOperation[]): Promise<void> {
    return this.#database.batch(operations)
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.#database.get(key)
  }

  getSync(key: Buffer): Buffer | undefined {
    return this.#database.getSync(key)
  }

  entries(): AsyncIterable<[Buffer, Buffer]> {
    return this.#database.iterator()
  }

  compact(): Promise<void> {
    return this.#database.compactRange(Buffer.alloc(0), Buffer.alloc(32, 0xff))
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

const MIB = 1024 * 1024

export const varveLevel: StoreModule = {
  description: {
    name: 'varve-level',
    version: packageVersion('@varve/level'),
    settings: {
      options: 'defaults',
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      memtableSizeBytes: 16 * MIB,
      blockSizeBytes: 4096,
      blockCacheSizeBytes: 64 * MIB,
      bloomBitsPerKey: 10,
      compression: false,
      workerCountMax: 2,
    },
  },
  async open(directory: string): Promise<StoreDriver> {
    const database = new VarveLevel<Buffer, Buffer>(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await database.open()
    return new VarveLevelDriver(database)
  },
}
