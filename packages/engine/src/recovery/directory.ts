/** A store's directory: what may be opened, and the lock that keeps others out. */
import { dirname, join, resolve } from 'node:path'
import {
  CURRENT_FILE_NAME,
  CorruptionError,
  InvalidArgumentError,
  IoError,
  LOCK_FILE_NAME,
  LockedError,
  VarveError,
  isNotFound,
  isStoreFileName,
  parseFileName,
  readCurrent,
  readSmallFile,
  type Env,
  type FileLock,
  type FileSystem,
} from '@varve/storage'
import { describe } from '../options.ts'

export interface DirectoryOptions {
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
}

export interface LockedDirectory {
  readonly lock: FileLock
  /** Names of what is in it. */
  readonly names: readonly string[]
  readonly holdsStore: boolean
  /** Whether a store may be made where there is none. */
  readonly mayCreate: boolean
}

/** Of directories that are the system's, or others', to keep: a process may not open them, or they cannot be synced. */
const UNSYNCABLE_CODES: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EINVAL', 'EROFS', 'ENOTSUP'])

/** Another path has to be chosen, or rights given; with all other codes the same call may succeed later. */
const WRONG_PATH_CODES: ReadonlySet<string> = new Set([
  'EACCES',
  'EEXIST',
  'EINVAL',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'EPERM',
  'EROFS',
])

/**
 * Makes the directory if need be and locks it. Nothing is written into a directory that holds something else.
 * @throws VarveError with VARVE_NOT_FOUND, VARVE_EXISTS, VARVE_INVALID_ARGUMENT, VARVE_LOCKED or VARVE_IO
 */
export async function lockDirectory(env: Env, directory: string, options: DirectoryOptions): Promise<LockedDirectory> {
  const { files } = env
  const kind = await files.kindOf(directory)
  if (kind === 'missing') {
    if (!options.createIfMissing) {
      throw notFound(directory)
    }
    await makeDirectory(files, directory)
  } else if (kind === 'file') {
    throw new InvalidArgumentError(`${directory} is not a directory: a store needs one of its own`)
  }
  const found = await listNames(files, directory)
  await refuseLevelDb(files, directory, found)
  checkNames(directory, found, options)
  const lock = await takeLock(files, directory)
  try {
    const names = await files.list(directory)
    const holdsStore = checkNames(directory, names, options)
    return { lock, names, holdsStore, mayCreate: options.createIfMissing }
  } catch (error) {
    await Promise.allSettled([lock.release()])
    throw error
  }
}

/** LevelDB and its relatives have files of these names, besides some that are named like ours. */
const LEVELDB_FILE_NAMES = /^(LOG(\.old.*)?|IDENTITY|OPTIONS-\d+|\d+\.(log|ldb))$/

/**
 * Their CURRENT and LOCK are named like ours: without this, a mistaken path would cost them both.
 * @throws InvalidArgumentError if it is such a database
 */
export async function refuseLevelDb(files: FileSystem, directory: string, names: readonly string[]): Promise<void> {
  const theirs = names.find((name) => LEVELDB_FILE_NAMES.test(name))
  const holdsDatabase = names.some((name) => name === CURRENT_FILE_NAME || parseFileName(name)?.kind === 'manifest')
  if (theirs !== undefined && holdsDatabase && !(await hasOwnCurrent(files, directory))) {
    throw new InvalidArgumentError(
      `${directory} holds a database of LevelDB or RocksDB (${theirs}), and nothing of it was touched: ` +
        '`varve import --from` copies one into a store of its own',
    )
  }
}

async function hasOwnCurrent(files: FileSystem, directory: string): Promise<boolean> {
  try {
    await readCurrent(files, directory)
    return true
  } catch (error) {
    if (error instanceof CorruptionError || isNotFound(error)) {
      return false
    }
    throw error
  }
}

/**
 * What a caller gave as a directory, as an absolute path.
 * @throws InvalidArgumentError
 */
export function resolveDirectory(directory: unknown): string {
  if (typeof directory !== 'string' || directory === '') {
    throw new InvalidArgumentError(
      `directory must be a path, not ${directory === '' ? 'an empty string' : describe(directory)}`,
    )
  }
  if (directory.includes('\0')) {
    throw new InvalidArgumentError('directory must not contain a zero byte')
  }
  return resolve(directory)
}

/**
 * Locks a directory that holds any file of a store.
 * @throws VarveError with VARVE_NOT_FOUND, VARVE_INVALID_ARGUMENT, VARVE_LOCKED or VARVE_IO
 */
export async function lockForRepair(
  { files }: Env,
  directory: string,
): Promise<{ readonly lock: FileLock; readonly names: readonly string[] }> {
  if ((await files.kindOf(directory)) === 'missing') {
    throw new VarveError('VARVE_NOT_FOUND', `there is no directory ${directory}: check the path`)
  }
  const found = await listNames(files, directory)
  await refuseLevelDb(files, directory, found)
  if (!found.some((name) => name === CURRENT_FILE_NAME || parseFileName(name) !== undefined)) {
    throw new InvalidArgumentError(`${directory} holds no file of a store: there is nothing to repair`)
  }
  const lock = await takeLock(files, directory)
  try {
    return { lock, names: await files.list(directory) }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** @throws LockedError */
export async function takeLock(files: FileSystem, directory: string): Promise<FileLock> {
  const path = join(directory, LOCK_FILE_NAME)
  const lock = await files.lock(path)
  if (lock === undefined) {
    throw new LockedError(directory, await ownerOf(files, path))
  }
  return lock
}

export function notFound(directory: string): VarveError {
  return new VarveError(
    'VARVE_NOT_FOUND',
    `there is no store in ${directory}, and the option createIfMissing is false: check the path`,
  )
}

/** Whether there is a store; throws if that is not what the options allow, or if there is something else. */
function checkNames(directory: string, names: readonly string[], options: DirectoryOptions): boolean {
  const holdsStore = names.includes(CURRENT_FILE_NAME)
  if (holdsStore) {
    if (options.errorIfExists) {
      throw new VarveError(
        'VARVE_EXISTS',
        `${directory} holds a store already, and the option errorIfExists is true: choose another directory`,
      )
    }
    return true
  }
  const foreign = names.find((name) => !isStoreFileName(name))
  if (foreign !== undefined) {
    throw new InvalidArgumentError(
      `${directory} holds something that is not a store (${foreign}): choose an empty directory, or one that does not exist yet`,
    )
  }
  // Files without CURRENT are a damaged store, or what a crash left of making one: recovery looks at them.
  if (!options.createIfMissing && !names.some((name) => parseFileName(name) !== undefined)) {
    throw notFound(directory)
  }
  return false
}

async function makeDirectory(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.makeDirectory(directory)
  } catch (error) {
    if (error instanceof IoError && !WRONG_PATH_CODES.has(error.systemCode)) {
      throw error
    }
    const why = error instanceof Error ? error.message : String(error)
    throw new InvalidArgumentError(`${directory} cannot be made: ${why}`)
  }
}

/**
 * Makes the way to a new store durable. Not only what was missing: a directory that was there may have been made just
 * before, by the user or by an open that was killed, and would be lost with all that is synced in it.
 */
export async function syncAncestors(files: FileSystem, directory: string): Promise<void> {
  for (let path = dirname(directory), below = directory; path !== below; below = path, path = dirname(path)) {
    try {
      await files.syncDirectory(path)
    } catch (error) {
      if (!(error instanceof IoError && UNSYNCABLE_CODES.has(error.systemCode))) {
        throw error
      }
    }
  }
}

async function listNames(files: FileSystem, directory: string): Promise<string[]> {
  try {
    return await files.list(directory)
  } catch (error) {
    throw isNotDirectory(error) ? new InvalidArgumentError(`${directory} is not a directory`) : error
  }
}

function isNotDirectory(error: unknown): boolean {
  return error instanceof VarveError && 'systemCode' in error && error.systemCode === 'ENOTDIR'
}

async function ownerOf(files: FileSystem, path: string): Promise<number | undefined> {
  try {
    const pid = Number(Buffer.from(await readSmallFile(files, path, 32)).toString('latin1'))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch (error) {
    if (isNotFound(error)) {
      return undefined
    }
    throw error
  }
}
