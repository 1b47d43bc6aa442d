/** The file system that a process sees: calls on a `SimulatedDisk`. */
import { LOCK_FILE_NAME, parseFileName, type File, type FileLock, type FileSystem, type OpenMode } from '@varve/storage'
import { DirectoryContent } from './directory-content.ts'
import { SystemError, type SimulatedDisk } from './disk.ts'
import { FileContent } from './file-content.ts'
import { SimulatedFile } from './simulated-file.ts'
import type { SystemCalls } from './system-calls.ts'

export class SimulatedFiles implements FileSystem {
  readonly #calls: SystemCalls
  readonly #disk: SimulatedDisk
  readonly #locked = new Set<string>()
  /** Numbered files that were made since the lock was taken: no number is used twice while a store is open. */
  readonly #made = new Set<string>()

  constructor(calls: SystemCalls) {
    this.#calls = calls
    this.#disk = calls.disk
  }

  openSync(path: string, mode: OpenMode): File {
    const kind = mode === 'create' ? 'create' : 'open'
    const content = this.#calls.call({ kind, path }, () => this.#find(path, mode))
    return new SimulatedFile(this.#calls, path, mode, content)
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    const kind = mode === 'create' ? 'create' : 'open'
    const content = await this.#calls.callLater({ kind, path }, () => this.#find(path, mode))
    return new SimulatedFile(this.#calls, path, mode, content)
  }

  list(directory: string): Promise<string[]> {
    return this.#calls.callLater({ kind: 'list', path: directory }, () =>
      this.#calls.shuffled(this.#disk.findDirectory(directory).names),
    )
  }

  kindOf(path: string): Promise<'file' | 'directory' | 'other' | 'missing'> {
    return this.#calls.callLater({ kind: 'look', path }, () => {
      const node = this.#disk.find(path)
      return node === undefined ? 'missing' : node instanceof DirectoryContent ? 'directory' : 'file'
    })
  }

  sizeOf(path: string): Promise<number> {
    return this.#calls.callLater({ kind: 'look', path }, () => this.#disk.findFile(path).sizeBytes)
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#calls.callLater({ kind: 'makeDirectory', path: directory }, () => this.#disk.makeDirectory(directory))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#calls.callLater({ kind: 'rename', path: from, to }, () => this.#disk.rename(from, to))
  }

  link(from: string, to: string): Promise<void> {
    return this.#calls.callLater({ kind: 'link', path: from, to }, () => this.#disk.link(from, to))
  }

  copy(from: string, to: string): Promise<void> {
    return this.#calls.callLater({ kind: 'copy', path: from, to }, () => this.#disk.copyFile(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#calls.callLater({ kind: 'remove', path }, () => this.#disk.removeFile(path))
  }

  removeDirectory(directory: string): Promise<void> {
    return this.#calls.callLater({ kind: 'removeDirectory', path: directory }, () =>
      this.#disk.removeDirectory(directory),
    )
  }

  syncDirectory(directory: string): Promise<void> {
    const node = this.#disk.find(directory)
    const mark = node instanceof DirectoryContent ? node.mark() : 0
    return this.#calls.callLater({ kind: 'syncDirectory', path: directory }, (effect) =>
      this.#disk.findDirectory(directory).settle(mark, effect === 'dropped' ? 'dropped' : 'synced'),
    )
  }

  syncDirectorySync(directory: string): void {
    this.#calls.call({ kind: 'syncDirectory', path: directory }, (effect) => {
      const node = this.#disk.findDirectory(directory)
      node.settle(node.mark(), effect === 'dropped' ? 'dropped' : 'synced')
    })
  }

  lock(path: string): Promise<FileLock | undefined> {
    return this.#calls
      .callLater({ kind: 'lock', path }, () => {
        if (this.#locked.has(path)) {
          return undefined
        }
        const file = this.#disk.find(path) ?? this.#disk.createFile(path)
        if (!(file instanceof FileContent)) {
          throw new SystemError('EISDIR')
        }
        file.truncate(this.#disk.nextSerial(), 0)
        file.write(this.#disk.nextSerial(), 0, Buffer.from('1\n'))
        return file
      })
      .then((file) => {
        if (file === undefined) {
          return undefined
        }
        this.#locked.add(path)
        return { release: () => this.#release(path) }
      })
  }

  #find(path: string, mode: OpenMode): FileContent {
    if (mode !== 'create') {
      return this.#disk.findFile(path)
    }
    const { misuse } = this.#calls
    const name = path.slice(path.lastIndexOf('/') + 1)
    misuse.check(name !== LOCK_FILE_NAME, `${path} is for the lock alone`)
    misuse.check(!this.#made.has(path), `${path} is made a second time`)
    if (this.#disk.freeBytes() <= 0) {
      throw new SystemError('ENOSPC')
    }
    const content = this.#disk.createFile(path)
    if (parseFileName(name) !== undefined) {
      this.#made.add(path)
    }
    return content
  }

  /** As the system does: also if closing the descriptor fails. */
  #release(path: string): Promise<void> {
    return this.#calls
      .callLater({ kind: 'close', path }, () => undefined)
      .finally(() => {
        this.#locked.delete(path)
        this.#made.clear()
      })
  }
}
