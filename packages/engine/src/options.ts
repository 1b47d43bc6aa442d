/** The options of a store: what users may give, what they mean, and the one place where they are checked. */
import {
  CODECS,
  InvalidArgumentError,
  LEVEL_COUNT,
  codecMissing,
  isCodec,
  isCodecAvailable,
  type Codec,
  VALUE_SIZE_BYTES_DEFAULT_MAX,
  VALUE_SIZE_BYTES_LIMIT,
} from '@varve/storage'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** All are optional and none needs tuning. Sizes are in bytes. */
export interface StoreOptions {
  /** Make the store if there is none in the directory. Default: true. */
  readonly createIfMissing?: boolean
  /** Refuse a directory that already holds a store. Default: false. */
  readonly errorIfExists?: boolean
  /** A memtable is frozen and flushed at this size. Default: 16 MiB. */
  readonly memtableSizeBytes?: number
  /** Writes stall while this many frozen memtables wait to be flushed. Default: 2. */
  readonly frozenMemtableCountMax?: number
  /** Stalled writes wait up to this size in all; beyond it they are rejected with VARVE_BUSY. Default: 32 MiB. */
  readonly stalledSizeBytesMax?: number
  /** The largest value that is accepted. Default: 16 MiB, at most 256 MiB. */
  readonly valueSizeBytesMax?: number
  /** Entries of a table are read and cached in blocks of about this size. Default: 4 KiB. */
  readonly blockSizeBytes?: number
  /** Blocks read from tables are kept in memory up to this size; 0 keeps none. Default: 64 MiB. */
  readonly blockCacheSizeBytes?: number
  /** At most this many table files are kept open. Default: 500. */
  readonly openTableCountMax?: number
  /** Bits a key of the filters that spare look-ups of missing keys; 0 makes none. Default: 10, about 1 % false positives. */
  readonly bloomBitsPerKey?: number
  /** Compaction cuts its output into tables of about this size. Default: 32 MiB. */
  readonly tableSizeBytes?: number
  /** Level 0 is compacted when it has this many runs: a flush is one. Default: 4. */
  readonly levelZeroTableCountTrigger?: number
  /** Writes slow down while level 0 has more runs than this. Default: 12, at most half-way from the trigger to the maximum. */
  readonly levelZeroTableCountSlowdown?: number
  /** Writes stop while level 0 has this many runs or more. Default: 24. */
  readonly levelZeroTableCountMax?: number
  /** Writes slow down while compactions have more bytes to write than this. Default: 8 GiB, at most the maximum. */
  readonly pendingCompactionSizeBytesSlowdown?: number
  /** Writes stop while compactions have this many bytes to write or more. Default: 32 GiB. */
  readonly pendingCompactionSizeBytesMax?: number
  /** About the size of the level that level 0 is compacted into. Default: 64 MiB. */
  readonly levelOneSizeBytes?: number
  /** Each level is this many times as large as the one above it, the deepest one holding nearly all. Default: 10. */
  readonly levelSizeRatio?: number
  /**
   * How tables are compacted: 'leveled' keeps space and reads small, 'tiered' what is written, at up to three times the
   * space. A store can be opened with either at any time. Default: 'leveled'.
   */
  readonly compactionStrategy?: 'leveled' | 'tiered'
  /**
   * Bytes a second that flushes and compactions together may write; 0: no limit. Flushes go first, and do not keep to it
   * while writes wait for them. Default: 0.
   */
  readonly backgroundBytesPerSecondMax?: number
  /** Threads that flush and compact, shared by all stores of a thread. Default: 3. */
  readonly workerCountMax?: number
  /**
   * How blocks of new tables are compressed: 'none', 'lz4', 'deflate' or 'zstd' (where the runtime has it), or one of them
   * for each level from 0 on, of which the last counts for the levels below too. Default: ['none', 'lz4'].
   */
  readonly compression?: Codec | readonly Codec[]
}

export interface ResolvedOptions extends Required<Omit<StoreOptions, 'compression'>> {
  /** By level; at least one. */
  readonly compression: readonly Codec[]
}

interface NumberRule {
  readonly byDefault: number
  readonly min: number
  readonly max: number
}

const NUMBER_RULES = {
  memtableSizeBytes: { byDefault: 16 * MIB, min: 4 * KIB, max: GIB },
  frozenMemtableCountMax: { byDefault: 2, min: 1, max: 64 },
  stalledSizeBytesMax: { byDefault: 32 * MIB, min: 0, max: 4 * GIB },
  valueSizeBytesMax: { byDefault: VALUE_SIZE_BYTES_DEFAULT_MAX, min: 0, max: VALUE_SIZE_BYTES_LIMIT },
  blockSizeBytes: { byDefault: 4 * KIB, min: 64, max: 4 * MIB },
  blockCacheSizeBytes: { byDefault: 64 * MIB, min: 0, max: 1024 * GIB },
  openTableCountMax: { byDefault: 500, min: 1, max: 1_000_000 },
  bloomBitsPerKey: { byDefault: 10, min: 0, max: 32 },
  tableSizeBytes: { byDefault: 32 * MIB, min: 4 * KIB, max: GIB },
  levelZeroTableCountTrigger: { byDefault: 4, min: 1, max: 1000 },
  levelZeroTableCountSlowdown: { byDefault: 12, min: 1, max: 10_000 },
  levelZeroTableCountMax: { byDefault: 24, min: 1, max: 10_000 },
  pendingCompactionSizeBytesSlowdown: { byDefault: 8 * GIB, min: 4 * KIB, max: 1024 * GIB },
  pendingCompactionSizeBytesMax: { byDefault: 32 * GIB, min: 4 * KIB, max: 1024 * GIB },
  levelOneSizeBytes: { byDefault: 64 * MIB, min: 4 * KIB, max: 1024 * GIB },
  levelSizeRatio: { byDefault: 10, min: 2, max: 100 },
  backgroundBytesPerSecondMax: { byDefault: 0, min: 0, max: 1024 * GIB },
  workerCountMax: { byDefault: 3, min: 1, max: 64 },
} as const satisfies Record<string, NumberRule>

const COMPACTION_STRATEGIES = ['leveled', 'tiered'] as const
const COMPRESSION_DEFAULT: readonly Codec[] = ['none', 'lz4']
const OTHER_NAMES: readonly string[] = ['compression', 'compactionStrategy']

const BOOLEAN_DEFAULTS = { createIfMissing: true, errorIfExists: false } as const

type NumberName = keyof typeof NUMBER_RULES
type BooleanName = keyof typeof BOOLEAN_DEFAULTS

/**
 * Checks the options and fills in the defaults.
 * @throws InvalidArgumentError that names the option, what it was and what it may be
 */
export function resolveOptions(options: StoreOptions = {}): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`options must be an object, not ${describe(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NUMBER_RULES, name) && !Object.hasOwn(BOOLEAN_DEFAULTS, name) && !OTHER_NAMES.includes(name)) {
      throw new InvalidArgumentError(`there is no option ${name}; see the list of options`)
    }
  }
  const numbers = Object.fromEntries(
    (Object.keys(NUMBER_RULES) as NumberName[]).map((name) => [name, resolveNumber(name, options[name])]),
  ) as Record<NumberName, number>
  const booleans = Object.fromEntries(
    (Object.keys(BOOLEAN_DEFAULTS) as BooleanName[]).map((name) => [name, resolveBoolean(name, options[name])]),
  ) as Record<BooleanName, boolean>
  if (options.levelZeroTableCountSlowdown === undefined) {
    const halfWay = Math.floor((numbers.levelZeroTableCountTrigger + numbers.levelZeroTableCountMax) / 2)
    const wanted = Math.max(numbers.levelZeroTableCountSlowdown, numbers.levelZeroTableCountTrigger)
    numbers.levelZeroTableCountSlowdown = Math.min(wanted, halfWay)
  }
  if (options.pendingCompactionSizeBytesSlowdown === undefined) {
    const max = numbers.pendingCompactionSizeBytesMax
    numbers.pendingCompactionSizeBytesSlowdown = Math.min(numbers.pendingCompactionSizeBytesSlowdown, max)
  }
  checkOrder(numbers, 'levelZeroTableCountTrigger', 'levelZeroTableCountMax')
  checkOrder(numbers, 'levelZeroTableCountTrigger', 'levelZeroTableCountSlowdown')
  checkOrder(numbers, 'levelZeroTableCountSlowdown', 'levelZeroTableCountMax')
  checkOrder(numbers, 'pendingCompactionSizeBytesSlowdown', 'pendingCompactionSizeBytesMax')
  return {
    ...numbers,
    ...booleans,
    compactionStrategy: resolveStrategy(options.compactionStrategy),
    compression: resolveCompression(options.compression),
  }
}

function resolveStrategy(value: unknown): ResolvedOptions['compactionStrategy'] {
  const strategy = COMPACTION_STRATEGIES.find((each) => each === (value === undefined ? 'leveled' : value))
  if (strategy === undefined) {
    // A string is the user's own word for it, and short.
    const given = typeof value === 'string' ? `'${value}'` : describe(value)
    throw new InvalidArgumentError(`option compactionStrategy must be 'leveled' or 'tiered', not ${given}`)
  }
  return strategy
}

/** @throws UnsupportedError that names the codec if this runtime lacks it */
function resolveCompression(value: unknown): readonly Codec[] {
  if (value === undefined) {
    return COMPRESSION_DEFAULT
  }
  const codecs: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (codecs.length === 0 || codecs.length > LEVEL_COUNT) {
    throw new InvalidArgumentError(
      `option compression must name a codec for each of 1 to ${LEVEL_COUNT} levels, not of ${codecs.length}`,
    )
  }
  return codecs.map((codec) => {
    if (!isCodec(codec)) {
      throw new InvalidArgumentError(
        `option compression must be ${CODECS.join(', ')} or an array of them, not ${describe(codec)}`,
      )
    }
    if (!isCodecAvailable(codec)) {
      throw codecMissing(codec, 'option compression')
    }
    return codec
  })
}

/** Bounds of back-pressure: a later one must not be below an earlier one, or writes would stop for what is never done. */
function checkOrder(numbers: Readonly<Record<NumberName, number>>, earlier: NumberName, later: NumberName): void {
  if (numbers[later] < numbers[earlier]) {
    throw new InvalidArgumentError(
      `${later} (${numbers[later]}) must not be below ${earlier} (${numbers[earlier]}): writes would stall before ` +
        'anything is done about it',
    )
  }
}

function resolveNumber(name: NumberName, value: unknown): number {
  const { byDefault, min, max } = NUMBER_RULES[name]
  if (value === undefined) {
    return byDefault
  }
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidArgumentError(
      `option ${name} must be a whole number from ${min} to ${max}, not ${describe(value)}`,
    )
  }
  return value
}

function resolveBoolean(name: BooleanName, value: unknown): boolean {
  if (value === undefined) {
    return BOOLEAN_DEFAULTS[name]
  }
  if (typeof value !== 'boolean') {
    throw new InvalidArgumentError(`option ${name} must be true or false, not ${describe(value)}`)
  }
  return value
}

/**
 * Refuses names that an object of options or a range does not have. Ignored, a misspelt bound would delete too much, and
 * a condition that does not exist would not hold.
 * @throws InvalidArgumentError that names the first one
 */
export function checkNames(given: object, known: ReadonlySet<string>, what: string): void {
  for (const name in given) {
    if (!known.has(name)) {
      throw new InvalidArgumentError(`${what} has no ${name}: there are ${[...known].join(', ')}`)
    }
  }
}

/** A short name for any value, for messages: never the value's own bytes. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') {
    return String(value)
  }
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : `a ${typeof value}`
}
