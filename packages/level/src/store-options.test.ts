import { expect, test } from 'vitest'
import { storeOptionsOf } from './store-options.ts'

const MIB = 1024 * 1024

test('without options the database takes what LevelDB takes', () => {
  expect(storeOptionsOf({})).toEqual({
    createIfMissing: true,
    errorIfExists: false,
    valueSizeBytesMax: 256 * MIB,
    stalledSizeBytesMax: 1024 * MIB,
  })
})

test('the options of classic-level have their counterparts, or none that is needed', () => {
  const options = {
    cacheSize: 1,
    writeBufferSize: 2 * MIB,
    blockSize: 8192,
    maxOpenFiles: 100,
    maxFileSize: 3 * MIB,
    compression: true,
    blockRestartInterval: 8,
    multithreading: false,
    infoLog: false,
    createIfMissing: false,
    errorIfExists: true,
    passive: false,
  }
  expect(storeOptionsOf(options)).toEqual({
    createIfMissing: false,
    errorIfExists: true,
    valueSizeBytesMax: 256 * MIB,
    stalledSizeBytesMax: 1024 * MIB,
    blockCacheSizeBytes: 1,
    memtableSizeBytes: 2 * MIB,
    blockSizeBytes: 8192,
    openTableCountMax: 100,
    tableSizeBytes: 3 * MIB,
  })
})

test('numbers are cut to what is possible, as LevelDB does', () => {
  const low = storeOptionsOf({ cacheSize: -1, writeBufferSize: 0, blockSize: 1, maxOpenFiles: 0, maxFileSize: 0.5 })
  expect(low).toMatchObject({
    blockCacheSizeBytes: 0,
    memtableSizeBytes: 65_536,
    blockSizeBytes: 1024,
    openTableCountMax: 64,
    tableSizeBytes: MIB,
  })
  const high = storeOptionsOf({ writeBufferSize: Infinity, blockSize: 1e12, maxOpenFiles: 1e9, maxFileSize: 1e12 })
  expect(high).toMatchObject({
    memtableSizeBytes: 1024 * MIB,
    blockSizeBytes: 4 * MIB,
    openTableCountMax: 50_000,
    tableSizeBytes: 1024 * MIB,
  })
})

test('options of the store itself win', () => {
  const options = storeOptionsOf({ writeBufferSize: MIB, memtableSizeBytes: 4096, bloomBitsPerKey: 0 })
  expect(options).toMatchObject({ memtableSizeBytes: 4096, bloomBitsPerKey: 0 })
})

test('compression may be what it is for LevelDB, or for the store', () => {
  expect(storeOptionsOf({ compression: true })).not.toHaveProperty('compression')
  expect(storeOptionsOf({ compression: false })).toMatchObject({ compression: 'none' })
  expect(storeOptionsOf({ compression: 'zstd' })).toMatchObject({ compression: 'zstd' })
  expect(storeOptionsOf({ compression: ['none', 'lz4'] })).toMatchObject({ compression: ['none', 'lz4'] })
})

test.each([
  [{ multithreading: true }, 'LEVEL_NOT_SUPPORTED'],
  [{ infoLog: {} as boolean }, 'LEVEL_NOT_SUPPORTED'],
  [{ cacheSize: '8' as unknown as number }, 'LEVEL_INVALID_ARGUMENT'],
  [{ blockSize: NaN }, 'LEVEL_INVALID_ARGUMENT'],
])('%o is refused by name', (options, code) => {
  const [name = ''] = Object.keys(options)
  expect(() => storeOptionsOf(options)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(name) }),
  )
})
