/** The stores as several threads use them: Varve shared by a port, the others opened in every thread. */
import { createRequire } from 'node:module'
import type { MessagePort } from 'node:worker_threads'
import { connect, type RemoteStore, type Store } from 'varve'
import type { StoreName, ThreadStore } from './thread-task.ts'

const CACHE_SIZE_BYTES = 64 * 1024 * 1024

export function varveOf(store: Store | RemoteStore): ThreadStore {
  return {
    put: (key, value) => store.put(key, value),
    write: (entries) => store.write(entries.map(([key, value]) => ({ type: 'put', key, value }))),
    get: (key) => store.get(key),
    close: () => store.close(),
  }
}

export async function connectVarve(port: MessagePort): Promise<ThreadStore> {
  return varveOf(await connect(port, { blockCacheSizeBytes: CACHE_SIZE_BYTES }))
}

export async function openOther(name: Exclude<StoreName, 'varve'>, directory: string): Promise<ThreadStore> {
  return name === 'lmdb' ? openLmdb(directory) : await openClassicLevel(directory)
}

async function openClassicLevel(directory: string): Promise<ThreadStore> {
  const { ClassicLevel } = await import('classic-level')
  const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
  const database = new ClassicLevel<Buffer, Buffer>(directory, {
    ...encodings,
    multithreading: true,
    cacheSize: CACHE_SIZE_BYTES,
    compression: false,
  })
  await database.open()
  return {
    put: (key, value) => database.put(key, value),
    write: (entries) => database.batch(entries.map(([key, value]) => ({ type: 'put', key, value }))),
    get: (key) => database.get(key),
    close: () => database.close(),
  }
}

interface LmdbDatabase {
  put(key: Buffer, value: Buffer): Promise<unknown>
  batch(action: () => void): Promise<unknown>
  getBinary(key: Buffer): Buffer | undefined
  close(): Promise<void>
}

/** @throws MODULE_NOT_FOUND where it is not installed */
function openLmdb(directory: string): ThreadStore {
  const requirePeer = createRequire(new URL('../../peers/package.json', import.meta.url))
  const lmdb = requirePeer('lmdb') as { open(options: object): LmdbDatabase }
  const database = lmdb.open({ path: directory, encoding: 'binary', keyEncoding: 'binary', mapSize: 2 ** 32 })
  return {
    put: (key, value) => database.put(key, value),
    write: (entries) =>
      database.batch(() => {
        for (const [key, value] of entries) {
          void database.put(key, value)
        }
      }),
    get: (key) => Promise.resolve(database.getBinary(key)),
    close: () => database.close(),
  }
}
