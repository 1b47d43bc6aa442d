/** What a write may be asked for, checked: to be durable, and to happen only if nothing it depends on has changed. */
import { InvalidArgumentError } from '@varve/storage'
import type { Bytes } from '../bytes.ts'
import { checkNames, describe } from '../options.ts'
import { resolveRange, type Range } from '../read/range.ts'
import type { Snapshot } from '../read/snapshot.ts'
import type { KeyRange } from '../version/version.ts'
import { PackedOperations } from './packed-operations.ts'

export interface WriteOptions {
  /** Resolve only when the write survives a loss of power. Default: false; it then survives the process's death. */
  readonly sync?: boolean | undefined
  /**
   * Write only if no key of the write, none of `unchangedKeys` and no key in one of `unchangedRanges` was put or deleted
   * since this snapshot; otherwise reject with VARVE_CONFLICT.
   */
  readonly ifUnchangedSince?: Snapshot | undefined
  /** More keys that the write depends on. */
  readonly unchangedKeys?: readonly Bytes[] | undefined
  /** Ranges that the write depends on: no key may have come, changed or gone there. */
  readonly unchangedRanges?: readonly Range[] | undefined
}

/** What a conditional write depends on, besides the keys that it writes. */
export interface Dependencies {
  /** Keys, packed as deletes. */
  readonly keys: PackedOperations
  readonly ranges: readonly KeyRange[]
}

const WRITE_OPTION_NAMES: ReadonlySet<string> = new Set<keyof WriteOptions>([
  'sync',
  'ifUnchangedSince',
  'unchangedKeys',
  'unchangedRanges',
])

/** @throws InvalidArgumentError that names what is wrong */
export function isSync(options: WriteOptions | undefined): boolean {
  if (options === undefined) {
    return false
  }
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`the options of a write must be an object, not ${describe(options)}`)
  }
  checkNames(options, WRITE_OPTION_NAMES, 'a write')
  if (options.ifUnchangedSince === undefined) {
    if (options.unchangedKeys !== undefined || options.unchangedRanges !== undefined) {
      throw new InvalidArgumentError('unchangedKeys and unchangedRanges need a snapshot: give ifUnchangedSince')
    }
  }
  const sync = options.sync ?? false
  if (typeof sync !== 'boolean') {
    throw new InvalidArgumentError(`sync must be true or false, not ${describe(sync)}`)
  }
  return sync
}

/** @throws InvalidArgumentError that says which key or range is wrong */
export function dependenciesOf({ unchangedKeys = [], unchangedRanges = [] }: WriteOptions): Dependencies {
  const keys = new PackedOperations()
  checkArray('unchangedKeys', unchangedKeys)
  unchangedKeys.forEach((key, i) => naming(`unchangedKeys[${i}]`, () => keys.delete(key)))
  checkArray('unchangedRanges', unchangedRanges)
  const ranges = unchangedRanges.map((range, i) => naming(`unchangedRanges[${i}]`, () => resolveGiven(range)))
  return { keys, ranges }
}

function resolveGiven(range: Range | undefined): KeyRange {
  if (range === undefined) {
    throw new InvalidArgumentError('a range must be an object, not undefined')
  }
  return resolveRange(range)
}

function checkArray(name: string, given: unknown): void {
  if (!Array.isArray(given)) {
    throw new InvalidArgumentError(`${name} must be an array, not ${describe(given)}`)
  }
}

function naming<T>(name: string, resolve: () => T): T {
  try {
    return resolve()
  } catch (error) {
    throw error instanceof InvalidArgumentError ? new InvalidArgumentError(`${name}: ${error.message}`) : error
  }
}
