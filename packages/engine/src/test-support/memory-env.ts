/**
 * An Env in memory for tests of single parts: files without crashes, a clock and turns of the event loop that move when
 * the test says so, file operations that fail or wait on demand.
 */
import {
  IoError,
  type Clock,
  type Env,
  type File,
  type FileLock,
  type FileSystem,
  type OpenMode,
  type Random,
  type Scheduler,
} from '@varve/storage'
import { Deferred } from '../deferred.ts'

export type FileOperation = 'open' | 'read' | 'write' | 'dataSync' | 'syncDirectory'

/** Lets everything go on that waits for promises alone. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) {
    await Promise.resolve()
  }
}

export class MemoryEnv implements Env {
  readonly files: MemoryFiles = new MemoryFiles()
  readonly clock: Clock = { nowMs: () => this.timeMs }
  readonly random: Random = { uint32: () => (this.#word = (Math.imul(this.#word, 1664525) + 1013904223) >>> 0) }
  readonly scheduler: Scheduler = {
    immediate: (callback) => void this.#immediates.push(callback),
    after: (delayMs, callback) => {
      const timer = { atMs: this.timeMs + delayMs, callback }
      this.#timers.add(timer)
      return () => void this.#timers.delete(timer)
    },
    afterIdle: (delayMs, callback) => this.scheduler.after(delayMs, callback),
  }
  timeMs = 1000
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>()
  #immediates: (() => void)[] = []
  #word = 1

  get immediateCount(): number {
    return this.#immediates.length
  }

  get timerDelaysMs(): number[] {
    return [...this.#timers].map(({ atMs }) => atMs - this.timeMs)
  }

  /** One turn of the event loop, and whatever follows from it. */
  async turn(): Promise<void> {
    const immediates = this.#immediates
    this.#immediates = []
    for (const callback of immediates) {
      callback()
      await settle()
    }
  }

  /** Moves the clock, and fires what is due. */
  async pass(durationMs: number): Promise<void> {
    this.timeMs += durationMs
    for (const timer of this.#timers) {
      if (timer.atMs <= this.timeMs) {
        this.#timers.delete(timer)
        timer.callback()
      }
    }
    await settle()
  }
}

export class MemoryFiles implements FileSystem {
  /** Operations that change or make durable, in order. */
  readonly log: string[] = []
  openCount = 0
  readonly #contents = new Map<string, Content>()
  readonly #faults = new Map<FileOperation, number>()
  #gate: Promise<void> | undefined
  #gated: FileOperation | undefined

  set(path: string, bytes: Uint8Array): void {
    this.#contents.set(path, { bytes: Buffer.from(bytes) })
  }

  bytesOf(path: string): Buffer {
    return this.#contentOf(path).bytes
  }

  /** The operation fails from its `skipCount + 1`-th call on, until `heal`. */
  fail(operation: FileOperation, skipCount = 0): void {
    this.#faults.set(operation, skipCount)
  }

  heal(): void {
    this.#faults.clear()
  }

  /** Asynchronous operations of one kind wait until the returned function is called. */
  hold(operation: FileOperation): () => void {
    const { promise, resolve } = new Deferred()
    this.#gated = operation
    this.#gate = promise
    return () => {
      if (this.#gate === promise) {
        this.#gated = undefined
      }
      resolve()
    }
  }

  /** Called by files. */
  begin(operation: FileOperation, path: string): void {
    const skipCount = this.#faults.get(operation)
    if (skipCount === 0) {
      throw new IoError(operation, path, Object.assign(new Error('EIO'), { code: 'EIO' }))
    }
    if (skipCount !== undefined) {
      this.#faults.set(operation, skipCount - 1)
    }
  }

  /** Called by files. */
  async beginAsync(operation: FileOperation, path: string): Promise<void> {
    if (this.#gated === operation) {
      await this.#gate
    }
    this.begin(operation, path)
  }

  openSync(path: string, mode: OpenMode): File {
    this.begin('open', path)
    if (mode === 'create') {
      if (this.#contents.has(path)) {
        throw new IoError('opening', path, Object.assign(new Error('EEXIST'), { code: 'EEXIST' }))
      }
      this.log.push(`create ${path}`)
      this.#contents.set(path, { bytes: Buffer.alloc(0) })
    }
    const file = new MemoryFile(this, path, this.#contentOf(path))
    this.openCount++
    return file
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    if (this.#gated === 'open') {
      await this.#gate
    }
    return this.openSync(path, mode)
  }

  async list(): Promise<string[]> {
    return [...this.#contents.keys()]
  }

  async kindOf(path: string): Promise<'file' | 'missing'> {
    return this.#contents.has(path) ? 'file' : 'missing'
  }

  async sizeOf(path: string): Promise<number> {
    return this.#contentOf(path).bytes.length
  }

  async makeDirectory(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    this.#contents.set(to, this.#contentOf(from))
    this.#contents.delete(from)
  }

  async link(from: string, to: string): Promise<void> {
    this.#checkMissing('linking', to)
    this.#contents.set(to, this.#contentOf(from))
  }

  async copy(from: string, to: string): Promise<void> {
    this.#checkMissing('copying', to)
    this.set(to, this.#contentOf(from).bytes)
  }

  async remove(path: string): Promise<void> {
    this.#contentOf(path)
    this.#contents.delete(path)
  }

  async removeDirectory(): Promise<void> {}

  async syncDirectory(directory: string): Promise<void> {
    await this.beginAsync('syncDirectory', directory)
    this.log.push(`sync directory ${directory}`)
  }

  syncDirectorySync(directory: string): void {
    this.begin('syncDirectory', directory)
    this.log.push(`sync directory ${directory}`)
  }

  async lock(): Promise<FileLock | undefined> {
    return { release: async () => {} }
  }

  #checkMissing(operation: string, path: string): void {
    if (this.#contents.has(path)) {
      throw new IoError(operation, path, Object.assign(new Error('EEXIST'), { code: 'EEXIST' }))
    }
  }

  #contentOf(path: string): Content {
    const content = this.#contents.get(path)
    if (content === undefined) {
      throw new IoError('opening', path, Object.assign(new Error('ENOENT'), { code: 'ENOENT' }))
    }
    return content
  }
}

interface Content {
  bytes: Buffer
}

class MemoryFile implements File {
  readonly path: string
  readonly #files: MemoryFiles
  readonly #content: Content
  #isOpen = true

  constructor(files: MemoryFiles, path: string, content: Content) {
    this.#files = files
    this.path = path
    this.#content = content
  }

  sizeSync(): number {
    return this.#content.bytes.length
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    this.#files.begin('read', this.path)
    return this.#read(into, offset, length, position)
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await this.#files.beginAsync('read', this.path)
    return this.#read(into, offset, length, position)
  }

  writeSync(from: Uint8Array, offset: number, length: number, position: number): number {
    this.#files.begin('write', this.path)
    return this.#write(from, offset, length, position)
  }

  async write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await this.#files.beginAsync('write', this.path)
    return this.#write(from, offset, length, position)
  }

  async dataSync(): Promise<void> {
    this.#files.log.push(`sync ${this.path} at ${this.sizeSync()}`)
    await this.#files.beginAsync('dataSync', this.path)
    this.#files.log.push(`synced ${this.path}`)
  }

  dataSyncSync(): void {
    this.#files.begin('dataSync', this.path)
  }

  async truncate(length: number): Promise<void> {
    this.#content.bytes = this.#content.bytes.subarray(0, length)
  }

  async close(): Promise<void> {
    this.closeSync()
  }

  closeSync(): void {
    this.#checkOpen()
    this.#isOpen = false
    this.#files.openCount--
    this.#files.log.push(`close ${this.path}`)
  }

  #read(into: Uint8Array, offset: number, length: number, position: number): number {
    this.#checkOpen()
    return this.#content.bytes.copy(into, offset, position, Math.min(position + length, this.#content.bytes.length))
  }

  #write(from: Uint8Array, offset: number, length: number, position: number): number {
    this.#checkOpen()
    const { bytes } = this.#content
    if (position + length > bytes.length) {
      this.#content.bytes = Buffer.concat([bytes, Buffer.alloc(position + length - bytes.length)])
    }
    this.#content.bytes.set(from.subarray(offset, offset + length), position)
    this.#files.log.push(`write ${this.path} ${position}+${length}`)
    return length
  }

  #checkOpen(): void {
    if (!this.#isOpen) {
      throw new Error(`${this.path} is used after it was closed`)
    }
  }
}
