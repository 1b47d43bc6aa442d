/** Looks at the files of a store at rest as nobody else does: by the manifest alone, without opening the store. */
import {
  CURRENT_FILE_NAME,
  LEVEL_COUNT,
  LOCK_FILE_NAME,
  LOST_DIRECTORY_NAME,
  TableScan,
  manifestFileName,
  parseFileName,
  readCurrent,
  readManifest,
  tableFileName,
  type AddedTable,
  type FileSystem,
} from '@varve/storage'
import { join } from 'node:path'
import { Violation } from './violation.ts'

interface StoreState {
  readonly manifestName: string
  readonly logNumber: number
  readonly lastSequence: number
  /** Newest first. */
  readonly tables: readonly AddedTable[]
}

/** The active log and the one made ahead of time. */
const LOG_COUNT_MAX = 2

/** @throws Violation of R10 or R11 */
export async function auditStore(files: FileSystem, directory: string, logCountMax = LOG_COUNT_MAX): Promise<void> {
  try {
    await audit(files, directory, logCountMax)
  } catch (error) {
    throw error instanceof Violation ? error : new Violation('R10', `files cannot be read: ${String(error)}`)
  }
}

async function audit(files: FileSystem, directory: string, logCountMax: number): Promise<void> {
  const state = await readState(files, directory)
  await checkLedger(files, directory, state, logCountMax)
  const oldestSequences = new Map<string, number>()
  for (let i = 0; i < state.tables.length;) {
    const first = state.tables[i] as AddedTable
    const run = state.tables.slice(i).filter(({ level, run: number }) => isSameRun(first, level, number))
    await checkRun(files, directory, run, state.lastSequence, oldestSequences)
    i += run.length
  }
}

async function readState(files: FileSystem, directory: string): Promise<StoreState> {
  const number = await readCurrent(files, directory)
  const manifestName = manifestFileName(number)
  const { edits } = await readManifest(files, join(directory, manifestName), number)
  const levels: AddedTable[][] = Array.from({ length: LEVEL_COUNT }, () => [])
  let logNumber = 0
  let lastSequence = 0
  for (const edit of edits) {
    for (const { level, number: deleted } of edit.deleted ?? []) {
      levels[level] = (levels[level] ?? []).filter(({ table }) => table.number !== deleted)
    }
    edit.added?.forEach((added) => levels[added.level]?.push(added))
    logNumber = edit.logNumber ?? logNumber
    lastSequence = edit.lastSequence ?? lastSequence
  }
  levels[0]?.sort((a, b) => b.run - a.run || Buffer.compare(a.table.smallestKey, b.table.smallestKey))
  levels.slice(1).forEach((tables) => tables.sort((a, b) => Buffer.compare(a.table.smallestKey, b.table.smallestKey)))
  return { manifestName, logNumber, lastSequence, tables: levels.flat() }
}

/** R10: what the manifest names, and nothing else. */
async function checkLedger(
  files: FileSystem,
  directory: string,
  state: StoreState,
  logCountMax: number,
): Promise<void> {
  const names = await files.list(directory)
  const logs = names.filter((name) => parseFileName(name)?.kind === 'wal')
  const expected = new Set([
    CURRENT_FILE_NAME,
    LOCK_FILE_NAME,
    state.manifestName,
    ...state.tables.map(({ table }) => tableFileName(table.number)),
  ])
  const foreign = names.filter((name) => !expected.has(name) && !logs.includes(name) && name !== LOST_DIRECTORY_NAME)
  const missing = [...expected].filter((name) => !names.includes(name))
  const obsolete = logs.filter((name) => (parseFileName(name)?.number ?? 0) < state.logNumber)
  if (foreign.length + missing.length + obsolete.length > 0 || logs.length > logCountMax) {
    throw new Violation(
      'R10',
      `beside what the manifest names there is ${[...foreign, ...obsolete].join(' ')}, missing is ${missing.join(' ')}, logs are ${logs.join(' ')}`,
    )
  }
}

function isSameRun(table: AddedTable, level: number, run: number): boolean {
  return table.level === level && (level > 0 || table.run === run)
}

/** R11: one run in order, each table as the manifest describes it, each entry older than those of newer runs. */
async function checkRun(
  files: FileSystem,
  directory: string,
  run: readonly AddedTable[],
  lastSequence: number,
  oldestSequences: Map<string, number>,
): Promise<void> {
  const oldestHere = new Map<string, number>()
  let last = ''
  for (const { table } of run) {
    const file = await files.open(join(directory, tableFileName(table.number)), 'read')
    const scan = new TableScan(file, table.number, table.sizeBytes)
    let [smallest, largest] = [Infinity, 0]
    let [firstKey, key] = ['', '']
    while (scan.next()) {
      key = Buffer.from(scan.keyBytes.subarray(0, scan.keySize)).toString('latin1')
      firstKey = scan.entryCount === 1 ? key : firstKey
      check(key > last || (key === last && scan.entryCount > 1), `${file.path} is out of order at ${key}`)
      check(scan.sequence < (oldestSequences.get(key) ?? Infinity), `${file.path} holds newer ${key} than a newer run`)
      check(scan.sequence < (oldestHere.get(key) ?? Infinity), `versions of ${key} are out of order in ${file.path}`)
      check(scan.sequence <= lastSequence, `${file.path} holds sequence ${scan.sequence}, beyond the manifest's last`)
      oldestHere.set(key, scan.sequence)
      smallest = Math.min(smallest, scan.sequence)
      largest = Math.max(largest, scan.sequence)
      last = key
    }
    check(scan.entryCount === table.entryCount, `${file.path} has not the entries that the manifest says`)
    check(smallest === table.smallestSequence && largest === table.largestSequence, `sequences of ${file.path}`)
    check(firstKey === latin(table.smallestKey) && key === latin(table.largestKey), `bounds of ${file.path}`)
    scan.close()
    await file.close()
  }
  oldestHere.forEach((sequence, key) => oldestSequences.set(key, sequence))
}

function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function check(isRight: boolean, what: string): void {
  if (!isRight) {
    throw new Violation('R11', what)
  }
}
