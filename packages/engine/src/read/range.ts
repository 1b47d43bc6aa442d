/** Ranges of keys as users give them, and as bounds: from `lower` up to but not including `upper`. */
import { InvalidArgumentError } from '@varve/storage'
import { copyKey, type Bytes } from '../bytes.ts'
import { checkNames, describe } from '../options.ts'
import { keyAfter, type KeyRange } from '../version/version.ts'

/** Without any bound it is all keys. Where several are given, all of them hold. */
export interface Range {
  readonly gt?: Bytes | undefined
  readonly gte?: Bytes | undefined
  readonly lt?: Bytes | undefined
  readonly lte?: Bytes | undefined
  /** Keys that begin with these bytes. */
  readonly prefix?: Bytes | undefined
}

export const BOUND_NAMES: ReadonlySet<string> = new Set<keyof Range>(['gt', 'gte', 'lt', 'lte', 'prefix'])

/**
 * @param known the names that it may have
 * @throws InvalidArgumentError that names what is wrong
 */
export function resolveRange(range: Range | undefined, known: ReadonlySet<string> = BOUND_NAMES): KeyRange {
  if (range !== undefined) {
    if (typeof range !== 'object' || range === null) {
      throw new InvalidArgumentError(`a range must be an object, not ${describe(range)}`)
    }
    checkNames(range, known, 'this range')
  }
  let lower: Uint8Array | undefined
  let upper: Uint8Array | undefined
  const raise = (bound: Uint8Array): void => {
    lower = lower === undefined || Buffer.compare(bound, lower) > 0 ? bound : lower
  }
  const cut = (bound: Uint8Array | undefined): void => {
    if (bound !== undefined && (upper === undefined || Buffer.compare(bound, upper) < 0)) {
      upper = bound
    }
  }
  const { gt, gte, lt, lte, prefix } = range ?? {}
  if (gte !== undefined) {
    raise(bound('gte', gte))
  }
  if (gt !== undefined) {
    raise(keyAfter(bound('gt', gt)))
  }
  if (lt !== undefined) {
    cut(bound('lt', lt))
  }
  if (lte !== undefined) {
    cut(keyAfter(bound('lte', lte)))
  }
  if (prefix !== undefined) {
    const bytes = bound('prefix', prefix)
    raise(bytes)
    cut(prefixEnd(bytes))
  }
  return { lower, upper }
}

/** @throws InvalidArgumentError */
export function resolveLimit(limit: number | undefined): number {
  if (limit === undefined || limit === Infinity) {
    return Infinity
  }
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0) {
    throw new InvalidArgumentError(`limit must be a whole number from 0 on, not ${describe(limit)}`)
  }
  return limit
}

/** @throws InvalidArgumentError */
export function resolveReverse(reverse: boolean | undefined): boolean {
  if (reverse !== undefined && typeof reverse !== 'boolean') {
    throw new InvalidArgumentError(`reverse must be true or false, not ${describe(reverse)}`)
  }
  return reverse === true
}

/** @throws InvalidArgumentError */
export function resolveFillCache(fillCache: boolean | undefined): boolean {
  if (fillCache !== undefined && typeof fillCache !== 'boolean') {
    throw new InvalidArgumentError(`fillCache must be true or false, not ${describe(fillCache)}`)
  }
  return fillCache !== false
}

/** The smallest key that is larger than all keys with this prefix; `undefined` if there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i] !== 0xff) {
      const end = new Uint8Array(prefix.subarray(0, i + 1))
      end[i] = (prefix[i] as number) + 1
      return end
    }
  }
  return undefined
}

function bound(name: string, key: Bytes): Uint8Array {
  try {
    return copyKey(key)
  } catch (error) {
    throw error instanceof InvalidArgumentError ? new InvalidArgumentError(`${name}: ${error.message}`) : error
  }
}
