/** Tables for tests: handles that only claim to be there, and real ones in a MemoryEnv. */
import {
  KIND_PUT,
  TableWriter,
  compareKeys,
  fileNumber,
  sequenceNumber,
  tableFileName,
  type TableMetadata,
  type TableWriterOptions,
} from '@varve/storage'
import { TableHandle } from '../version/table-handle.ts'
import { Version } from '../version/version.ts'
import type { MemoryEnv } from './memory-env.ts'

export interface TestEntry {
  readonly key: Buffer
  readonly sequence: number
  readonly kind: number
  readonly value: Buffer
}

export interface ClaimedTable {
  readonly number: number
  readonly smallest?: string
  readonly largest?: string
  readonly sizeBytes?: number
  readonly sequences?: readonly [number, number]
  readonly entryCount?: number
  readonly tombstoneCount?: number
}

export function metadataOf(table: ClaimedTable): TableMetadata {
  const { number, smallest = 'a', largest = smallest, sizeBytes = 100, sequences = [1, 1] } = table
  return {
    number: fileNumber(number),
    sizeBytes,
    entryCount: table.entryCount ?? 1,
    tombstoneCount: table.tombstoneCount ?? 0,
    smallestKey: Buffer.from(smallest),
    largestKey: Buffer.from(largest),
    smallestSequence: sequenceNumber(sequences[0]),
    largestSequence: sequenceNumber(sequences[1]),
    rawKeySizeBytes: 1,
    rawValueSizeBytes: 1,
  }
}

/** A Version of tables by level; in level 0 the run is the smallest sequence. */
export function versionOf(levels: Readonly<Record<number, readonly ClaimedTable[]>>): Version {
  return Version.empty().apply({
    added: Object.entries(levels).flatMap(([level, tables]) =>
      tables.map((table) => ({ level: Number(level), run: table.sequences?.[0] ?? 0, table: metadataOf(table) })),
    ),
  })
}

export const numbersOf = (tables: readonly TableHandle[]): number[] => tables.map(({ metadata }) => metadata.number)

export function inTableOrder(entries: readonly TestEntry[]): TestEntry[] {
  return entries.toSorted((a, b) => compareKeys(a.key, b.key) || b.sequence - a.sequence)
}

export const putOf = (key: string, value = '', sequence = 1): TestEntry => ({
  key: Buffer.from(key),
  sequence,
  kind: KIND_PUT,
  value: Buffer.from(value),
})

/** Writes a table of entries that are in order into the directory `/d`. */
export function writeTable(
  env: MemoryEnv,
  number: number,
  entries: readonly TestEntry[],
  options: Partial<TableWriterOptions> = {},
): TableHandle {
  const file = env.files.openSync(`/d/${tableFileName(fileNumber(number))}`, 'create')
  const writer = new TableWriter(file, fileNumber(number), {
    blockSizeBytes: 256,
    bloomBitsPerKey: 10,
    codec: 'none',
    ...options,
  })
  for (const { key, sequence, kind, value } of entries) {
    writer.add(key, 0, key.length, sequence, kind, value, 0, value.length)
  }
  const metadata = writer.finish()
  file.closeSync()
  return new TableHandle(metadata, 0)
}
