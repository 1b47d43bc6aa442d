/**
 * Splits a large compaction by key range into jobs that run at once. Their tables come with one edit, so that they are
 * one compaction to everybody else. Pure.
 */
import type { CompactionInput, CompactionRequest } from '@varve/workers'
import { mergedSizeBytesMax } from '../jobs/job-runner.ts'
import type { TableHandle } from '../version/table-handle.ts'
import { overlaps, type KeyRange } from '../version/version.ts'
import { tablesOf, type CompactionChoice } from './compaction-choice.ts'

/** A part reads at least this many times the size of a table, or its fixed costs weigh. */
const PART_TABLE_COUNT_MIN = 2

export interface CompactionPart {
  readonly specification: Pick<
    CompactionRequest,
    'type' | 'runs' | 'isBottom' | 'grandparents' | 'span' | 'outputLevel'
  >
  /** At most this much is written. */
  readonly inputSizeBytes: number
}

/** At least one part, at most `countMax`. Each entry of the inputs is in one of them. */
export function partsOf(choice: CompactionChoice, countMax: number, tableSizeBytes: number): CompactionPart[] {
  const sizeBytes = tablesOf(choice).reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0)
  const count = Math.min(countMax, Math.floor(sizeBytes / (tableSizeBytes * PART_TABLE_COUNT_MIN)))
  const keys = splitKeysOf(choice, count)
  return [...keys, undefined].map((upper, index) => partOf(choice, { lower: keys[index - 1], upper }))
}

/** Where tables begin of the run that has the most of them, about equal shares of that run apart. */
function splitKeysOf(choice: CompactionChoice, count: number): Uint8Array[] {
  const tables = choice.runs.reduce<readonly TableHandle[]>(
    (most, run) => (run.tables.length > most.length ? run.tables : most),
    [],
  )
  const runSizeBytes = tables.reduce((sum, { metadata }) => sum + metadata.sizeBytes, 0)
  const keys: Uint8Array[] = []
  let before = 0
  for (const { metadata } of tables) {
    if (before > 0 && before >= (runSizeBytes * (keys.length + 1)) / count && keys.length + 1 < count) {
      keys.push(metadata.smallestKey)
    }
    before += metadata.sizeBytes
  }
  return keys
}

function partOf({ runs, isBottom, grandparents, outputLevel }: CompactionChoice, span: KeyRange): CompactionPart {
  const inside = runs
    .map(({ tables }) => tables.filter((table) => overlaps(table, span)))
    .filter((tables) => tables.length > 0)
  return {
    specification: {
      type: 'compaction',
      runs: inside.map((tables) => tables.map(inputOf)),
      isBottom,
      outputLevel,
      grandparents: grandparents
        .filter((table) => overlaps(table, span))
        .map(({ metadata: { largestKey, sizeBytes } }) => ({ largestKey, sizeBytes })),
      span: span.lower === undefined && span.upper === undefined ? undefined : span,
    },
    inputSizeBytes: mergedSizeBytesMax(inside.flat().map(({ metadata }) => metadata)),
  }
}

function inputOf({ metadata }: TableHandle): CompactionInput {
  const { number, sizeBytes, entryCount, smallestKey, largestKey } = metadata
  return { number, sizeBytes, entryCount, smallestKey, largestKey }
}
