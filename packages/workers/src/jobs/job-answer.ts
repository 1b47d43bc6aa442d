/**
 * Tells an answer from anything else that a thread may send. A thread that sends something else is not believed in what
 * it sends next either. Whether the counts are those of the job's inputs is for who requested it to check.
 */
import type { ErrorCode, TableMetadata } from '@varve/storage'
import type { JobFailure, JobOutput, JobRequest, JobResult } from './job-protocol.ts'

type Unchecked<T> = { readonly [Key in keyof T]?: unknown }

const ERROR_CODES: Readonly<Record<ErrorCode, true>> = {
  VARVE_INVALID_ARGUMENT: true,
  VARVE_NOT_FOUND: true,
  VARVE_EXISTS: true,
  VARVE_LOCKED: true,
  VARVE_CLOSED: true,
  VARVE_READ_ONLY: true,
  VARVE_BUSY: true,
  VARVE_CONFLICT: true,
  VARVE_CORRUPTION: true,
  VARVE_UNSUPPORTED: true,
  VARVE_IO: true,
  VARVE_ABORTED: true,
  VARVE_INTERNAL: true,
}

const WORK_COUNTS = ['entriesIn', 'entriesOut', 'entriesDropped', 'bytesRead', 'bytesWritten'] as const
const TABLE_COUNTS = [
  'tombstoneCount',
  'smallestSequence',
  'largestSequence',
  'rawKeySizeBytes',
  'rawValueSizeBytes',
] as const

/** A job that only checks writes no tables. What it read counts as put out. */
const NO_OUTPUTS = { first: 0, count: 0 }

/** Whether `answer` is a result of this request, whole and consistent in itself. */
export function isAnswerTo(request: JobRequest, answer: unknown): answer is JobResult {
  if (typeof answer !== 'object' || answer === null || !('ok' in answer)) {
    return false
  }
  return answer.ok === true ? isOutput(request, answer) : answer.ok === false && isFailure(answer)
}

function isOutput(request: JobRequest, answer: Unchecked<JobOutput>): boolean {
  const { first, count } = request.type === 'verify' ? NO_OUTPUTS : request.outputNumbers
  const { tables, entriesIn, entriesOut, entriesDropped, durationMs } = answer
  if (!Array.isArray(tables) || tables.length > count || typeof durationMs !== 'number') {
    return false
  }
  let entriesInTables = 0
  for (const [i, table] of tables.entries()) {
    if (!isTable(table, first + i)) {
      return false
    }
    entriesInTables += table.entryCount
  }
  return (
    WORK_COUNTS.every((name) => isCount(answer[name])) &&
    (request.type === 'verify' || entriesOut === entriesInTables) &&
    Number(entriesIn) === Number(entriesOut) + Number(entriesDropped)
  )
}

/** Tables are numbered in the order in which they are written. */
function isTable(table: unknown, number: number): table is TableMetadata {
  if (typeof table !== 'object' || table === null) {
    return false
  }
  const metadata: Unchecked<TableMetadata> = table
  return (
    metadata.number === number &&
    isCount(metadata.sizeBytes) &&
    metadata.sizeBytes > 0 &&
    isCount(metadata.entryCount) &&
    metadata.entryCount > 0 &&
    metadata.smallestKey instanceof Uint8Array &&
    metadata.largestKey instanceof Uint8Array &&
    TABLE_COUNTS.every((name) => isCount(metadata[name]))
  )
}

function isFailure({ code, message, cancelled, stack, path, offset, systemCode }: Unchecked<JobFailure>): boolean {
  return (
    typeof code === 'string' &&
    Object.hasOwn(ERROR_CODES, code) &&
    typeof message === 'string' &&
    typeof cancelled === 'boolean' &&
    isAbsentOr('string', stack) &&
    isAbsentOr('string', path) &&
    isAbsentOr('number', offset) &&
    isAbsentOr('string', systemCode)
  )
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isAbsentOr(type: 'string' | 'number', value: unknown): boolean {
  return value === undefined || typeof value === type
}
