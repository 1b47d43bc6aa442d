/** Opens, repairs and destroys stores. */
import { join } from 'node:path'
import {
  CURRENT_FILE_NAME,
  InvalidArgumentError,
  createNodeEnv,
  isStoreFileName,
  LOCK_FILE_NAME,
  LOST_DIRECTORY_NAME,
  type Env,
} from '@varve/storage'
import { createPoolExecutor, type JobExecutor } from '@varve/workers'
import { Engine } from './engine.ts'
import { resolveOptions, type StoreOptions } from './options.ts'
import { lockDirectory, lockForRepair, refuseLevelDb, resolveDirectory, takeLock } from './recovery/directory.ts'
import type { RepairReport } from './repair/repair-report.ts'
import { repairStore } from './repair/store-repair.ts'
import { Store } from './store.ts'
import type { EmitEvent } from './store-events.ts'
import { MANIFEST_ROTATION_SIZE_BYTES } from './version/version-set.ts'

/** The outside world and who runs jobs. All are the real ones unless a test brings its own. */
export interface Components {
  readonly env?: Env
  /** Closed with the store. */
  readonly executor?: JobExecutor
  /** A manifest that has grown to this, and to twice its first size, is replaced. A test makes it small, to see it. */
  readonly manifestRotationSizeBytes?: number
}

/**
 * Opens the store in a directory, or makes one. One handle has a directory at a time, in all processes.
 * @throws VarveError (the promise rejects): VARVE_INVALID_ARGUMENT, VARVE_NOT_FOUND, VARVE_EXISTS, VARVE_LOCKED,
 * VARVE_CORRUPTION, VARVE_UNSUPPORTED, VARVE_IO
 */
export async function open(directory: string, options?: StoreOptions, components?: Components): Promise<Store> {
  const path = resolveDirectory(directory)
  const resolved = resolveOptions(options)
  const env = components?.env ?? createNodeEnv()
  const locked = await lockDirectory(env, path, resolved)
  const executor = components?.executor ?? createPoolExecutor({ workerCountMax: resolved.workerCountMax })
  let store: Store | undefined
  // In a step of its own: a listener that writes, reads or closes must find no call of the store half done.
  const emit: EmitEvent = (name, event) => {
    queueMicrotask(() => {
      // An 'error' that nobody listens to would end the process.
      if (store !== undefined && (name !== 'error' || store.listenerCount('error') > 0)) {
        ;(store.emit as (name: string, event: unknown) => boolean).call(store, name, event)
      }
    })
  }
  try {
    const manifestRotationSizeBytes = components?.manifestRotationSizeBytes ?? MANIFEST_ROTATION_SIZE_BYTES
    const engine = await Engine.start(
      { env, directory: path, options: resolved, executor, manifestRotationSizeBytes, emit },
      locked,
    )
    store = new Store(path, engine)
    return store
  } catch (error) {
    await executor.close()
    // Why it could not be opened is what the caller has to know, not what failed after that.
    await Promise.allSettled([locked.lock.release()])
    throw error
  }
}

/**
 * Makes of what can be read in a directory a store that opens, and says what is lost. Of a store that is not open. Files
 * that are damaged, or not needed any more, are moved to `lost/`; none is deleted. Where nothing is wrong, nothing is
 * changed. Of the options, those count that say how tables are written.
 *
 * If the manifest can be read, every value is right outside of the keys that the report names as lost; within, entries
 * may be missing, and older values of these keys may show. If it cannot, the newest version of each key wins, by the
 * sequence numbers in all tables that are there; a table that was about to be deleted may then bring back keys whose
 * deletion, or values whose successor, stood in a table that is already gone.
 * @throws VarveError (the promise rejects): VARVE_INVALID_ARGUMENT if there is no store, VARVE_NOT_FOUND, VARVE_LOCKED,
 * VARVE_UNSUPPORTED if a newer version wrote a part of it, VARVE_IO
 */
export async function repair(
  directory: string,
  options?: StoreOptions,
  components?: Components,
): Promise<RepairReport> {
  const path = resolveDirectory(directory)
  const table = resolveOptions(options)
  const env = components?.env ?? createNodeEnv()
  const locked = await lockForRepair(env, path)
  const executor = components?.executor ?? createPoolExecutor({ workerCountMax: table.workerCountMax })
  try {
    return await repairStore({ env, directory: path, executor, table }, locked.names)
  } finally {
    await executor.close()
    await locked.lock.release()
  }
}

/**
 * Deletes a store that is not open: its files, what is in `lost/`, and the directory itself if nothing else is in it.
 * A directory that does not exist is no error.
 * @throws VarveError (the promise rejects): VARVE_INVALID_ARGUMENT if it holds no store, VARVE_LOCKED, VARVE_IO
 */
export async function destroy(directory: string, components?: { readonly env?: Env }): Promise<void> {
  const path = resolveDirectory(directory)
  const { files } = components?.env ?? createNodeEnv()
  const kind = await files.kindOf(path)
  if (kind === 'missing') {
    return
  }
  const names = kind === 'file' ? [] : await files.list(path)
  await refuseLevelDb(files, path, names)
  const foreign = names.find((name) => !isStoreFileName(name))
  const isStore = names.includes(CURRENT_FILE_NAME) || (foreign === undefined && names.length > 0)
  if (!isStore) {
    throw new InvalidArgumentError(`${path} is no store, and nothing of it was deleted`)
  }
  const lock = await takeLock(files, path)
  try {
    // CURRENT goes first: what a crash leaves behind is then not taken for a damaged store's remains by mistake.
    const ordered = [CURRENT_FILE_NAME, ...names.filter((name) => name !== CURRENT_FILE_NAME)]
    for (const name of ordered.filter(
      (each) => names.includes(each) && isStoreFileName(each) && each !== LOCK_FILE_NAME,
    )) {
      await remove(files, join(path, name), name)
    }
    await files.remove(join(path, LOCK_FILE_NAME))
  } finally {
    await lock.release()
  }
  // Where a link leads to the directory, both stay, empty.
  if (foreign === undefined && kind === 'directory') {
    await files.removeDirectory(path)
  }
}

/** A link in the place of lost/ goes; where it leads to stays as it is. */
async function remove(files: Env['files'], path: string, name: string): Promise<void> {
  if (name === LOST_DIRECTORY_NAME && (await files.kindOf(path)) === 'directory') {
    await removeAll(files, path)
  } else {
    await files.remove(path)
  }
}

async function removeAll(files: Env['files'], directory: string): Promise<void> {
  for (const name of await files.list(directory)) {
    await files.remove(join(directory, name))
  }
  await files.removeDirectory(directory)
}
