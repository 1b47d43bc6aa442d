import { InvalidArgumentError, UnsupportedError, isCodecAvailable } from '@varve/storage'
import { expect, test } from 'vitest'
import { describe as describeValue, resolveOptions, type StoreOptions } from './options.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

const DEFAULTS = {
  createIfMissing: true,
  errorIfExists: false,
  memtableSizeBytes: 16 * MIB,
  frozenMemtableCountMax: 2,
  stalledSizeBytesMax: 32 * MIB,
  valueSizeBytesMax: 16 * MIB,
  blockSizeBytes: 4096,
  blockCacheSizeBytes: 64 * MIB,
  openTableCountMax: 500,
  bloomBitsPerKey: 10,
  tableSizeBytes: 32 * MIB,
  levelZeroTableCountTrigger: 4,
  levelZeroTableCountSlowdown: 12,
  levelZeroTableCountMax: 24,
  pendingCompactionSizeBytesSlowdown: 8 * GIB,
  pendingCompactionSizeBytesMax: 32 * GIB,
  levelOneSizeBytes: 64 * MIB,
  compactionStrategy: 'leveled',
  levelSizeRatio: 10,
  backgroundBytesPerSecondMax: 0,
  workerCountMax: 3,
  compression: ['none', 'lz4'],
}

/** The smallest and the largest value of each number. */
const BOUNDS: Record<string, [number, number]> = {
  memtableSizeBytes: [4096, GIB],
  frozenMemtableCountMax: [1, 64],
  stalledSizeBytesMax: [0, 4 * GIB],
  valueSizeBytesMax: [0, 256 * MIB],
  blockSizeBytes: [64, 4 * MIB],
  blockCacheSizeBytes: [0, 1024 * GIB],
  openTableCountMax: [1, 1_000_000],
  bloomBitsPerKey: [0, 32],
  tableSizeBytes: [4096, GIB],
  levelZeroTableCountTrigger: [1, 1000],
  levelZeroTableCountSlowdown: [1, 10_000],
  levelZeroTableCountMax: [1, 10_000],
  pendingCompactionSizeBytesSlowdown: [4096, 1024 * GIB],
  pendingCompactionSizeBytesMax: [4096, 1024 * GIB],
  levelOneSizeBytes: [4096, 1024 * GIB],
  levelSizeRatio: [2, 100],
  backgroundBytesPerSecondMax: [0, 1024 * GIB],
  workerCountMax: [1, 64],
}

/** As users of JavaScript call it: with anything. */
const resolve = (options: unknown): ReturnType<typeof resolveOptions> => resolveOptions(options as StoreOptions)

test('every option has its documented default, given as undefined too', () => {
  expect(resolveOptions()).toEqual(DEFAULTS)
  expect(resolveOptions({})).toEqual(DEFAULTS)
  const none = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, undefined]))
  expect(resolve(none)).toEqual(DEFAULTS)
})

test('every number is accepted at its bounds and refused one beyond, by name', () => {
  expect(Object.keys(BOUNDS).toSorted(), 'all of them').toEqual(
    Object.keys(DEFAULTS)
      .filter((name) => !['createIfMissing', 'errorIfExists', 'compactionStrategy', 'compression'].includes(name))
      .toSorted(),
  )
  for (const [name, [min, max]] of Object.entries(BOUNDS)) {
    // The bounds of back-pressure are bounded by each other besides.
    const other = {
      levelZeroTableCountTrigger: 1,
      levelZeroTableCountMax: 10_000,
      pendingCompactionSizeBytesMax: 1024 * GIB,
    }
    expect(resolve({ ...other, [name]: min }), name).toMatchObject({ [name]: min })
    expect(resolve({ ...other, [name]: max }), name).toMatchObject({ [name]: max })
    for (const wrong of [min - 1, max + 1, min + 0.5, NaN, Infinity, -1, '10', null, true, {}, [], 10n]) {
      expect(() => resolve({ [name]: wrong }), name).toThrow(InvalidArgumentError)
      expect(() => resolve({ [name]: wrong })).toThrow(`option ${name} must be a whole number from ${min} to ${max}`)
    }
  }
})

test('a strategy is one of two, and another is refused by name', () => {
  expect(resolve({ compactionStrategy: 'tiered' })).toMatchObject({ compactionStrategy: 'tiered' })
  for (const [wrong, said] of [
    ['universal', "'universal'"],
    [null, 'null'],
    [1, '1'],
    [{}, 'Object'],
  ] as const) {
    const message = `option compactionStrategy must be 'leveled' or 'tiered', not ${said}`
    expect(() => resolve({ compactionStrategy: wrong })).toThrow(message)
  }
})

test('compression is a codec, or one for each of the first levels', () => {
  expect(resolveOptions({ compression: 'none' })).toMatchObject({ compression: ['none'] })
  const codecs = ['none', 'lz4', 'deflate', 'none', 'lz4', 'deflate', 'none'] as const
  expect(resolveOptions({ compression: codecs })).toMatchObject({ compression: codecs })
  for (const wrong of ['LZ4', 'snappy', '', 1, true, null, {}, ['lz4', 'best'], [undefined]]) {
    expect(() => resolve({ compression: wrong })).toThrow(InvalidArgumentError)
    expect(() => resolve({ compression: wrong })).toThrow('option compression must be none, lz4, deflate, zstd')
  }
  for (const wrong of [[], [...codecs, 'none']]) {
    expect(() => resolve({ compression: wrong })).toThrow('option compression must name a codec for each of 1 to 7')
  }
})

test('a codec that this runtime lacks is refused by name', () => {
  const withZstd = (): unknown => resolve({ compression: ['none', 'zstd'] })
  if (isCodecAvailable('zstd')) {
    expect(withZstd()).toMatchObject({ compression: ['none', 'zstd'] })
  } else {
    expect(withZstd).toThrow(UnsupportedError)
    expect(withZstd).toThrow('option compression needs the codec zstd')
  }
})

test('an option that must be true or false is refused as anything else, by name', () => {
  for (const name of ['createIfMissing', 'errorIfExists']) {
    expect(resolve({ [name]: true })).toMatchObject({ [name]: true })
    expect(resolve({ [name]: false })).toMatchObject({ [name]: false })
    for (const wrong of [0, 1, 'false', null, {}]) {
      expect(() => resolve({ [name]: wrong })).toThrow(`option ${name} must be true or false`)
    }
  }
})

test('an option that does not exist is refused by name, whatever its value', () => {
  for (const name of ['cacheSizeBytes', 'blockcacheSizeBytes', 'memtableSize', 'sync']) {
    expect(() => resolve({ [name]: 1 })).toThrow(InvalidArgumentError)
    expect(() => resolve({ [name]: undefined })).toThrow(`there is no option ${name}`)
  }
})

test('options that are no object are refused', () => {
  for (const wrong of [null, 1, 'x', true, () => {}]) {
    expect(() => resolve(wrong), String(wrong)).toThrow(/options must be an object, not/)
  }
})

test('writes must not stall before compaction starts', () => {
  expect(() => resolve({ levelZeroTableCountTrigger: 25 })).toThrow(
    /levelZeroTableCountMax \(24\) must not be below levelZeroTableCountTrigger \(25\)/,
  )
  expect(resolve({ levelZeroTableCountTrigger: 24 })).toMatchObject({ levelZeroTableCountTrigger: 24 })
  expect(() => resolve({ levelZeroTableCountSlowdown: 3 })).toThrow(
    /levelZeroTableCountSlowdown \(3\) must not be below levelZeroTableCountTrigger \(4\)/,
  )
  expect(() => resolve({ levelZeroTableCountSlowdown: 25 })).toThrow(
    /levelZeroTableCountMax \(24\) must not be below levelZeroTableCountSlowdown \(25\)/,
  )
  expect(() => resolve({ pendingCompactionSizeBytesSlowdown: MIB, pendingCompactionSizeBytesMax: MIB - 1 })).toThrow(
    /pendingCompactionSizeBytesMax \(1048575\) must not be below pendingCompactionSizeBytesSlowdown/,
  )
})

test('where writes slow down follows the bounds that are given', () => {
  const slowdowns = (options: StoreOptions): number[] => {
    const { levelZeroTableCountSlowdown, pendingCompactionSizeBytesSlowdown } = resolveOptions(options)
    return [levelZeroTableCountSlowdown, pendingCompactionSizeBytesSlowdown]
  }
  expect(slowdowns({ levelZeroTableCountMax: 8 })).toEqual([6, 8 * GIB])
  expect(slowdowns({ levelZeroTableCountTrigger: 16 })).toEqual([16, 8 * GIB])
  expect(slowdowns({ levelZeroTableCountTrigger: 24 })).toEqual([24, 8 * GIB])
  expect(slowdowns({ pendingCompactionSizeBytesMax: GIB })).toEqual([12, GIB])
})

test('a value is described by its kind, never by its content', () => {
  expect([null, undefined, 3, true].map(describeValue)).toEqual(['null', 'undefined', '3', 'true'])
  expect(describeValue('a secret')).toBe('a string')
  expect(describeValue(Buffer.from('a secret'))).toBe('Buffer')
  expect(describeValue(Object.create(null))).toBe('an object')
  expect([Symbol('s'), 3n, () => 1].map(describeValue)).toEqual(['a symbol', 'a bigint', 'a function'])
})
