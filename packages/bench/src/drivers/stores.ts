/** The stores that can be compared. Peers are optional: one that cannot be loaded is left out, with the reason. */
import { pathToFileURL } from 'node:url'
import type * as Varve from 'varve'
import type { StoreModule } from './store-driver.ts'

/** The first one is what the others are compared with. */
export const STORE_NAMES = [
  'varve',
  'varve-level',
  'classic-level',
  'rocksdb',
  'lmdb',
  'better-sqlite3',
  'node-sqlite',
  'memory',
] as const

/** `varve-base` is another build of Varve, and is only there when two commits are compared. */
export type StoreName = (typeof STORE_NAMES)[number] | 'varve-base'

/** Names the built engine of another commit. */
export const BASE_VARIABLE = 'VARVE_BENCH_BASE'

/** Memory alone is lost with the driver: it is filled anew instead of copied. */
export function isVolatile(name: StoreName): boolean {
  return name === 'memory'
}

/** @throws whatever the package throws when it cannot be loaded */
export async function loadStore(name: StoreName): Promise<StoreModule> {
  switch (name) {
    case 'varve':
      return (await import('./varve-driver.ts')).varve
    case 'varve-base':
      return await loadBase()
    case 'varve-level':
      return (await import('./varve-level-driver.ts')).varveLevel
    case 'classic-level':
      return (await import('./classic-level-driver.ts')).classicLevel
    case 'rocksdb':
      return (await import('./rocksdb-driver.ts')).rocksdb
    case 'lmdb':
      return (await import('./lmdb-driver.ts')).lmdb
    case 'better-sqlite3':
      return (await import('./sqlite-driver.ts')).betterSqlite3()
    case 'node-sqlite':
      return await (await import('./sqlite-driver.ts')).nodeSqlite()
    case 'memory':
      return (await import('./memory-driver.ts')).memory
  }
}

async function loadBase(): Promise<StoreModule> {
  const path = process.env[BASE_VARIABLE]
  if (path === undefined) {
    throw new Error(`${BASE_VARIABLE} must name the built engine of another commit`)
  }
  const { open } = (await import(pathToFileURL(path).href)) as typeof Varve
  return (await import('./varve-driver.ts')).varveOf(open, 'varve-base', 'base')
}

const ABSENCE_CODES: readonly unknown[] = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_UNKNOWN_BUILTIN_MODULE']

/** Why the package, or its binary for this platform, is not there; `undefined` for any other error. */
export function reasonOfAbsence(error: unknown): string | undefined {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  if (code === 'ERR_UNKNOWN_BUILTIN_MODULE') {
    return 'this Node does not have it'
  }
  if (/no native build|could not locate the bindings file|was compiled against/i.test(String(message))) {
    return 'there is no binary for this platform'
  }
  return ABSENCE_CODES.includes(code) ? 'it is not installed' : undefined
}
