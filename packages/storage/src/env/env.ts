/**
 * The outside world, as the engine sees it: files, time, turns of the event loop, chance. Everything that could differ
 * between two runs comes through here, so that a run on a simulated Env replays from its seed.
 * Every failure of a file operation is an `IoError`; where a link or anything else than a regular file stands in the place
 * of one, opening it is a `CorruptionError`.
 */

export interface Env {
  readonly files: FileSystem
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
}

export interface Clock {
  /** Milliseconds on a clock that never goes back, with fractions; the same one for all threads of a process. */
  nowMs(): number
}

export interface Scheduler {
  /** Runs `callback` in the next turn of the event loop, after what input and output is ready. Holds the process. */
  immediate(callback: () => void): void
  /** Runs `callback` after at least `delayMs`; returns what cancels it. Holds the process until then. */
  after(delayMs: number, callback: () => void): () => void
  /** As `after`, but does not hold the process. */
  afterIdle(delayMs: number, callback: () => void): () => void
}

export interface Random {
  /** An unsigned 32-bit number. */
  uint32(): number
}

/**
 * - `read`: the file must exist.
 * - `create`: the file must not exist; reading and writing.
 * - `update`: the file must exist; reading and writing.
 */
export type OpenMode = 'read' | 'create' | 'update'

export interface FileSystem {
  openSync(path: string, mode: OpenMode): File
  open(path: string, mode: OpenMode): Promise<File>
  /** Names of a directory's entries, in no order. */
  list(directory: string): Promise<string[]>
  /** What stands at `path`; never follows a symbolic link. */
  kindOf(path: string): Promise<'file' | 'directory' | 'other' | 'missing'>
  sizeOf(path: string): Promise<number>
  /** Makes a directory and its missing parents, private to the user; an existing one is no error. */
  makeDirectory(directory: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /**
   * Gives a file a second name, at which nothing may stand yet. Not every file system can, and none to another one:
   * then it rejects with what the system says, and nothing has changed.
   */
  link(from: string, to: string): Promise<void>
  /** Copies a file's bytes to a name at which nothing may stand yet. The copy is not durable before it is synced. */
  copy(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Removes an empty directory. */
  removeDirectory(directory: string): Promise<void>
  /** Makes creations, renames and removals in a directory durable. Does nothing where the system has no such call. */
  syncDirectory(directory: string): Promise<void>
  syncDirectorySync(directory: string): void
  /**
   * Takes the lock file at `path`, creating it if need be, and writes this process's number into it.
   * The kernel lets go of it when the process dies. `undefined` means that somebody else has it.
   */
  lock(path: string): Promise<FileLock | undefined>
}

export interface FileLock {
  release(): Promise<void>
}

/** An open file. Reads and writes may be short; see `file-io.ts` for those that are not. */
export interface File {
  readonly path: string
  sizeSync(): number
  readSync(into: Uint8Array, offset: number, length: number, position: number): number
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<number>
  writeSync(from: Uint8Array, offset: number, length: number, position: number): number
  write(from: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** Makes the bytes written so far, and the length that covers them, survive a loss of power. */
  dataSync(): Promise<void>
  dataSyncSync(): void
  truncate(length: number): Promise<void>
  /** No operation may be in flight: the system would give its descriptor to another file. */
  close(): Promise<void>
  closeSync(): void
}
