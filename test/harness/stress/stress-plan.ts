/** What the threads of the stress test have in common: keys, values, and what they are told. */
import type { MessagePort } from 'node:worker_threads'
import type { StoreOptions } from 'varve'

/** Keys that all threads put, delete and read. */
export const KEY_COUNT = 48
/** Accounts of each thread, and those that all threads move between by conditional writes. */
export const ACCOUNT_COUNT = 8
export const SHARED_ACCOUNT_COUNT = 4
export const BALANCE = 1000
export const OPERATIONS_PER_ROUND_MAX = 30_000
const PADDING_SIZE_BYTES_MAX = 1500

export interface StressPlan {
  readonly actor: number
  readonly actorCount: number
  /** Values of this incarnation are above it. */
  readonly valueBase: number
  readonly port: MessagePort
}

export interface RoundStart {
  readonly seed: number
  readonly log: SharedArrayBuffer
  /** One cell: not 0 when the round ends. */
  readonly stop: SharedArrayBuffer
}

export interface RoundEnd {
  readonly findings: readonly string[]
  readonly operationCount: number
}

export interface StressOptions extends StoreOptions {
  readonly memtableSizeBytes: number
}

export const keyOf = (index: number): string => `key/${String(index).padStart(4, '0')}`
export const accountOf = (actor: number, index: number): string => `account/${actor}/${index}`
export const sharedAccountOf = (index: number): string => `account/shared/${index}`
export const orderedKeyOf = (actor: number, which: 'first' | 'second'): string => `ordered/${actor}/${which}`

/** A value that says which put wrote it, and shows whether it is whole. */
export function encodeValue(value: number): Buffer {
  const text = `${value}:`
  const sizeBytes = value % 5 === 0 ? (value * 7919) % PADDING_SIZE_BYTES_MAX : value % 64
  return Buffer.alloc(text.length + sizeBytes, (value % 251) + 1).fill(text, 0, text.length)
}

/** @throws if it is not what `encodeValue` makes */
export function decodeValue(bytes: Buffer | undefined): number {
  if (bytes === undefined) {
    return 0
  }
  const value = Number(bytes.subarray(0, bytes.indexOf(':')).toString())
  if (!Number.isSafeInteger(value) || !bytes.equals(encodeValue(value))) {
    throw new Error(`a torn value of ${bytes.length} bytes: ${bytes.subarray(0, 40).toString('latin1')}`)
  }
  return value
}
