/**
 * Where a checkpoint goes: the directory itself, which must not exist, and `DIRECTORY.tmp` beside it, in which the
 * checkpoint is made and which is renamed when it is whole. Whoever makes it holds the lock in there.
 *
 * What stands at `DIRECTORY.tmp` and nobody holds is what a checkpoint that was cut off left behind, if all names in it
 * are those that checkpoints give. It is replaced. Anything else is left alone and refused: a store that was ever open
 * has a log, and no checkpoint may have a name that ends in `.tmp`, so neither is taken for a leftover.
 */
import { dirname, join, sep } from 'node:path'
import {
  CURRENT_FILE_NAME,
  CURRENT_TEMPORARY_FILE_NAME,
  InvalidArgumentError,
  LOCK_FILE_NAME,
  VarveError,
  isNotFound,
  parseFileName,
  type FileLock,
  type FileSystem,
} from '@varve/storage'
import { syncAncestors } from '../recovery/directory.ts'

const TEMPORARY_SUFFIX = '.tmp'

export class CheckpointTarget {
  /** Absolute, as `parentPath` and `temporaryPath`, which is on the same file system. */
  readonly path: string
  readonly parentPath: string
  readonly temporaryPath: string
  readonly #files: FileSystem

  /** @throws InvalidArgumentError if no checkpoint of this store may stand there */
  constructor(files: FileSystem, storeDirectory: string, path: string) {
    this.#files = files
    this.path = path
    this.parentPath = dirname(path)
    this.temporaryPath = path + TEMPORARY_SUFFIX
    if (path === storeDirectory || path.startsWith(join(storeDirectory, sep))) {
      throw new InvalidArgumentError(`a checkpoint of ${storeDirectory} cannot be made inside of it: not in ${path}`)
    }
    if (path.endsWith(TEMPORARY_SUFFIX) || this.temporaryPath === storeDirectory) {
      throw new InvalidArgumentError(
        `${path} cannot be a checkpoint's name: names that end in ${TEMPORARY_SUFFIX} are those of unfinished ones`,
      )
    }
  }

  /**
   * Makes the temporary directory, empty but for its lock, which is held then.
   * @throws VarveError with VARVE_INVALID_ARGUMENT, VARVE_EXISTS or VARVE_IO
   */
  async claim(): Promise<FileLock> {
    const files = this.#files
    await this.checkMissing()
    await this.#checkParent()
    await this.#makeDirectory()
    try {
      const lock = await files.lock(join(this.temporaryPath, LOCK_FILE_NAME))
      if (lock === undefined) {
        throw this.#taken()
      }
      return await this.#clear(lock)
    } catch (error) {
      // Another checkpoint was renamed, or removed, meanwhile.
      throw isNotFound(error) ? this.#taken() : error
    }
  }

  /** By way of a symbolic link the path of a store's directory may be another one than the store knows. */
  async #checkParent(): Promise<void> {
    let names: string[]
    try {
      names = await this.#files.list(this.parentPath)
    } catch (error) {
      if (isNotFound(error)) {
        return
      }
      throw error
    }
    if (names.includes(CURRENT_FILE_NAME)) {
      throw new InvalidArgumentError(`${this.parentPath} is the directory of a store: no checkpoint can be made in it`)
    }
  }

  async #makeDirectory(): Promise<void> {
    const files = this.#files
    const kind = await files.kindOf(this.temporaryPath)
    if (kind === 'missing') {
      await files.makeDirectory(this.temporaryPath)
      await syncAncestors(files, this.temporaryPath)
    } else if (kind === 'directory') {
      await this.#checkLeftover()
    } else {
      throw new VarveError('VARVE_EXISTS', `${this.temporaryPath} is in the way and is no directory: remove it`)
    }
  }

  async #clear(lock: FileLock): Promise<FileLock> {
    try {
      await this.#checkLeftover()
      await this.#removeFiles()
      return lock
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** @throws VarveError with VARVE_EXISTS */
  async checkMissing(): Promise<void> {
    if ((await this.#files.kindOf(this.path)) !== 'missing') {
      throw new VarveError('VARVE_EXISTS', `${this.path} exists already: choose another directory for the checkpoint`)
    }
  }

  /**
   * Removes the temporary directory, as far as that can be done. What remains is in nobody's way: the next checkpoint
   * with this target replaces it.
   */
  async abandon(): Promise<void> {
    try {
      await this.#removeFiles()
      await this.#files.remove(join(this.temporaryPath, LOCK_FILE_NAME))
      await this.#files.removeDirectory(this.temporaryPath)
    } catch {
      // The failure that led here is the one to tell.
    }
  }

  async #checkLeftover(): Promise<void> {
    const names = await this.#list()
    const foreign = names.find((name) => !isCheckpointFileName(name))
    if (foreign !== undefined) {
      throw new VarveError(
        'VARVE_EXISTS',
        `${this.temporaryPath} is in the way: it holds ${foreign}, so it is no unfinished checkpoint: move it away`,
      )
    }
  }

  #taken(): VarveError {
    return new VarveError('VARVE_EXISTS', `another checkpoint is being made in ${this.path}: choose another directory`)
  }

  /** CURRENT first: what a crash leaves is then no store. The lock stays. */
  async #removeFiles(): Promise<void> {
    const names = await this.#list()
    const removed = names.filter((name) => name !== LOCK_FILE_NAME && isCheckpointFileName(name))
    if (removed.length > 0) {
      // It may have been renamed and renamed back: a crash must not find what is left of it under the other name.
      await this.#files.syncDirectory(this.parentPath)
    }
    for (const name of removed.toSorted((a, b) => Number(b === CURRENT_FILE_NAME) - Number(a === CURRENT_FILE_NAME))) {
      await this.#remove(join(this.temporaryPath, name))
    }
  }

  async #list(): Promise<string[]> {
    try {
      return await this.#files.list(this.temporaryPath)
    } catch (error) {
      throw isNotFound(error) ? this.#taken() : error
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#files.remove(path)
    } catch (error) {
      if (!isNotFound(error)) {
        throw error
      }
    }
  }
}

/** Names that a checkpoint gives before anybody has opened it. */
function isCheckpointFileName(name: string): boolean {
  const kind = parseFileName(name)?.kind
  return (
    kind === 'table' ||
    kind === 'manifest' ||
    name === CURRENT_FILE_NAME ||
    name === CURRENT_TEMPORARY_FILE_NAME ||
    name === LOCK_FILE_NAME
  )
}
