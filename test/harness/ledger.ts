/** The files of a store at rest (R10). */
import fs from 'node:fs'
import { open } from 'varve'
import { GatedExecutor } from './executors.ts'

export interface Ledger {
  readonly tables: string[]
  readonly wals: string[]
  readonly manifests: string[]
  readonly other: string[]
}

/** The files of a closed store, by kind. */
export function readLedger(directory: string): Ledger {
  const names = fs.readdirSync(directory).toSorted()
  const kinds = {
    tables: names.filter((name) => /^\d{6,}\.sst$/.test(name)),
    wals: names.filter((name) => /^\d{6,}\.wal$/.test(name)),
    manifests: names.filter((name) => /^MANIFEST-\d{6,}$/.test(name)),
  }
  const known = new Set([...kinds.tables, ...kinds.wals, ...kinds.manifests])
  return { ...kinds, other: names.filter((name) => !known.has(name)) }
}

/** What is wrong with the files of a store that was closed in good order; empty if nothing is. */
export async function ledgerFaults(directory: string): Promise<string[]> {
  const ledger = readLedger(directory)
  const faults: string[] = []
  if (ledger.manifests.length !== 1) {
    faults.push(`manifests: ${ledger.manifests.join(' ') || 'none'}`)
  }
  const other = ledger.other.filter((name) => name !== 'lost')
  if (other.join(' ') !== 'CURRENT LOCK') {
    faults.push(`other files: ${other.join(' ')}`)
  }
  if (!fs.readFileSync(`${directory}/CURRENT`, 'latin1').includes(ledger.manifests[0] ?? '?')) {
    faults.push('CURRENT names no manifest that is there')
  }
  const tableCount = await knownTableCount(directory)
  if (ledger.tables.length !== tableCount) {
    faults.push(`${ledger.tables.length} tables where the manifest names ${tableCount}: ${ledger.tables.join(' ')}`)
  }
  return faults
}

/** How many tables a store knows when it has just been opened and no job may run. */
async function knownTableCount(directory: string): Promise<number> {
  const executor = new GatedExecutor()
  executor.shut('flush')
  executor.shut('compaction')
  const store = await open(directory, { createIfMissing: false }, { executor })
  const count = store.stats().levels.reduce((sum, level) => sum + level.tableCount, 0)
  executor.open('flush')
  executor.open('compaction')
  await store.close()
  return count
}
