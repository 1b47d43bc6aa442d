/** Finds the database class of an abstract-level package that the user has installed. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CommandFailure } from '../failure.ts'

/** What is used of a database of abstract-level, with Buffers. */
export interface LevelDatabase {
  open(options: { readonly createIfMissing: boolean }): Promise<void>
  close(): Promise<void>
  iterator(options: object): LevelEntryIterator
}

export interface LevelEntryIterator {
  nextv(count: number): Promise<[key: Buffer, value: Buffer][]>
  close(): Promise<void>
}

export type LevelDatabaseClass = new (location: string, options: object) => LevelDatabase

/**
 * @param exportName which of several classes
 * @throws CommandFailure if there is no such package, or no such class in it
 */
export function loadDatabaseClass(packageName: string, exportName?: string): LevelDatabaseClass {
  const exported = loadPackage(packageName) as Readonly<Record<string, unknown>>
  const named = Object.entries(exported).filter(
    ([name, value]) => isDatabaseClass(value) && (exportName === undefined || name === exportName),
  )
  const classes = [...new Map(named.map(([name, value]) => [value, name])).entries()]
  const [first, ...others] = classes
  if (first === undefined) {
    const what = exportName === undefined ? 'no class of abstract-level databases' : `no such class named ${exportName}`
    throw new CommandFailure(`${packageName} exports ${what}`)
  }
  if (others.length > 0) {
    const names = classes.map(([, name]) => name).join(', ')
    throw new CommandFailure(`${packageName} exports several classes (${names}): choose one with --export`)
  }
  return first[0] as LevelDatabaseClass
}

/** As a file of the user's directory would load it; `require` loads modules of either kind. */
function loadPackage(packageName: string): unknown {
  const requireFromHere = createRequire(join(process.cwd(), 'import.js'))
  try {
    return requireFromHere(packageName)
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
    const isMissing = code === 'MODULE_NOT_FOUND' && String(message).includes(`'${packageName}'`)
    throw new CommandFailure(
      isMissing
        ? `${packageName} is not installed in ${process.cwd()}: npm install ${packageName}`
        : `${packageName} cannot be loaded: ${String(message).split('\n', 1)[0]}`,
    )
  }
}

function isDatabaseClass(value: unknown): value is LevelDatabaseClass {
  if (typeof value !== 'function') {
    return false
  }
  const prototype: unknown = value.prototype
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    ['open', 'close', 'iterator', 'sublevel', 'batch'].every(
      (name) => typeof Reflect.get(prototype, name) === 'function',
    ) &&
    // The base classes themselves, where a package hands them on.
    !value.name.startsWith('Abstract')
  )
}
