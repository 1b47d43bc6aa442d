/** A file system in memory, for tests that need names and bytes: no crashes, one directory, what is done is logged. */
import type { File, FileLock, FileSystem, OpenMode } from '../env/env.ts'
import { IoError } from '../errors.ts'
import { MemoryFile } from '../table/test-support/memory-file.ts'

export class MemoryFiles implements FileSystem {
  /** What changed the disk or made it durable, in order. */
  readonly log: string[] = []
  readonly #files = new Map<string, MemoryFile>()

  set(path: string, bytes: Uint8Array): void {
    this.#files.set(path, new LoggedFile(path, bytes.slice(), this.log))
  }

  bytesOf(path: string): Uint8Array {
    return this.#find('reading', path).toBytes()
  }

  openSync(path: string, mode: OpenMode): File {
    if (mode === 'create') {
      if (this.#files.has(path)) {
        throw failure('opening', path, 'EEXIST')
      }
      this.log.push(`create ${path}`)
      this.#files.set(path, new LoggedFile(path, new Uint8Array(0), this.log))
    }
    return this.#find('opening', path)
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    return this.openSync(path, mode)
  }

  async list(): Promise<string[]> {
    return [...this.#files.keys()]
  }

  async kindOf(path: string): Promise<'file' | 'missing'> {
    return this.#files.has(path) ? 'file' : 'missing'
  }

  async sizeOf(path: string): Promise<number> {
    return this.#find('looking at', path).sizeSync()
  }

  async makeDirectory(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    this.log.push(`rename ${from} ${to}`)
    this.#files.set(to, this.#find('renaming', from))
    this.#files.delete(from)
  }

  async link(from: string, to: string): Promise<void> {
    this.#checkMissing('linking', to)
    this.log.push(`link ${from} ${to}`)
    this.#files.set(to, this.#find('linking', from))
  }

  async copy(from: string, to: string): Promise<void> {
    this.#checkMissing('copying', to)
    this.log.push(`copy ${from} ${to}`)
    this.set(to, this.#find('copying', from).toBytes())
  }

  async remove(path: string): Promise<void> {
    this.#find('removing', path)
    this.log.push(`remove ${path}`)
    this.#files.delete(path)
  }

  async removeDirectory(): Promise<void> {}

  async syncDirectory(directory: string): Promise<void> {
    this.syncDirectorySync(directory)
  }

  syncDirectorySync(directory: string): void {
    this.log.push(`sync directory ${directory}`)
  }

  async lock(): Promise<FileLock | undefined> {
    return { release: async () => {} }
  }

  #checkMissing(operation: string, path: string): void {
    if (this.#files.has(path)) {
      throw failure(operation, path, 'EEXIST')
    }
  }

  #find(operation: string, path: string): MemoryFile {
    const file = this.#files.get(path)
    if (file === undefined) {
      throw failure(operation, path, 'ENOENT')
    }
    return file
  }
}

class LoggedFile extends MemoryFile {
  readonly #log: string[]

  constructor(path: string, bytes: Uint8Array, log: string[]) {
    super(path, bytes)
    this.#log = log
  }

  override async write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    this.#log.push(`write ${this.path}`)
    return this.writeSync(from, offset, length, position)
  }

  override async dataSync(): Promise<void> {
    this.#log.push(`sync ${this.path}`)
  }

  override async close(): Promise<void> {
    this.#log.push(`close ${this.path}`)
  }
}

function failure(operation: string, path: string, code: string): IoError {
  return new IoError(operation, path, Object.assign(new Error(code), { code }))
}
