/** LevelDB through classic-level, with its default options and Buffers. */
import { ClassicLevel } from 'classic-level'
import { packageVersion } from './package-version.ts'
import type { PutOperation, StoreDriver, StoreModule } from './store-driver.ts'

class ClassicLevelDriver implements StoreDriver {
  readonly #database: ClassicLevel<Buffer, Buffer>

  constructor(database: ClassicLevel<Buffer, Buffer>) {
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

export const classicLevel: StoreModule = {
  description: {
    name: 'classic-level',
    version: packageVersion('classic-level'),
    settings: {
      options: 'defaults',
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      writeBufferSize: 4 * 1024 * 1024,
      blockSize: 4096,
      cacheSize: 8 * 1024 * 1024,
      compression: true,
      multithreading: false,
    },
  },
  async open(directory: string): Promise<StoreDriver> {
    const database = new ClassicLevel<Buffer, Buffer>(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await database.open()
    return new ClassicLevelDriver(database)
  },
}
