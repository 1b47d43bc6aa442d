/** Entries for tests of tables: random but replayable ones, a table made of them, and a source that has every block. */
import { KIND_DELETE, KIND_PUT, SEQUENCE_MAX } from '../../entry.ts'
import { MemoryFile } from './memory-file.ts'
import { compareKeys } from '../../coding.ts'
import { type FileNumber, fileNumber } from '../../file-names.ts'
import type { Block, BlockRole } from '../block.ts'
import type { BlockSource } from '../block-source.ts'
import type { TableMetadata } from '../table-metadata.ts'
import { TableReader } from '../table-reader.ts'
import { TableWriter, type TableWriterOptions } from '../table-writer.ts'
import type { Workspace } from '../workspace.ts'

export interface TestEntry {
  readonly key: Uint8Array
  readonly sequence: number
  readonly kind: number
  readonly value: Uint8Array
}

export const TEST_TABLE_NUMBER: FileNumber = fileNumber(42)

export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to `limit` - 1 (mulberry32). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit) >>> 0
  }

  bytes(size: number, alphabet: number = 256): Uint8Array {
    return Uint8Array.from({ length: size }, () => 255 - this.below(alphabet))
  }
}

/** Entries in the order of a table: keys with long and short common prefixes, some with many versions. */
export function randomEntries(random: SeededRandom, count: number): TestEntry[] {
  const entries: TestEntry[] = []
  const alphabet = [2, 3, 256][random.below(3)] ?? 2
  while (entries.length < count) {
    const key = random.bytes(random.below(random.below(10) === 0 ? 200 : 12), alphabet)
    const versions = random.below(20) === 0 ? 1 + random.below(200) : 1
    for (let i = 0; i < versions; i++) {
      const kind = random.below(4) === 0 ? KIND_DELETE : KIND_PUT
      const value = random.bytes(kind === KIND_PUT ? random.below(random.below(30) === 0 ? 3000 : 40) : 0)
      entries.push({ key, sequence: randomSequence(random), kind, value })
    }
  }
  return inTableOrder(entries)
}

function randomSequence(random: SeededRandom): number {
  const bits = random.below(53)
  return Math.min(SEQUENCE_MAX, Math.floor((random.below(2 ** 26) / 2 ** 26) * 2 ** bits) + 2 ** bits)
}

/** Sorted, and without second entries of one key and sequence. */
export function inTableOrder(entries: readonly TestEntry[]): TestEntry[] {
  const sorted = entries.toSorted((a, b) => compareKeys(a.key, b.key) || b.sequence - a.sequence)
  return sorted.filter((entry, i) => {
    const before = sorted[i - 1]
    return before === undefined || before.sequence !== entry.sequence || compareKeys(before.key, entry.key) !== 0
  })
}

/** Throws unless two entries are the same; `expect` is too slow for loops over all entries. */
export function checkSame(actual: TestEntry, expected: TestEntry | undefined, message: string): void {
  if (
    expected === undefined ||
    compareKeys(actual.key, expected.key) !== 0 ||
    actual.sequence !== expected.sequence ||
    actual.kind !== expected.kind ||
    compareKeys(actual.value, expected.value) !== 0
  ) {
    throw new Error(`${message}: ${describe(actual)} where ${describe(expected)} should be`)
  }
}

/** Throws unless two numbers or booleans are the same. */
export function checkEqual<Value extends number | boolean>(actual: Value, expected: Value, message: string): void {
  if (actual !== expected) {
    throw new Error(`${message}: ${actual} where ${expected} should be`)
  }
}

function describe(entry: TestEntry | undefined): string {
  return entry === undefined
    ? 'nothing'
    : `[${entry.key.join()}] at ${entry.sequence}, kind ${entry.kind}, ${entry.value.length} bytes`
}

export interface TestTable {
  readonly file: MemoryFile
  readonly metadata: TableMetadata
}

export function writeTable(
  entries: readonly TestEntry[],
  options: Partial<TableWriterOptions> = {},
  workspace?: Workspace,
): TestTable {
  const file = new MemoryFile('000042.sst')
  const writer = new TableWriter(
    file,
    TEST_TABLE_NUMBER,
    { blockSizeBytes: 4096, bloomBitsPerKey: 10, codec: 'none', ...options },
    workspace,
  )
  for (const { key, sequence, kind, value } of entries) {
    writer.add(key, 0, key.length, sequence, kind, value, 0, value.length)
  }
  return { file, metadata: writer.finish() }
}

export function openTable(table: TestTable): TableReader {
  return TableReader.openSync(table.file, TEST_TABLE_NUMBER, table.metadata.sizeBytes)
}

/** Reads whatever it is asked for, and keeps it. */
export class EagerSource implements BlockSource {
  readonly #blocks = new Map<number, Block>()

  get(table: TableReader, offset: number, sizeBytes: number, role: BlockRole): Block {
    const block = this.#blocks.get(offset) ?? table.readBlockSync(offset, sizeBytes, role)
    this.#blocks.set(offset, block)
    return block
  }

  touch(): void {
    throw new Error('nothing has a place here')
  }

  countListed(): void {
    throw new Error('nothing has a place here')
  }
}

/** Has no block until `load` is called, and then, from time to time, forgets those of finished operations. */
export class LazySource implements BlockSource {
  missCount = 0
  readonly #blocks = new Map<number, Block>()
  #wanted: (() => Block) | undefined
  #wantedOffset = 0

  get(table: TableReader, offset: number, sizeBytes: number, role: BlockRole): Block | undefined {
    const block = this.#blocks.get(offset)
    if (block === undefined) {
      this.missCount++
      this.#wantedOffset = offset
      this.#wanted = () => table.readBlockSync(offset, sizeBytes, role)
    }
    return block
  }

  touch(): void {
    throw new Error('nothing has a place here')
  }

  countListed(): void {
    throw new Error('nothing has a place here')
  }

  load(): void {
    if (this.#wanted !== undefined) {
      this.#blocks.set(this.#wantedOffset, this.#wanted())
      this.#wanted = undefined
    }
  }

  forget(): void {
    this.#blocks.clear()
  }
}
