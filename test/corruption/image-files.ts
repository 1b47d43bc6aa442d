/**
 * A store's files in memory, made from an image that stays as it is: a copy costs nothing, so that a store can be
 * damaged and opened thousands of times. Watches what is asked of it: a read of more than the file holds, and more
 * operations than any sound use takes, are failures of the test.
 */
import path from 'node:path'
import { IoError, createNodeEnv } from '@varve/storage'
import type { Env, File, FileLock, FileSystem, OpenMode } from '@varve/storage'

/** Bytes by the path of the file. */
export type Image = ReadonlyMap<string, Uint8Array>

/** Scans read ahead, and the first read of a table is larger than a small table. */
const READ_SIZE_BYTES_MIN = 256 * 1024
const OPERATION_COUNT_MAX = 100_000

export interface ImageEnv extends Env {
  readonly files: ImageFiles
}

export function imageEnv(image: Image = new Map()): ImageEnv {
  return { ...createNodeEnv(), files: new ImageFiles(image) }
}

interface Content {
  bytes: Uint8Array
  sizeBytes: number
}

export class ImageFiles implements FileSystem {
  readonly #contents = new Map<string, Content>()
  readonly #directories = new Set<string>(['/'])
  readonly #locked = new Set<string>()
  #operationCount = 0
  #changesLeft = Infinity

  constructor(image: Image) {
    for (const [file, bytes] of image) {
      this.#directories.add(path.dirname(file))
      this.#contents.set(file, { bytes, sizeBytes: bytes.length })
    }
  }

  /** What the files hold now. Writing goes on in bytes of its own. */
  toImage(): Map<string, Uint8Array> {
    return new Map([...this.#contents].map(([file, { bytes, sizeBytes }]) => [file, bytes.slice(0, sizeBytes)]))
  }

  openSync(file: string, mode: OpenMode): File {
    this.count()
    if (mode === 'create') {
      this.change(file)
      if (this.#contents.has(file)) {
        throw systemError('opening', file, 'EEXIST')
      }
      this.#contents.set(file, { bytes: new Uint8Array(256), sizeBytes: 0 })
    }
    return new ImageFile(this, file, this.#contentOf('opening', file))
  }

  async open(file: string, mode: OpenMode): Promise<File> {
    return this.openSync(file, mode)
  }

  async list(directory: string): Promise<string[]> {
    this.count()
    if (!this.#directories.has(directory)) {
      throw systemError('listing', directory, 'ENOENT')
    }
    return [...this.#contents.keys(), ...this.#directories]
      .filter((name) => name !== directory && path.dirname(name) === directory)
      .map((name) => path.basename(name))
  }

  async kindOf(file: string): Promise<'file' | 'directory' | 'missing'> {
    return this.#contents.has(file) ? 'file' : this.#directories.has(file) ? 'directory' : 'missing'
  }

  async sizeOf(file: string): Promise<number> {
    return this.#contentOf('looking at', file).sizeBytes
  }

  async makeDirectory(directory: string): Promise<void> {
    this.change(directory)
    for (let each = directory; !this.#directories.has(each); each = path.dirname(each)) {
      this.#directories.add(each)
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.change(from)
    this.#contents.set(to, this.#contentOf('renaming', from))
    this.#contents.delete(from)
  }

  async link(from: string, to: string): Promise<void> {
    await this.copy(from, to)
  }

  async copy(from: string, to: string): Promise<void> {
    this.count()
    const { bytes, sizeBytes } = this.#contentOf('copying', from)
    if (this.#contents.has(to)) {
      throw systemError('copying', to, 'EEXIST')
    }
    this.#contents.set(to, { bytes, sizeBytes })
  }

  async remove(file: string): Promise<void> {
    this.change(file)
    this.#contentOf('removing', file)
    this.#contents.delete(file)
  }

  async removeDirectory(directory: string): Promise<void> {
    this.#directories.delete(directory)
  }

  async syncDirectory(): Promise<void> {}

  syncDirectorySync(): void {}

  async lock(file: string): Promise<FileLock | undefined> {
    if (this.#locked.has(file)) {
      return undefined
    }
    this.#locked.add(file)
    this.#contents.set(file, { bytes: Buffer.from('1\n'), sizeBytes: 2 })
    return {
      release: async () => {
        this.#locked.delete(file)
      },
    }
  }

  /** After so many changes more, every further one fails: what is there then is what a crash leaves. */
  failAfter(changeCount: number): void {
    this.#changesLeft = changeCount
  }

  /** Called for each operation that changes something. */
  change(file: string): void {
    this.count()
    if (--this.#changesLeft < 0) {
      throw systemError('changing', file, 'EIO')
    }
  }

  /** Called for each operation. */
  count(): void {
    if (++this.#operationCount > OPERATION_COUNT_MAX) {
      throw new Error(`more than ${OPERATION_COUNT_MAX} file operations: something goes round in circles`)
    }
  }

  #contentOf(operation: string, file: string): Content {
    const content = this.#contents.get(file)
    if (content === undefined) {
      throw systemError(operation, file, 'ENOENT')
    }
    return content
  }
}

class ImageFile implements File {
  readonly path: string
  readonly #files: ImageFiles
  readonly #content: Content
  /** Whether the bytes are this run's own, not the image's. */
  #isOwn = false

  constructor(files: ImageFiles, file: string, content: Content) {
    this.#files = files
    this.path = file
    this.#content = content
  }

  sizeSync(): number {
    return this.#content.sizeBytes
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    this.#files.count()
    const { bytes, sizeBytes } = this.#content
    if (length > Math.max(sizeBytes, READ_SIZE_BYTES_MIN)) {
      throw new Error(`a read of ${length} bytes of ${this.path}, which has ${sizeBytes}`)
    }
    const count = Math.max(0, Math.min(length, sizeBytes - position))
    into.set(bytes.subarray(position, position + count), offset)
    return count
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.readSync(into, offset, length, position)
  }

  writeSync(from: Uint8Array, offset: number, length: number, position: number): number {
    this.#files.change(this.path)
    const content = this.#content
    const end = position + length
    if (!this.#isOwn || end > content.bytes.length) {
      const larger = new Uint8Array(Math.max(end, content.bytes.length) * 2)
      larger.set(content.bytes.subarray(0, content.sizeBytes))
      content.bytes = larger
      this.#isOwn = true
    }
    content.bytes.set(from.subarray(offset, offset + length), position)
    content.sizeBytes = Math.max(content.sizeBytes, end)
    return length
  }

  async write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.writeSync(from, offset, length, position)
  }

  async dataSync(): Promise<void> {
    this.#files.count()
  }

  dataSyncSync(): void {
    this.#files.count()
  }

  async truncate(length: number): Promise<void> {
    this.#content.sizeBytes = Math.min(length, this.#content.sizeBytes)
  }

  async close(): Promise<void> {}

  closeSync(): void {}
}

function systemError(operation: string, file: string, code: string): IoError {
  return new IoError(operation, file, Object.assign(new Error(code), { code }))
}
