/** Stores to be damaged: made once, copied for each damage, and read until they answer or say what is wrong. */
import fs from 'node:fs'
import path from 'node:path'
import { VarveError, open } from 'varve'
import type { Components } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import { FailingExecutor, componentsOf } from '../harness/executors.ts'

const OPTIONS = {
  memtableSizeBytes: 64 * 1024,
  tableSizeBytes: 32 * 1024,
  blockSizeBytes: 1024,
  createIfMissing: false,
} as const

export type Contents = [string, string][]

/** A cleanly closed store with tables in several levels. */
export async function makeStoreOfTables(directory: string): Promise<Contents> {
  const store = await open(directory, { ...OPTIONS, createIfMissing: true }, componentsOf('inline'))
  await fill(store, 400, 150)
  await store.compactRange()
  await fill(store, 300, 90)
  await store.delete('key-000005')
  await store.flush()
  await fill(store, 50, 40, 'later')
  const contents = await contentsOf(store)
  await store.close()
  return contents
}

/** A cleanly closed store whose entries stand in its logs alone, because no flush could be done. */
export async function makeStoreOfLogs(directory: string): Promise<Contents> {
  const store = await open(directory, { ...OPTIONS, createIfMissing: true }, { executor: new FailingExecutor() })
  store.on('error', () => undefined)
  for (let round = 0; round < 10; round++) {
    await fill(store, 40, 60, `round-${round}`)
  }
  await store.put('last', 'value', { sync: true })
  const contents = await contentsOf(store)
  await store.close()
  return contents
}

/**
 * Everything that is in the store in `directory`, or the error that opening or reading it came to.
 * @throws whatever is no error of Varve's
 */
export async function readAll(
  directory: string,
  components: Components = componentsOf('inline'),
): Promise<Contents | VarveError> {
  try {
    const store = await open(directory, OPTIONS, components)
    store.on('error', () => undefined)
    try {
      const contents = await contentsOf(store)
      for (const [key, value] of contents.filter((_, i) => i % 50 === 0)) {
        const found = await store.get(Buffer.from(key, 'latin1'))
        if (found?.toString('latin1') !== value) {
          throw new Error(`get and entries differ in ${key}`)
        }
      }
      return contents
    } finally {
      await store.close().catch(ignoreVarveError)
    }
  } catch (error) {
    return asVarveError(error)
  }
}

function ignoreVarveError(error: unknown): void {
  asVarveError(error)
}

function asVarveError(error: unknown): VarveError {
  if (error instanceof VarveError) {
    return error
  }
  throw error
}

export function copyStore(from: string, to: string): void {
  fs.rmSync(to, { recursive: true, force: true })
  fs.cpSync(from, to, { recursive: true })
}

/** The regular files of a store that hold anything, LOCK apart. */
export function filesOf(directory: string): { name: string; sizeBytes: number }[] {
  return fs
    .readdirSync(directory)
    .filter((name) => name !== 'LOCK')
    .map((name) => ({ name, stat: fs.statSync(path.join(directory, name)) }))
    .filter(({ stat }) => stat.isFile() && stat.size > 0)
    .map(({ name, stat }) => ({ name, sizeBytes: stat.size }))
}
