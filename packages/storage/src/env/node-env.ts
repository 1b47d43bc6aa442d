/**
 * The real Env: Node's file system, clock, event loop and randomness. The only place of the store that touches them.
 * Files are private to the user (0600, directories 0700).
 */
import fs from 'node:fs'
import { randomFillSync } from 'node:crypto'
import { CorruptionError, IoError, isNotFound } from '../errors.ts'
import type { Env, File, FileLock, FileSystem, OpenMode } from './env.ts'

const NS_PER_MS = 1e6
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** No symbolic link is followed, and a pipe in the place of a file does not keep the caller waiting. Windows has neither. */
const CAREFUL = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0) | (fs.constants.O_NOCTTY ?? 0)

const OPEN_FLAGS: Record<OpenMode, number> = {
  read: fs.constants.O_RDONLY | CAREFUL,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL | CAREFUL,
  update: fs.constants.O_RDWR | CAREFUL,
}
const LOCK_FLAGS = fs.constants.O_RDWR | fs.constants.O_CREAT | CAREFUL

export function createNodeEnv(): Env {
  const randomWord = new Uint32Array(1)
  // The zero of `performance.now` is the start of the thread; what it counts is what `hrtime` counts.
  const startedMs = Number(process.hrtime.bigint()) / NS_PER_MS - performance.now()
  return {
    files: new NodeFileSystem(),
    clock: { nowMs: () => performance.now() + startedMs },
    scheduler: {
      immediate: (callback) => void setImmediate(callback),
      after: (delayMs, callback) => {
        const timer = setTimeout(callback, delayMs)
        return () => clearTimeout(timer)
      },
      afterIdle: (delayMs, callback) => {
        const timer = setTimeout(callback, delayMs).unref()
        return () => clearTimeout(timer)
      },
    },
    random: { uint32: () => randomFillSync(randomWord)[0] ?? 0 },
  }
}

class NodeFileSystem implements FileSystem {
  openSync(path: string, mode: OpenMode): File {
    try {
      const descriptor = attempt('opening', path, () => fs.openSync(path, OPEN_FLAGS[mode], FILE_MODE))
      return new NodeFile(path, checkedFile(path, descriptor))
    } catch (error) {
      throw asLink(path, error)
    }
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    return new NodeFile(path, await openChecked(path, OPEN_FLAGS[mode]))
  }

  async list(directory: string): Promise<string[]> {
    return await call<string[]>('listing', directory, (done) => fs.readdir(directory, done))
  }

  async kindOf(path: string): Promise<'file' | 'directory' | 'other' | 'missing'> {
    try {
      const stats = await call<fs.Stats>('looking at', path, (done) => fs.lstat(path, done))
      return stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other'
    } catch (error) {
      if (error instanceof IoError && (error.systemCode === 'ENOENT' || error.systemCode === 'ENOTDIR')) {
        return 'missing'
      }
      throw error
    }
  }

  async sizeOf(path: string): Promise<number> {
    return (await call<fs.Stats>('looking at', path, (done) => fs.lstat(path, done))).size
  }

  async makeDirectory(directory: string): Promise<void> {
    await call('making', directory, (done) =>
      fs.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE }, (error) => done(error, undefined)),
    )
  }

  async rename(from: string, to: string): Promise<void> {
    await call('renaming', from, (done) => fs.rename(from, to, done))
  }

  async link(from: string, to: string): Promise<void> {
    await call('linking', to, (done) => fs.link(from, to, done))
  }

  async copy(from: string, to: string): Promise<void> {
    // Where the file system can share the blocks until one of the files is written, nothing is copied at all.
    const mode = fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE
    await call('copying', to, (done) => fs.copyFile(from, to, mode, done))
  }

  async remove(path: string): Promise<void> {
    await call('removing', path, (done) => fs.unlink(path, done))
  }

  async removeDirectory(directory: string): Promise<void> {
    await call('removing', directory, (done) => fs.rmdir(directory, done))
  }

  async syncDirectory(directory: string): Promise<void> {
    if (process.platform === 'win32') {
      return
    }
    const descriptor = await call<number>('opening', directory, (done) => fs.open(directory, 'r', done))
    try {
      await call('syncing', directory, (done) => fs.fsync(descriptor, done))
    } finally {
      await call('closing', directory, (done) => fs.close(descriptor, done))
    }
  }

  syncDirectorySync(directory: string): void {
    if (process.platform === 'win32') {
      return
    }
    attempt('syncing', directory, () => {
      const descriptor = fs.openSync(directory, 'r')
      try {
        fs.fsyncSync(descriptor)
      } finally {
        fs.closeSync(descriptor)
      }
    })
  }

  async lock(path: string): Promise<FileLock | undefined> {
    // It takes as long to load as all of ours. Threads that run jobs lock nothing.
    const { tryLock } = await import('fs-native-extensions')
    const descriptor = await openChecked(path, LOCK_FLAGS)
    let locked = false
    try {
      // Whoever destroys the store may have deleted the file since it was opened: that one locks nobody out.
      locked = attempt('locking', path, () => tryLock(descriptor)) && (await isFileAt(path, descriptor))
      if (locked) {
        const owner = Buffer.from(`${process.pid}\n`)
        await call('writing', path, (done) => fs.ftruncate(descriptor, 0, done))
        await call('writing', path, (done) =>
          fs.write(descriptor, owner, 0, owner.length, 0, (error) => done(error, undefined)),
        )
      }
    } catch (error) {
      fs.closeSync(descriptor)
      throw error
    }
    if (!locked) {
      fs.closeSync(descriptor)
      return undefined
    }
    // Closing the descriptor is what releases the lock: there is no moment at which it is open and free.
    return { release: async () => await call('closing', path, (done) => fs.close(descriptor, done)) }
  }
}

class NodeFile implements File {
  readonly path: string
  readonly #descriptor: number

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  sizeSync(): number {
    try {
      return fs.fstatSync(this.#descriptor).size
    } catch (error) {
      throw new IoError('looking at', this.path, error)
    }
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return fs.readSync(this.#descriptor, into, offset, length, position)
    } catch (error) {
      throw new IoError('reading', this.path, error)
    }
  }

  read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return call('reading', this.path, (done) => fs.read(this.#descriptor, into, offset, length, position, done))
  }

  writeSync(from: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return fs.writeSync(this.#descriptor, from, offset, length, position)
    } catch (error) {
      throw new IoError('writing', this.path, error)
    }
  }

  write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return call('writing', this.path, (done) => fs.write(this.#descriptor, from, offset, length, position, done))
  }

  dataSync(): Promise<void> {
    return call('syncing', this.path, (done) => fs.fdatasync(this.#descriptor, done))
  }

  dataSyncSync(): void {
    attempt('syncing', this.path, () => fs.fdatasyncSync(this.#descriptor))
  }

  truncate(length: number): Promise<void> {
    return call('truncating', this.path, (done) => fs.ftruncate(this.#descriptor, length, done))
  }

  close(): Promise<void> {
    return call('closing', this.path, (done) => fs.close(this.#descriptor, done))
  }

  closeSync(): void {
    attempt('closing', this.path, () => fs.closeSync(this.#descriptor))
  }
}

/** Whether the open file is the one that stands at `path` now. */
async function isFileAt(path: string, descriptor: number): Promise<boolean> {
  try {
    const there = await call<fs.Stats>('looking at', path, (done) => fs.lstat(path, done))
    return there.ino === fs.fstatSync(descriptor).ino
  } catch (error) {
    if (isNotFound(error)) {
      return false
    }
    throw error
  }
}

async function openChecked(path: string, flags: number): Promise<number> {
  try {
    return checkedFile(path, await call<number>('opening', path, (done) => fs.open(path, flags, FILE_MODE, done)))
  } catch (error) {
    throw asLink(path, error)
  }
}

/** Nothing but a regular file is a store's: what is read from a device or a pipe could be anything, and without end. */
function checkedFile(path: string, descriptor: number): number {
  try {
    if (attempt('looking at', path, () => fs.fstatSync(descriptor)).isFile()) {
      return descriptor
    }
  } catch (error) {
    fs.closeSync(descriptor)
    throw error
  }
  fs.closeSync(descriptor)
  throw new CorruptionError(path, 0, 'it is no regular file, as all files of a store are')
}

/** What the system says of a link that it does not follow. */
function asLink(path: string, error: unknown): unknown {
  return error instanceof IoError && error.systemCode === 'ELOOP'
    ? new CorruptionError(path, 0, 'it is a symbolic link, which no file of a store is', { cause: error })
    : error
}

function attempt<T>(operation: string, path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new IoError(operation, path, error)
  }
}

/** Callbacks instead of `fs.promises`: fewer objects an operation, and no FileHandle that closes itself when collected. */
function call<T = void>(
  operation: string,
  path: string,
  start: (done: (error?: Error | null, result?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (!error) {
        resolve(result as T)
      } else {
        reject(new IoError(operation, path, error))
      }
    })
  })
}
