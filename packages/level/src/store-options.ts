/**
 * The options of classic-level as options of the store. Each one has an effect, or is accepted without one because it
 * changes no answer (that is said at the option), or is refused. Numbers are cut to what is possible, as LevelDB does.
 */
import type { AbstractDatabaseOptions, AbstractOpenOptions } from 'abstract-level'
import type { StoreOptions } from 'varve'
import { LevelError } from './level-error.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Options of the constructor. */
export interface DatabaseOptions<K, V> extends AbstractDatabaseOptions<K, V>, Omit<OpenOptions, 'passive'> {}

/** Options of `open`. Those that the store itself has, such as `bloomBitsPerKey`, may be given too; they win. */
export interface OpenOptions
  extends AbstractOpenOptions, Omit<StoreOptions, 'createIfMissing' | 'errorIfExists' | 'compression'> {
  /** False: tables are not compressed. True, the default: as the store does by default. Or what the store's option takes. */
  readonly compression?: boolean | StoreOptions['compression'] | undefined
  /** Blocks read from tables are kept in memory up to this size, in bytes. Default: 64 MiB. */
  readonly cacheSize?: number | undefined
  /** A memtable is flushed at this size, in bytes. Default: 16 MiB. */
  readonly writeBufferSize?: number | undefined
  /** Entries of a table are read and cached in blocks of about this size, in bytes. Default: 4 KiB. */
  readonly blockSize?: number | undefined
  /** At most this many files are kept open. Default: 500 tables. */
  readonly maxOpenFiles?: number | undefined
  /** Accepted, without effect: it is always 16. No answer depends on it. */
  readonly blockRestartInterval?: number | undefined
  /** Compaction cuts its output into tables of about this size, in bytes. Default: 32 MiB. */
  readonly maxFileSize?: number | undefined
  /** Refused if true: one instance has a directory at a time. Hand it to other threads by messages. */
  readonly multithreading?: boolean | undefined
  /** Refused unless false: there is no log for people to read. `stats()` has the figures. */
  readonly infoLog?: boolean | undefined
}

interface NumberRule {
  readonly name: 'cacheSize' | 'writeBufferSize' | 'blockSize' | 'maxOpenFiles' | 'maxFileSize'
  readonly means: keyof StoreOptions
  readonly min: number
  readonly max: number
}

const NUMBER_RULES: readonly NumberRule[] = [
  { name: 'cacheSize', means: 'blockCacheSizeBytes', min: 0, max: 1024 * 1024 * MIB },
  { name: 'writeBufferSize', means: 'memtableSizeBytes', min: 64 * KIB, max: 1024 * MIB },
  { name: 'blockSize', means: 'blockSizeBytes', min: KIB, max: 4 * MIB },
  { name: 'maxOpenFiles', means: 'openTableCountMax', min: 64, max: 50_000 },
  { name: 'maxFileSize', means: 'tableSizeBytes', min: MIB, max: 1024 * MIB },
]

const STORE_OPTION_NAMES = [
  'memtableSizeBytes',
  'frozenMemtableCountMax',
  'stalledSizeBytesMax',
  'valueSizeBytesMax',
  'blockSizeBytes',
  'blockCacheSizeBytes',
  'openTableCountMax',
  'bloomBitsPerKey',
  'tableSizeBytes',
  'levelZeroTableCountTrigger',
  'levelZeroTableCountSlowdown',
  'levelZeroTableCountMax',
  'pendingCompactionSizeBytesSlowdown',
  'pendingCompactionSizeBytesMax',
  'levelOneSizeBytes',
  'levelSizeRatio',
  'compactionStrategy',
  'backgroundBytesPerSecondMax',
  'workerCountMax',
] as const satisfies readonly (keyof StoreOptions)[]

/**
 * What a database of LevelDB takes must be taken: values as large as can be, and writes that nobody awaits, which wait
 * in memory there too.
 */
const DEFAULTS: StoreOptions = { valueSizeBytesMax: 256 * MIB, stalledSizeBytesMax: 1024 * MIB }

/** @throws LevelError with LEVEL_INVALID_ARGUMENT or LEVEL_NOT_SUPPORTED */
export function storeOptionsOf(options: OpenOptions): StoreOptions {
  refuse(options.multithreading, 'multithreading', 'one instance has a directory at a time, in all threads')
  refuse(options.infoLog, 'infoLog', 'there is no log for people to read; stats() has the figures')
  const result: Record<string, StoreOptions[keyof StoreOptions]> = {
    ...DEFAULTS,
    createIfMissing: options.createIfMissing !== false,
    errorIfExists: options.errorIfExists === true,
  }
  for (const { name, means, min, max } of NUMBER_RULES) {
    const value = options[name]
    if (value !== undefined && value !== null) {
      if (typeof value !== 'number' || Number.isNaN(value)) {
        throw new LevelError('LEVEL_INVALID_ARGUMENT', `option ${name} must be a number, not a ${typeof value}`)
      }
      result[means] = Math.floor(Math.min(max, Math.max(min, value)))
    }
  }
  const { compression } = options
  if (compression === false) {
    result['compression'] = 'none'
  } else if (compression !== undefined && compression !== null && compression !== true) {
    result['compression'] = compression
  }
  for (const name of STORE_OPTION_NAMES) {
    const value = options[name]
    if (value !== undefined) {
      result[name] = value
    }
  }
  return result
}

function refuse(value: unknown, name: string, why: string): void {
  if (value !== undefined && value !== null && value !== false) {
    throw new LevelError('LEVEL_NOT_SUPPORTED', `option ${name} is not supported: ${why}`)
  }
}
