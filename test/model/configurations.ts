/** The sets of options that every list of operations must give the same answers under. */
import { isCodecAvailable, type Codec } from '@varve/storage'
import type { StoreOptions } from 'varve'
import type { StoreConfiguration } from './store-subject.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** The densest codec that this runtime has. */
const DENSE: Codec = isCodecAvailable('zstd') ? 'zstd' : 'deflate'

const TINY: StoreOptions = { memtableSizeBytes: 64 * KIB, tableSizeBytes: 32 * KIB, levelZeroTableCountTrigger: 2 }

/** Small levels with a small step from one to the next: several of them fill. */
const DEEP: StoreOptions = { ...TINY, levelSizeRatio: 2, levelOneSizeBytes: 64 * KIB, compression: 'none' }

/** Used through `connect`. */
export const SHARED_CONFIGURATIONS: readonly StoreConfiguration[] = [
  { name: 'shared, deep', options: DEEP, executor: 'pool', isShared: true },
  { name: 'shared, tiny blocks', options: { ...TINY, blockSizeBytes: 256 }, executor: 'inline', isShared: true },
]

export const CONFIGURATIONS: readonly StoreConfiguration[] = [
  { name: 'default', options: {}, executor: 'pool' },
  { name: 'inline, not compressed', options: { compression: 'none' }, executor: 'inline' },
  { name: 'tiny, inline, deflate', options: { ...TINY, compression: 'deflate' }, executor: 'inline' },
  {
    name: 'deep, one worker',
    options: { ...DEEP, workerCountMax: 1, levelOneSizeBytes: 16 * KIB, compression: ['none', 'lz4', DENSE] },
    executor: 'pool',
  },
  { name: 'tiny, no bloom filters', options: { ...TINY, bloomBitsPerKey: 0 }, executor: 'inline' },
  {
    name: 'tiny blocks',
    options: { ...TINY, blockSizeBytes: 256, bloomBitsPerKey: 3, compression: DENSE },
    executor: 'inline',
  },
  {
    name: 'tiered, three workers',
    options: { ...DEEP, compactionStrategy: 'tiered', workerCountMax: 3 },
    executor: 'pool',
  },
  {
    name: 'large everything',
    options: { memtableSizeBytes: 64 * MIB, blockSizeBytes: 64 * KIB, tableSizeBytes: 128 * MIB, workerCountMax: 4 },
    executor: 'pool',
  },
]

/** Run a part of each list: they take longest, or have least that the others lack. */
export const SHORT_CONFIGURATIONS: readonly StoreConfiguration[] = [
  { name: 'tiny, pool', options: TINY, executor: 'pool' },
  { name: 'deep, inline, no cache', options: { ...DEEP, blockCacheSizeBytes: 0 }, executor: 'inline' },
  {
    name: 'narrow',
    options: { ...DEEP, frozenMemtableCountMax: 1, openTableCountMax: 10, blockCacheSizeBytes: 16 * KIB },
    executor: 'pool',
  },
]

/** Of the operations, for those. */
export const SHORT_PART = 0.2
