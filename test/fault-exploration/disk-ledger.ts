/** Which files of a store are named by what is durable, and which are there (R10): read from a simulated disk. */
import {
  CURRENT_FILE_NAME,
  LOCK_FILE_NAME,
  LOST_DIRECTORY_NAME,
  manifestFileName,
  parseFileName,
  readCurrent,
  readManifest,
  tableFileName,
} from '@varve/storage'
import type { SimulatedEnv } from '../simulation/simulated-env.ts'

/** A log that is made ahead of its memtable, besides the one in use. */
const UNNAMED_WAL_COUNT_MAX = 1

/** What is wrong with the files of a store at rest; empty if nothing is. */
export async function ledgerFaults(env: SimulatedEnv, directory: string): Promise<string[]> {
  const { files } = env
  const manifestNumber = await readCurrent(files, directory)
  const { edits } = await readManifest(files, `${directory}/${manifestFileName(manifestNumber)}`, manifestNumber)
  const named = new Set([CURRENT_FILE_NAME, LOCK_FILE_NAME, LOST_DIRECTORY_NAME, manifestFileName(manifestNumber)])
  let logNumber = 0
  const tables = new Set<string>()
  for (const edit of edits) {
    edit.deleted?.forEach(({ number }) => tables.delete(tableFileName(number)))
    edit.added?.forEach(({ table }) => tables.add(tableFileName(table.number)))
    logNumber = edit.logNumber ?? logNumber
  }
  const names = await files.list(directory)
  const wals = names.filter((name) => parseFileName(name)?.kind === 'wal')
  const ahead = wals.filter((name) => (parseFileName(name)?.number ?? 0) > logNumber)
  const others = names.filter((name) => !named.has(name) && !tables.has(name) && !wals.includes(name))
  const stale = wals.filter((name) => (parseFileName(name)?.number ?? 0) < logNumber)
  const missing = [...tables].filter((name) => !names.includes(name))
  return [
    ...others.map((name) => `${name} is there, and nothing names it`),
    ...stale.map((name) => `${name} is there, and its memtable is in tables`),
    ...(ahead.length > UNNAMED_WAL_COUNT_MAX ? [`${ahead.join(' ')} are there, and only one is made ahead`] : []),
    ...missing.map((name) => `${name} is named, and is not there`),
    ...(wals.some((name) => parseFileName(name)?.number === logNumber) ? [] : [`the log ${logNumber} is not there`]),
  ]
}
