/** Requests for jobs on real files in a directory of their own, and what the tables that came of them hold. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  KIND_DELETE,
  KIND_PUT,
  TableScan,
  WAL_GROUP_HEADER_SIZE_BYTES,
  WAL_HEADER_SIZE_BYTES,
  compareKeys,
  createNodeEnv,
  fileNumber,
  putWalEntryHead,
  putWalHeader,
  sealWalGroup,
  tableFileName,
  walEntrySizeBytes,
} from '@varve/storage'
import type { Env, TableMetadata } from '@varve/storage'
import { createJobControl } from '../jobs/job-control.ts'
import type { CompactionInput, CompactionRequest, FlushRequest, TableOptions } from '../jobs/job-protocol.ts'
import type { SeededRandom } from './seeded-random.ts'

export interface Version {
  readonly key: Uint8Array
  readonly sequence: number
  readonly kind: number
  readonly value: Uint8Array
}

export interface Image {
  readonly walNumber: number
  readonly arena: SharedArrayBuffer
  readonly sizeBytes: number
  /** Where each group begins. */
  readonly groupOffsets: readonly number[]
}

const SMALL_TABLES: TableOptions = {
  blockSizeBytes: 512,
  bloomBitsPerKey: 10,
  compression: ['none'],
  tableSizeBytes: 4096,
}

/** The image of a WAL with these versions, in groups of at most `groupCountMax`. Their sequences have to be in line. */
export function walImage(walNumber: number, versions: readonly Version[], groupCountMax: number): Image {
  const header = { number: walNumber, salt: 0x5a17 }
  const groupCount = Math.ceil(versions.length / groupCountMax)
  const sizeBytes = versions.reduce(
    (sum, { kind, key, value }) => sum + walEntrySizeBytes(kind, key.length, value.length),
    WAL_HEADER_SIZE_BYTES + groupCount * WAL_GROUP_HEADER_SIZE_BYTES,
  )
  const arena = new SharedArrayBuffer(sizeBytes + 100)
  const bytes = new Uint8Array(arena)
  putWalHeader(bytes, header)
  const groupOffsets: number[] = []
  let at = WAL_HEADER_SIZE_BYTES
  for (let i = 0; i < versions.length; i += groupCountMax) {
    const group = versions.slice(i, i + groupCountMax)
    const start = at
    groupOffsets.push(start)
    at += WAL_GROUP_HEADER_SIZE_BYTES
    for (const { kind, key, value } of group) {
      at = putWalEntryHead(bytes, at, kind, key.length, value.length)
      bytes.set(key, at)
      at += key.length
      if (kind === KIND_PUT) {
        bytes.set(value, at)
        at += value.length
      }
    }
    sealWalGroup(bytes, header, start, at, group.length, group[0]?.sequence ?? 0, { number: 0, offset: 0 })
  }
  return { walNumber, arena, sizeBytes: at, groupOffsets }
}

/** Versions of few keys, in the order of their sequences from `firstSequence` on. */
export function randomVersions(random: SeededRandom, firstSequence: number, count: number): Version[] {
  const keyValues = 2 + random.below(6)
  return Array.from({ length: count }, (_, i) => {
    const kind = random.below(4) === 0 ? KIND_DELETE : KIND_PUT
    const value =
      kind === KIND_PUT ? random.bytes(random.below(random.below(50) === 0 ? 3000 : 40), 256) : new Uint8Array(0)
    return { key: random.bytes(random.below(6), keyValues), sequence: firstSequence + i, kind, value }
  })
}

export function randomLive(random: SeededRandom, last: number): number[] {
  const live = Array.from({ length: random.below(4) }, () => random.below(last + 1))
  return [...live, random.below(4) === 0 ? random.below(last + 1) : last].toSorted((a, b) => a - b)
}

/** By key, newest first. */
export function sorted(versions: readonly Version[]): Version[] {
  return versions.toSorted((a, b) => compareKeys(a.key, b.key) || b.sequence - a.sequence)
}

/** The rule of what is kept, and as what, word for word and slowly; `versions` are sorted. */
export function naiveKept(versions: readonly Version[], live: readonly number[], isBottom: boolean): Version[] {
  const last = live.at(-1) ?? 0
  const kept = versions.filter((version) => {
    const newer = versions.filter(
      (other) => compareKeys(other.key, version.key) === 0 && other.sequence > version.sequence,
    )
    const isSeen = live.some((s) => version.sequence <= s && !newer.some((other) => other.sequence <= s))
    const isUseless = isBottom && version.kind === KIND_DELETE && version.sequence <= (live[0] ?? 0)
    return (version.sequence > last || isSeen) && !isUseless
  })
  return kept.map((version) => (isBottom && version.sequence <= (live[0] ?? 0) ? { ...version, sequence: 0 } : version))
}

/** A version as text that a failed comparison shows well. */
export function described(versions: readonly Version[]): string[] {
  return versions.map(({ key, sequence, kind, value }) => {
    return `${Buffer.from(key).toString('hex')}@${sequence} ${kind === KIND_PUT ? Buffer.from(value).toString('base64') : 'deleted'}`
  })
}

/** A directory for one test, with file numbers drawn as a store draws them. */
export class JobFixture {
  readonly env: Env = createNodeEnv()
  readonly directory: string = join(tmpdir(), `varve-job-${this.env.random.uint32()}-${this.env.random.uint32()}`)
  #nextNumber = 1

  static async create(): Promise<JobFixture> {
    const fixture = new JobFixture()
    await fixture.env.files.makeDirectory(fixture.directory)
    return fixture
  }

  async remove(): Promise<void> {
    const { files } = this.env
    for (const name of await files.list(this.directory)) {
      await files.remove(join(this.directory, name))
    }
    await files.removeDirectory(this.directory)
  }

  flushRequest(image: Image, liveSequences: readonly number[], table: TableOptions = SMALL_TABLES): FlushRequest {
    const { walNumber, arena, sizeBytes } = image
    const base = this.#base(liveSequences, table)
    return { type: 'flush', outputLevel: 0, walNumber, arena, committedSizeBytes: sizeBytes, ...base }
  }

  compactionRequest(
    runs: readonly (readonly TableMetadata[])[],
    liveSequences: readonly number[],
    isBottom: boolean,
    table: TableOptions = SMALL_TABLES,
  ): CompactionRequest {
    const inputs = runs.map((tables) =>
      tables.map(({ number, sizeBytes, entryCount, smallestKey, largestKey }): CompactionInput => {
        return { number, sizeBytes, entryCount, smallestKey, largestKey }
      }),
    )
    return {
      type: 'compaction',
      runs: inputs,
      isBottom,
      grandparents: [],
      outputLevel: 1,
      ...this.#base(liveSequences, table),
    }
  }

  /** What stands in these tables, in order. */
  contents(tables: readonly TableMetadata[]): Version[] {
    return tables.flatMap((table) => {
      const file = this.env.files.openSync(join(this.directory, tableFileName(table.number)), 'read')
      const scan = new TableScan(file, fileNumber(table.number), table.sizeBytes)
      const versions: Version[] = []
      while (scan.next()) {
        const { keyBytes, keyOffset, keySize, sequence, kind, valueBytes, valueOffset, valueSize } = scan
        const key = keyBytes.slice(keyOffset, keyOffset + keySize)
        versions.push({ key, sequence, kind, value: valueBytes.slice(valueOffset, valueOffset + valueSize) })
      }
      scan.close()
      file.closeSync()
      return versions
    })
  }

  #base(
    liveSequences: readonly number[],
    table: TableOptions,
  ): Pick<FlushRequest, 'directory' | 'table' | 'liveSequences' | 'outputNumbers' | 'control'> {
    const outputNumbers = { first: this.#nextNumber, count: 1000 }
    this.#nextNumber += outputNumbers.count
    return { directory: this.directory, table, liveSequences, outputNumbers, control: createJobControl() }
  }
}
