/** What jobs see of the files: they make and read tables. Deleting, renaming and appending are the main thread's. */
import type { File, FileLock, FileSystem, OpenMode } from '@varve/storage'
import type { MisuseRecord } from './misuse.ts'

export class JobFiles implements FileSystem {
  readonly #files: FileSystem
  readonly #misuse: MisuseRecord

  constructor(files: FileSystem, misuse: MisuseRecord) {
    this.#files = files
    this.#misuse = misuse
  }

  openSync(path: string, mode: OpenMode): File {
    this.#misuse.check(mode !== 'update', `a job opens ${path} to change it`)
    return this.#files.openSync(path, mode)
  }

  open(path: string, mode: OpenMode): Promise<File> {
    this.#misuse.check(mode !== 'update', `a job opens ${path} to change it`)
    return this.#files.open(path, mode)
  }

  list(directory: string): Promise<string[]> {
    return this.#files.list(directory)
  }

  kindOf(path: string): Promise<'file' | 'directory' | 'other' | 'missing'> {
    return this.#files.kindOf(path)
  }

  sizeOf(path: string): Promise<number> {
    return this.#files.sizeOf(path)
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#refuse(`makes ${directory}`)
  }

  rename(from: string): Promise<void> {
    return this.#refuse(`renames ${from}`)
  }

  link(from: string): Promise<void> {
    return this.#refuse(`links ${from}`)
  }

  copy(from: string): Promise<void> {
    return this.#refuse(`copies ${from}`)
  }

  remove(path: string): Promise<void> {
    return this.#refuse(`deletes ${path}`)
  }

  removeDirectory(directory: string): Promise<void> {
    return this.#refuse(`deletes ${directory}`)
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#files.syncDirectory(directory)
  }

  syncDirectorySync(directory: string): void {
    this.#files.syncDirectorySync(directory)
  }

  lock(path: string): Promise<FileLock | undefined> {
    return this.#refuse(`locks ${path}`)
  }

  #refuse(what: string): never {
    return this.#misuse.report(`a job ${what}, which is the main thread's alone`)
  }
}
