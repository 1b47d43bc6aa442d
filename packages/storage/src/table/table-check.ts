/**
 * Re-reads a finished table before anything depends on it: every checksum, the order of the entries, the separators, that
 * each filter has its keys, and that counts, bounds and sizes are those of its metadata.
 */
import { compareBytes } from '../coding.ts'
import { KIND_DELETE, SEQUENCE_MAX, sequenceNumber } from '../entry.ts'
import type { File } from '../env/env.ts'
import { CorruptionError } from '../errors.ts'
import type { FileNumber } from '../file-names.ts'
import { type Block, ROLE_FILTER } from './block.ts'
import { BlockCursor } from './block-cursor.ts'
import { filterMayContain } from './bloom-filter.ts'
import { hashKey } from './hash.ts'
import { TableBlockScan } from './table-block-scan.ts'
import { FILTER_HASH_SEED } from './table-format.ts'
import { checkKind } from './table-look-up.ts'
import { differenceOf, type TableMetadata } from './table-metadata.ts'
import type { Workspace } from './workspace.ts'

/**
 * @param onBlock called before each data block; what it throws ends the check
 * @throws CorruptionError where the table is not what `metadata` says; UnsupportedError, IoError
 */
export function checkTable(
  file: File,
  number: FileNumber,
  metadata: TableMetadata,
  workspace?: Workspace,
  onBlock?: () => void,
): void {
  const scan = new TableBlockScan(file, number, metadata.sizeBytes, workspace)
  try {
    const check = new TableCheck(scan)
    check.run(onBlock)
    check.compare(metadata)
    check.compare({ ...scan.table.properties, sizeBytes: scan.table.sizeBytes })
  } finally {
    scan.close()
  }
}

class TableCheck {
  readonly #scan: TableBlockScan
  readonly #cursor: BlockCursor = new BlockCursor()
  #filter: Block | undefined
  #partition = 0
  // The entry before, and the separator of the block before.
  #last: Uint8Array = new Uint8Array(64)
  #lastSize = 0
  #lastSequence = 0
  #separator: Uint8Array = new Uint8Array(0)
  #separatorSequence = 0
  // What was found.
  #smallestKey: Uint8Array = new Uint8Array(0)
  #smallestSequence: number = SEQUENCE_MAX
  #largestSequence = 0
  #entryCount = 0
  #tombstoneCount = 0
  #rawKeySizeBytes = 0
  #rawValueSizeBytes = 0

  constructor(scan: TableBlockScan) {
    this.#scan = scan
  }

  run(onBlock: (() => void) | undefined): void {
    const scan = this.#scan
    for (;;) {
      onBlock?.()
      const block = scan.nextBlock()
      if (block === undefined) {
        return
      }
      const isNewPartition = scan.partitionCount !== this.#partition
      if (isNewPartition) {
        this.#beginPartition()
      }
      this.#checkBlock(block, isNewPartition)
    }
  }

  compare(metadata: TableMetadata): void {
    const found = {
      number: this.#scan.table.number,
      entryCount: this.#entryCount,
      tombstoneCount: this.#tombstoneCount,
      smallestKey: this.#smallestKey,
      largestKey: this.#last.subarray(0, this.#lastSize),
      smallestSequence: sequenceNumber(this.#smallestSequence),
      largestSequence: sequenceNumber(this.#largestSequence),
      rawKeySizeBytes: this.#rawKeySizeBytes,
      rawValueSizeBytes: this.#rawValueSizeBytes,
    }
    const wrong = differenceOf(metadata, found)
    if (wrong !== undefined) {
      throw this.#damaged(`its entries do not have the ${wrong} that was recorded`)
    }
  }

  #beginPartition(): void {
    const { table, filterHandle, partitionCount } = this.#scan
    this.#partition = partitionCount
    const { offset, sizeBytes } = filterHandle
    this.#filter = sizeBytes > 0 ? table.readBlockSync(offset, sizeBytes, ROLE_FILTER) : undefined
  }

  #checkBlock(block: Block, isNewPartition: boolean): void {
    const cursor = this.#cursor
    cursor.reset(block)
    let isFirst = true
    while (cursor.next()) {
      checkKind(cursor)
      const isNewKey = this.#checkOrder()
      if (this.#filter !== undefined && (isNewKey || (isNewPartition && isFirst))) {
        this.#checkFilter(this.#filter)
      }
      if (isFirst && this.#entryCount > 0) {
        this.#checkSeparator(this.#separator, this.#separatorSequence, 1)
      }
      isFirst = false
      this.#count()
    }
    const { index } = this.#scan
    this.#separator = new Uint8Array(index.key.subarray(0, index.keySize))
    this.#separatorSequence = index.sequence
    this.#checkSeparator(this.#separator, this.#separatorSequence, 0)
  }

  /** Checks that the entry comes behind the one before, and takes its place; whether the keys differ. */
  #checkOrder(): boolean {
    const { key, keySize, sequence } = this.#cursor
    const order = compareBytes(key, 0, keySize, this.#last, 0, this.#lastSize)
    const isFirst = this.#entryCount === 0
    if (!isFirst && (order < 0 || (order === 0 && sequence >= this.#lastSequence))) {
      throw this.#damaged('its entries are out of order')
    }
    if (keySize > this.#last.length) {
      this.#last = new Uint8Array(keySize * 2)
    }
    for (let i = 0; i < keySize; i++) {
      this.#last[i] = key[i] as number
    }
    this.#lastSize = keySize
    this.#lastSequence = sequence
    if (isFirst) {
      this.#smallestKey = new Uint8Array(key.subarray(0, keySize))
    }
    return isFirst || order !== 0
  }

  #checkFilter(filter: Block): void {
    const { key, keySize } = this.#cursor
    if (!filterMayContain(filter, hashKey(key, 0, keySize, FILTER_HASH_SEED))) {
      throw this.#damaged('a filter lacks a key')
    }
  }

  /** Checks that the current entry is behind the separator (`side` 1), or not (`side` 0). */
  #checkSeparator(separator: Uint8Array, sequence: number, side: 0 | 1): void {
    const order = compareBytes(this.#last, 0, this.#lastSize, separator, 0, separator.length)
    const isBehind = order > 0 || (order === 0 && this.#lastSequence < sequence)
    if (isBehind !== (side === 1)) {
      throw this.#damaged('an index has a wrong separator')
    }
  }

  #count(): void {
    const { keySize, valueSize, kind, sequence } = this.#cursor
    this.#entryCount++
    this.#rawKeySizeBytes += keySize
    this.#rawValueSizeBytes += valueSize
    this.#tombstoneCount += kind === KIND_DELETE ? 1 : 0
    this.#smallestSequence = Math.min(this.#smallestSequence, sequence)
    this.#largestSequence = Math.max(this.#largestSequence, sequence)
  }

  #damaged(what: string): CorruptionError {
    return new CorruptionError(this.#scan.table.path, this.#cursor.block.offset, what)
  }
}
