/**
 * Tells sound tables from damaged ones, and copies what can be read of a damaged one into a new table. Changes no file
 * that was there.
 */
import { join } from 'node:path'
import {
  BlockCursor,
  CorruptionError,
  IoError,
  TableReader,
  TableWriter,
  LEVEL_COUNT,
  checkTable,
  codecOfLevel,
  compareBytes,
  differenceOf,
  isKnownKind,
  isNotFound,
  salvageTable,
  tableFileName,
  type Block,
  type Env,
  type File,
  type FileNumber,
  type TableMetadata,
} from '@varve/storage'
import type { TableOptions } from '@varve/workers'
import { lostKeys, type LostPart } from './repair-report.ts'

/** Blocks that are copied before the event loop turns. */
const BLOCKS_PER_TURN = 64
const DEEPEST_LEVEL = LEVEL_COUNT - 1

export type TableFinding =
  | { readonly kind: 'sound'; readonly metadata: TableMetadata }
  | { readonly kind: 'damaged'; readonly error: CorruptionError | IoError }
  /** Not there, or not the table that the manifest means: nothing in it may be used. */
  | { readonly kind: 'lost'; readonly reason: string }

export interface SalvagedTable {
  /** `undefined` if nothing could be read. */
  readonly metadata: TableMetadata | undefined
  readonly lost: readonly LostPart[]
}

/** @param known what the manifest says of it @throws UnsupportedError, IoError */
export function examineTable(
  env: Env,
  directory: string,
  number: FileNumber,
  known: TableMetadata | undefined,
): TableFinding {
  let file: File | undefined
  try {
    file = env.files.openSync(join(directory, tableFileName(number)), 'read')
    const reader = TableReader.openSync(file, number, file.sizeSync())
    const metadata = { ...reader.properties, sizeBytes: reader.sizeBytes }
    const difference = known === undefined ? undefined : differenceOf(known, metadata)
    if (difference !== undefined) {
      return { kind: 'lost', reason: `its ${difference} is not what the manifest says: it is another table` }
    }
    checkTable(file, number, metadata)
    return { kind: 'sound', metadata: withoutMore(metadata) }
  } catch (error) {
    if (error instanceof CorruptionError || (error instanceof IoError && error.systemCode === 'EIO')) {
      return file === undefined ? { kind: 'lost', reason: error.message } : { kind: 'damaged', error }
    }
    if (isNotFound(error)) {
      return { kind: 'lost', reason: 'it is missing' }
    }
    throw error
  } finally {
    file?.closeSync()
  }
}

/** What is recorded of a table; its properties hold more. */
function withoutMore(metadata: TableMetadata): TableMetadata {
  const { number, sizeBytes, entryCount, tombstoneCount, rawKeySizeBytes, rawValueSizeBytes } = metadata
  const { smallestKey, largestKey, smallestSequence, largestSequence } = metadata
  const bounds = { smallestKey, largestKey, smallestSequence, largestSequence }
  return { number, sizeBytes, entryCount, tombstoneCount, ...bounds, rawKeySizeBytes, rawValueSizeBytes }
}

/** @param into the number of the new table @throws UnsupportedError, IoError */
export async function salvageInto(
  env: Env,
  directory: string,
  number: FileNumber,
  into: FileNumber,
  known: TableMetadata | undefined,
  options: TableOptions,
): Promise<SalvagedTable> {
  const file = env.files.openSync(join(directory, tableFileName(number)), 'read')
  const writerOptions = { ...options, codec: codecOfLevel(options.compression, DEEPEST_LEVEL) }
  const copyPath = join(directory, tableFileName(into))
  const copy = env.files.openSync(copyPath, 'create')
  const salvage = new TableCopy(tableFileName(number), new TableWriter(copy, into, writerOptions), known)
  let metadata: TableMetadata | undefined
  try {
    let count = 0
    for (const part of salvageTable(file, number)) {
      if ('gap' in part) {
        salvage.skip(part.gap.error.message)
      } else {
        salvage.add(part.block)
      }
      if (++count % BLOCKS_PER_TURN === 0) {
        await new Promise<void>((resolve) => env.scheduler.immediate(resolve))
      }
    }
    metadata = salvage.finish()
  } finally {
    copy.closeSync()
    file.closeSync()
  }
  if (metadata === undefined) {
    await env.files.remove(copyPath)
  }
  return { metadata, lost: salvage.lost }
}

/** A table that grows by blocks of another one, and the gaps between them. */
class TableCopy {
  readonly lost: LostPart[] = []
  readonly #fileName: string
  readonly #writer: TableWriter
  readonly #known: TableMetadata | undefined
  readonly #cursor: BlockCursor = new BlockCursor()
  /** The entry added last. */
  #lastKey: Uint8Array | undefined
  #lastSequence = 0
  /** Why entries behind the last one are missing. */
  #gapReason: string | undefined

  constructor(fileName: string, writer: TableWriter, known: TableMetadata | undefined) {
    this.#fileName = fileName
    this.#writer = writer
    this.#known = known
  }

  skip(reason: string): void {
    this.#gapReason ??= reason
  }

  /** A block whose entries are not all in order, behind those before and within the table's bounds, is a gap too. */
  add(block: Block): void {
    if (!this.#isInOrder(block)) {
      this.skip('a block with a right checksum holds entries out of order')
      return
    }
    const cursor = this.#cursor
    cursor.reset(block)
    let isFirst = true
    while (cursor.next()) {
      const { key, keySize, sequence, kind, valueOffset, valueSize } = cursor
      if (isFirst) {
        this.#endGap(new Uint8Array(key.subarray(0, keySize)))
        isFirst = false
      }
      this.#writer.add(key, 0, keySize, sequence, kind, block.bytes, valueOffset, valueSize)
    }
    this.#lastKey = new Uint8Array(cursor.key.subarray(0, cursor.keySize))
    this.#lastSequence = cursor.sequence
  }

  finish(): TableMetadata | undefined {
    this.#endGap(this.#known?.largestKey)
    if (this.lost.length === 0 && this.#writer.entryCount !== (this.#known?.entryCount ?? this.#writer.entryCount)) {
      const { smallestKey, largestKey } = this.#known ?? {}
      this.lost.push(lostKeys(this.#fileName, 'it holds fewer entries than were written', smallestKey, largestKey))
    }
    if (this.#writer.entryCount === 0) {
      this.#writer.close()
      return undefined
    }
    return this.#writer.finish()
  }

  #endGap(upper: Uint8Array | undefined): void {
    if (this.#gapReason !== undefined) {
      const lower = this.#lastKey ?? this.#known?.smallestKey
      this.lost.push(lostKeys(this.#fileName, this.#gapReason, lower, upper))
      this.#gapReason = undefined
    }
  }

  #isInOrder(block: Block): boolean {
    const cursor = this.#cursor
    const { smallestKey, largestKey } = this.#known ?? {}
    let last = this.#lastKey === undefined ? undefined : Buffer.from(this.#lastKey)
    let lastSequence = this.#lastSequence
    try {
      cursor.reset(block)
      while (cursor.next()) {
        const { key, keySize, sequence } = cursor
        const order = last === undefined ? 1 : compareBytes(key, 0, keySize, last, 0, last.length)
        const isOutside =
          (smallestKey !== undefined && compareBytes(key, 0, keySize, smallestKey, 0, smallestKey.length) < 0) ||
          (largestKey !== undefined && compareBytes(key, 0, keySize, largestKey, 0, largestKey.length) > 0)
        if (order < 0 || (order === 0 && sequence >= lastSequence) || isOutside || !isKnownKind(cursor.kind)) {
          return false
        }
        last = Buffer.from(key.subarray(0, keySize))
        lastSequence = sequence
      }
      return true
    } catch (error) {
      if (error instanceof CorruptionError) {
        return false
      }
      throw error
    }
  }
}
