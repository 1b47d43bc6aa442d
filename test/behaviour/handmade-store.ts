/** Stores that no writer would leave: tables as given, under a manifest that says of them what it is told to. */
import fs from 'node:fs'
import path from 'node:path'
import {
  KIND_PUT,
  ManifestWriter,
  TableWriter,
  createNodeEnv,
  fileNumber,
  manifestFileName,
  replaceCurrent,
  sequenceNumber,
  tableFileName,
} from '@varve/storage'
import type { AddedTable, TableMetadata } from '@varve/storage'

export interface HandmadeTable {
  readonly level: number
  readonly run: number
  /** Keys with the sequence numbers of their versions, in order. */
  readonly entries: readonly (readonly [key: string, sequence: number])[]
  /** What the manifest says otherwise. */
  readonly claim?: Partial<TableMetadata>
}

const LAST_SEQUENCE = 1000

/** Makes a store in a directory that does not exist; its tables are numbered from 1 on, in the order given. */
export async function makeHandmadeStore(directory: string, tables: readonly HandmadeTable[]): Promise<void> {
  const { files } = createNodeEnv()
  fs.mkdirSync(directory, { recursive: true })
  const added = tables.map(({ level, run, entries, claim }, i): AddedTable => {
    const number = fileNumber(i + 1)
    const file = files.openSync(path.join(directory, tableFileName(number)), 'create')
    const writer = new TableWriter(file, number, { blockSizeBytes: 256, bloomBitsPerKey: 10, codec: 'none' })
    for (const [key, sequence] of entries) {
      const value = Buffer.from(`${key} at ${sequence}`)
      writer.add(Buffer.from(key), 0, key.length, sequence, KIND_PUT, value, 0, value.length)
    }
    const table = { ...writer.finish(), ...claim }
    file.closeSync()
    return { level, run, table }
  })
  const number = fileNumber(tables.length + 1)
  const manifest = await ManifestWriter.create(files, path.join(directory, manifestFileName(number)), number, {
    logNumber: fileNumber(0),
    nextFileNumber: number + 1,
    lastSequence: sequenceNumber(LAST_SEQUENCE),
    added,
  })
  await manifest.close()
  await replaceCurrent(files, directory, number)
}

/** Keys `prefix-000` and on, one version each, the first at `sequence`. */
export function entriesOf(prefix: string, count: number, sequence: number): [string, number][] {
  return Array.from({ length: count }, (_, i) => [`${prefix}-${String(i).padStart(3, '0')}`, sequence + i])
}
