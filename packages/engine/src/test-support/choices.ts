/** Choices of compactions for tests: by file numbers, and as the scheduler starts them. */
import { tablesOf, type CompactionChoice } from '../compaction/compaction-choice.ts'
import type { KeyRange } from '../version/version.ts'
import { numbersOf } from './tables.ts'

/** What a choice is, by file numbers: its inputs by run, newest first, and those of the output level. */
export function shapeOf(choice: CompactionChoice | undefined): object | undefined {
  if (choice === undefined) {
    return undefined
  }
  const { level, outputLevel, runs, isBottom, isMove } = choice
  const isOverlapped = (run: { readonly level: number }): boolean => run.level === outputLevel && level !== outputLevel
  return {
    level,
    outputLevel,
    inputs: runs.filter((run) => !isOverlapped(run)).map(({ tables }) => numbersOf(tables)),
    overlapped: runs.filter(isOverlapped).flatMap(({ tables }) => numbersOf(tables)),
    isBottom,
    isMove,
  }
}

/** As the scheduler does when it starts one. */
export function start(choice: CompactionChoice | undefined): CompactionChoice {
  if (choice === undefined) {
    throw new Error('there is no choice to start')
  }
  for (const table of tablesOf(choice)) {
    table.isCompacting = true
  }
  return choice
}

export function rangeFrom(lower?: string, upper?: string): KeyRange {
  return {
    lower: lower === undefined ? undefined : Buffer.from(lower),
    upper: upper === undefined ? undefined : Buffer.from(upper),
  }
}
