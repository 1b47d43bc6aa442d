/**
 * Deletes files that nothing needs any more. Only the main thread deletes, and only what a durable edit made obsolete.
 * A deletion that fails loses nothing: the next open deletes what no manifest names.
 */
import { isNotFound, type FileSystem } from '@varve/storage'

export class ObsoleteFiles {
  readonly #files: FileSystem
  readonly #onFailure: (error: unknown) => void
  readonly #pending = new Set<Promise<void>>()

  constructor(files: FileSystem, onFailure: (error: unknown) => void) {
    this.#files = files
    this.#onFailure = onFailure
  }

  get pendingCount(): number {
    return this.#pending.size
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
    this.#pending.add(removal)
  }

  async whenIdle(): Promise<void> {
    while (this.#pending.size > 0) {
      await Promise.all(this.#pending)
    }
  }
}
