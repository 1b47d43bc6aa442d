/**
 * What CURRENT and the manifests still say. The manifest that counts is the one that CURRENT names; else the newest of
 * which at least the full state at its beginning can be read. It says how the tables belong together only if nothing
 * newer can have been in force: if it is CURRENT's or the newest of all, and its edits are all there.
 */
import { join } from 'node:path'
import {
  CorruptionError,
  fileNumber,
  isNotFound,
  manifestFileName,
  readCurrent,
  readManifestPrefix,
  tableFileName,
  walFileName,
  type AddedTable,
  type ClosedWal,
  type Env,
  type FileNumber,
  type ManifestPrefix,
} from '@varve/storage'
import { numbersOf } from '../recovery/recover-store.ts'

export interface ManifestSurvey {
  /** Whether `tables` is how the store was: else it is how it was at some time, and tables have come and gone since. */
  readonly isCurrent: boolean
  /** Whether CURRENT names the manifest. */
  readonly isNamed: boolean
  readonly tables: ReadonlyMap<number, AddedTable>
  /** Numbers of tables that an edit has deleted: what they held stands elsewhere, or was deleted. */
  readonly deleted: ReadonlySet<number>
  readonly logNumber: FileNumber
  readonly lastSequence: number
  readonly nextFileNumber: number
  readonly closedWals: readonly ClosedWal[]
  /** What is wrong with CURRENT and the manifests. */
  readonly faults: readonly string[]
}

/** @throws UnsupportedError, IoError */
export async function surveyManifests(env: Env, directory: string, names: readonly string[]): Promise<ManifestSurvey> {
  const faults: string[] = []
  const named = await orFault(faults, () => readCurrent(env.files, directory))
  const found = numbersOf('manifest', names).toReversed()
  const newest = Math.max(named ?? 0, found[0] ?? 0)
  for (const number of named === undefined ? found : [named, ...found.filter((each) => each !== named)]) {
    const path = join(directory, manifestFileName(number))
    const prefix = await orFault(faults, () => readManifestPrefix(env.files, path, number))
    if (prefix === undefined || prefix.edits.length === 0) {
      faults.push(...(prefix?.damage === undefined ? [] : [prefix.damage.message]))
      continue
    }
    return surveyOf(prefix, faults, names, number === named, number === named || number === newest)
  }
  return surveyOf({ edits: [], sizeBytes: 0, tornSizeBytes: 0, damage: undefined }, faults, names, false, false)
}

function surveyOf(
  prefix: ManifestPrefix,
  faults: string[],
  names: readonly string[],
  isNamed: boolean,
  isNewest: boolean,
): ManifestSurvey {
  const tables = new Map<number, AddedTable>()
  const deleted = new Set<number>()
  let logNumber = fileNumber(0)
  let lastSequence = 0
  let nextFileNumber = 1
  let closedWals: readonly ClosedWal[] = []
  for (const edit of prefix.edits) {
    for (const { number } of edit.deleted ?? []) {
      tables.delete(number)
      deleted.add(number)
    }
    for (const added of edit.added ?? []) {
      tables.set(added.table.number, added)
      deleted.delete(added.table.number)
    }
    logNumber = edit.logNumber ?? logNumber
    lastSequence = Math.max(lastSequence, edit.lastSequence ?? 0)
    nextFileNumber = Math.max(nextFileNumber, edit.nextFileNumber ?? 0)
    closedWals = edit.closedWals ?? []
  }
  if (prefix.damage !== undefined) {
    faults.push(prefix.damage.message)
  }
  // An edit at the end that is not whole was never acted upon, or it was damaged later: then files have gone by it.
  const isThere = (name: string): boolean => names.includes(name)
  const allThere =
    [...tables.values()].every(({ table }) => isThere(tableFileName(table.number))) &&
    (logNumber === 0 || isThere(walFileName(logNumber)))
  if (prefix.tornSizeBytes > 0 && !allThere) {
    faults.push('the last edit of the manifest is not whole, and files have gone by it')
  }
  const isWhole = prefix.damage === undefined && (prefix.tornSizeBytes === 0 || allThere)
  return {
    isCurrent: isWhole && isNewest && prefix.edits.length > 0,
    isNamed,
    tables,
    deleted,
    logNumber,
    lastSequence,
    nextFileNumber,
    closedWals,
    faults,
  }
}

/** What `read` gives, or `undefined`: what is wrong is then a fault more. */
async function orFault<T>(faults: string[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof CorruptionError || isNotFound(error)) {
      faults.push(error instanceof Error ? error.message : String(error))
      return undefined
    }
    throw error
  }
}
