/**
 * Deletes files that nothing needs any more. Only the main thread deletes, and only what a durable edit made obsolete.
 * A deletion that fails loses nothing: the next open deletes what no manifest names.
 */
import { join } from 'node:path'
import { isNotFound, tableFileName, type FileSystem } from '@varve/storage'
import type { TableCache } from '../cache/table-cache.ts'
import type { TableHandle } from '../version/table-handle.ts'

export class ObsoleteFiles {
  readonly #files: FileSystem
  readonly #onFailure: (error: unknown) => void
  readonly #pending = new Map<Promise<void>, string>()

  constructor(files: FileSystem, onFailure: (error: unknown) => void) {
    this.#files = files
    this.#onFailure = onFailure
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  /** Paths of the files that are about to go. */
  get pendingPaths(): Set<string> {
    return new Set(this.#pending.values())
  }

  /** Removes a file once `ready` has resolved; one that is not there is no failure. */
  remove(path: string, ready: Promise<void> = Promise.resolve()): void {
    const removal = ready
      .then(() => this.#files.remove(path))
      .catch((error: unknown) => {
        if (!isNotFound(error)) {
          this.#onFailure(error)
        }
      })
      .finally(() => this.#pending.delete(removal))
    this.#pending.set(removal, path)
  }

  async whenIdle(): Promise<void> {
    while (this.#pending.size > 0) {
      await Promise.all(this.#pending.keys())
    }
  }
}

/** Deletes tables that no Version names any more. */
export function removeTables(
  directory: string,
  tables: TableCache,
  obsoleteFiles: ObsoleteFiles,
  handles: readonly TableHandle[],
): void {
  for (const handle of handles) {
    tables.forget(handle)
    obsoleteFiles.remove(join(directory, tableFileName(handle.metadata.number)))
  }
}
