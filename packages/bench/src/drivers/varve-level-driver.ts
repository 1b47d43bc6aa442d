/** Varve through @varve/level, with Buffers: the same interface as classic-level. */
import { VarveLevel } from '@varve/level'
import { LevelDriver } from './level-driver.ts'
import { installedVersion } from './peer-packages.ts'
import type { OpenSettings, StoreDriver, StoreModule } from './store-driver.ts'

export const varveLevel: StoreModule = {
  description: {
    name: 'varve-level',
    packageName: '@varve/level',
    version: installedVersion('@varve/level'),
    strongestDurability: 'power',
    settings: { keyEncoding: 'buffer', valueEncoding: 'buffer', others: 'defaults' },
    durabilitySettings: { process: 'sync: false', power: 'sync: true' },
  },
  async open(directory: string, { durability, cacheSizeBytes }: OpenSettings): Promise<StoreDriver> {
    const database = new VarveLevel<Buffer, Buffer>(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: cacheSizeBytes,
    })
    await database.open()
    return new LevelDriver(database, {
      isSynced: durability === 'power',
      compact: () => database.compactRange(Buffer.alloc(0), Buffer.alloc(32, 0xff)),
    })
  },
}
