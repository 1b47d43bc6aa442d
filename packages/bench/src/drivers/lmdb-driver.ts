/**
 * LMDB through lmdb. It has no cache of its own: its pages are those of the system. `put` resolves when the batch that it
 * went into is committed; only `flushed` waits for the disk.
 */
import { installedVersion, requirePeer } from './peer-packages.ts'
import type {
  OpenSettings,
  PutOperation,
  ScanRange,
  StoreCursor,
  StoreDriver,
  StoreModule,
  Visit,
} from './store-driver.ts'

const PACKAGE_NAME = 'lmdb'

interface Committed extends Promise<boolean> {
  readonly flushed: Promise<boolean>
}

interface LmdbRange {
  readonly start?: Buffer
  readonly limit?: number
  readonly reverse?: boolean
}

interface LmdbDatabase {
  put(key: Buffer, value: Buffer): Committed
  remove(key: Buffer): Committed
  batch(action: () => void): Committed
  get(key: Buffer): Buffer | undefined
  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]>
  getRange(range?: LmdbRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>
  readonly flushed: Promise<unknown>
  close(): Promise<void>
}

interface LmdbPackage {
  readonly open: (options: Record<string, unknown>) => LmdbDatabase
}

class LmdbDriver implements StoreDriver {
  readonly #database: LmdbDatabase
  readonly #isSynced: boolean

  constructor(database: LmdbDatabase, isSynced: boolean) {
    this.#database = database
    this.#isSynced = isSynced
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return this.#acknowledged(this.#database.put(key, value))
  }

  delete(key: Buffer): Promise<void> {
    return this.#acknowledged(this.#database.remove(key))
  }

  write(operations: PutOperation[]): Promise<void> {
    const database = this.#database
    const committed = database.batch(() => {
      for (const { key, value } of operations) {
        void database.put(key, value)
      }
    })
    return this.#acknowledged(committed)
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return Promise.resolve(this.#database.get(key))
  }

  getSync(key: Buffer): Buffer | undefined {
    return this.#database.get(key)
  }

  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.#database.getMany(keys)
  }

  scan({ reverse = false }: ScanRange, visit: Visit): Promise<number> {
    return Promise.resolve(this.#visit({ reverse }, visit))
  }

  async *entries(): AsyncGenerator<[Buffer, Buffer]> {
    for (const { key, value } of this.#database.getRange()) {
      yield [key, value]
    }
  }

  scanFrom(key: Buffer, count: number, visit: Visit): Promise<number> {
    return Promise.resolve(this.#visit({ start: key, limit: count }, visit))
  }

  cursor(): StoreCursor {
    return {
      read: (key, count, visit) => this.scanFrom(key, count, visit),
      close: () => Promise.resolve(),
    }
  }

  async compact(): Promise<void> {
    await this.#database.flushed
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  /** The types of lmdb promise `true`; a write that was not done is an error here. */
  async #acknowledged(committed: Committed): Promise<void> {
    // Taken before anything is awaited: later it would be that of a later batch.
    const isDone = this.#isSynced ? await committed.then(() => committed.flushed) : await committed
    if (isDone === false) {
      throw new Error('lmdb did not write')
    }
  }

  #visit(range: LmdbRange, visit: Visit): number {
    let count = 0
    for (const { key, value } of this.#database.getRange(range)) {
      visit(key, value)
      count++
    }
    return count
  }
}

export const lmdb: StoreModule = {
  description: {
    name: 'lmdb',
    packageName: PACKAGE_NAME,
    version: installedVersion(PACKAGE_NAME),
    strongestDurability: 'power',
    settings: { keyEncoding: 'binary', encoding: 'binary', cache: 'pages of the system', compression: false },
    durabilitySettings: { process: 'noSync: true', power: 'put(...).flushed awaited' },
  },
  open(directory: string, { durability }: OpenSettings): Promise<StoreDriver> {
    const { open: openDatabase } = requirePeer(PACKAGE_NAME) as LmdbPackage
    const database = openDatabase({
      path: directory,
      keyEncoding: 'binary',
      encoding: 'binary',
      noSync: durability === 'process',
    })
    return Promise.resolve(new LmdbDriver(database, durability === 'power'))
  },
}
