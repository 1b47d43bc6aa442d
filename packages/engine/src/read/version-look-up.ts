/** Finds the newest visible version of a key in the tables of a Version: level 0 newest first, then down. Resumable. */
import {
  FILTER_HASH_SEED,
  LEVEL_COUNT,
  LookUpResult,
  NEEDS_BLOCK,
  NOT_FOUND,
  compareBytes,
  hashKey,
  lookUp,
  type ReadStatus,
} from '@varve/storage'
import type { TableHandle } from '../version/table-handle.ts'
import { findTable, type Version } from '../version/version.ts'
import type { ReadContext } from './read-context.ts'

export class VersionLookUp {
  readonly result: LookUpResult = new LookUpResult()
  readonly #context: ReadContext
  #version: Pick<Version, 'levels'> | undefined
  #key: Uint8Array = new Uint8Array(0)
  #keySize = 0
  #hash = 0
  #sequence = 0
  /** The next table to look into. In deeper levels only one can hold the key. */
  #level = 0
  #index = 0

  constructor(context: ReadContext) {
    this.#context = context
  }

  /** The first `keySize` bytes of `key` must stay until the look-up has ended. A part of a Version's tables will do. */
  start(version: Pick<Version, 'levels'>, key: Uint8Array, keySize: number, sequence: number): void {
    this.#version = version
    this.#key = key
    this.#keySize = keySize
    this.#hash = hashKey(key, 0, keySize, FILTER_HASH_SEED)
    this.#sequence = sequence
    this.#level = 0
    this.#index = 0
  }

  /** FOUND (a put or a tombstone, in `result`), NOT_FOUND, or NEEDS_BLOCK: load with the context and call again. */
  run(): ReadStatus {
    const levels = (this.#version as Pick<Version, 'levels'>).levels
    while (this.#level < LEVEL_COUNT) {
      const tables = levels[this.#level] as readonly TableHandle[]
      if (this.#level > 0 && this.#index === 0) {
        this.#index = findTable(tables, this.#key, this.#keySize)
      }
      while (this.#index < tables.length) {
        const table = tables[this.#index] as TableHandle
        const status = this.#mayHoldKey(table) ? this.#lookUp(table) : NOT_FOUND
        if (status !== NOT_FOUND) {
          return status
        }
        this.#index = this.#level === 0 ? this.#index + 1 : tables.length
      }
      this.#level++
      this.#index = 0
    }
    return NOT_FOUND
  }

  #mayHoldKey(table: TableHandle): boolean {
    const { smallestKey, largestKey } = table.metadata
    return (
      compareBytes(this.#key, 0, this.#keySize, smallestKey, 0, smallestKey.length) >= 0 &&
      compareBytes(this.#key, 0, this.#keySize, largestKey, 0, largestKey.length) <= 0
    )
  }

  #lookUp(table: TableHandle): ReadStatus {
    const reader = this.#context.table(table)
    if (reader === undefined) {
      return NEEDS_BLOCK
    }
    return lookUp(reader, this.#context, this.#key, this.#keySize, this.#hash, this.#sequence, this.result)
  }
}
