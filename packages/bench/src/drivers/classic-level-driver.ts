/** LevelDB through classic-level, with Buffers. */
import { ClassicLevel } from 'classic-level'
import { LevelDriver } from './level-driver.ts'
import { installedVersion } from './peer-packages.ts'
import type { OpenSettings, StoreDriver, StoreModule } from './store-driver.ts'

const MIB = 1024 * 1024
/** Four times the default: as much as the memtable of Varve. */
const WRITE_BUFFER_SIZE_BYTES = 16 * MIB

export const classicLevel: StoreModule = {
  description: {
    name: 'classic-level',
    packageName: 'classic-level',
    version: installedVersion('classic-level'),
    strongestDurability: 'power',
    settings: {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      writeBufferSize: WRITE_BUFFER_SIZE_BYTES,
      blockSize: 4096,
      compression: true,
      multithreading: false,
    },
    durabilitySettings: { process: 'sync: false', power: 'sync: true' },
  },
  async open(directory: string, { durability, cacheSizeBytes }: OpenSettings): Promise<StoreDriver> {
    const database = new ClassicLevel<Buffer, Buffer>(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: cacheSizeBytes,
      writeBufferSize: WRITE_BUFFER_SIZE_BYTES,
    })
    await database.open()
    return new LevelDriver(database, {
      isSynced: durability === 'power',
      compact: () => database.compactRange(Buffer.alloc(0), Buffer.alloc(32, 0xff)),
    })
  },
}
