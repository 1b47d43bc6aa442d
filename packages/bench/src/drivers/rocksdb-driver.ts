/**
 * RocksDB through @nxtedition/rocksdb. Its `put` drops `sync`, so that what must be synced is written as a batch of one.
 * A key that is missing is an error in its version of the interface.
 */
import { LevelDriver, type LevelDatabase } from './level-driver.ts'
import { installedVersion, requirePeer } from './peer-packages.ts'
import type { OpenSettings, StoreDriver, StoreModule } from './store-driver.ts'

const PACKAGE_NAME = '@nxtedition/rocksdb'
/** A quarter of it is one memtable: 16 MiB, as in Varve. */
const MEMTABLE_MEMORY_SIZE_BYTES = 64 * 1024 * 1024

interface RocksDatabase extends LevelDatabase {
  open(options: Record<string, unknown>): Promise<void>
}

type RocksConstructor = new (directory: string, options: Record<string, unknown>) => RocksDatabase

class RocksDriver extends LevelDriver {
  override put(key: Buffer, value: Buffer): Promise<void> {
    return this.writeOptions.sync
      ? this.database.batch([{ type: 'put', key, value }], this.writeOptions)
      : super.put(key, value)
  }

  override async get(key: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.database.get(key)
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === 'LEVEL_NOT_FOUND') {
        return undefined
      }
      throw error
    }
  }
}

export const rocksdb: StoreModule = {
  description: {
    name: 'rocksdb',
    packageName: PACKAGE_NAME,
    version: installedVersion(PACKAGE_NAME),
    strongestDurability: 'power',
    settings: {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compaction: 'level',
      memtableMemoryBudget: MEMTABLE_MEMORY_SIZE_BYTES,
      filterPolicy: 'bloomfilter:10',
      compression: true,
    },
    durabilitySettings: { process: 'put', power: 'batch of one with sync: true, as put drops it' },
  },
  async open(directory: string, { durability, cacheSizeBytes }: OpenSettings): Promise<StoreDriver> {
    const { RocksLevel } = requirePeer(PACKAGE_NAME) as { readonly RocksLevel: RocksConstructor }
    const database = new RocksLevel(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await database.open({
      cacheSize: cacheSizeBytes,
      compaction: 'level',
      memtableMemoryBudget: MEMTABLE_MEMORY_SIZE_BYTES,
      filterPolicy: 'bloomfilter:10',
    })
    return new RocksDriver(database, {
      isSynced: durability === 'power',
      // The binding has no compaction by hand: what it does by itself is what its users get.
      compact: () => Promise.resolve(),
    })
  },
}
