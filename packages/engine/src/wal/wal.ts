/**
 * The main thread's hold on one write-ahead log file: made ahead of its memtable, appended to while that is active,
 * deleted when its memtable's table is in the manifest.
 *
 *     creating -> ready -> (failed) -> closed
 *
 * A file on which a write or an fdatasync failed is never written to again, and no later fdatasync on it is believed.
 */
import { join } from 'node:path'
import {
  WAL_HEADER_SIZE_BYTES,
  assert,
  putWalHeader,
  walFileName,
  writeFully,
  writeFullySync,
  ClosedError,
  toVarveError,
  type Env,
  type File,
  type FileNumber,
  type VarveError,
  type WalHeader,
} from '@varve/storage'

export class Wal {
  readonly number: FileNumber
  readonly path: string
  readonly header: WalHeader
  /** Resolves when groups may be written: the header is written and the directory entry durable. Never rejects. */
  readonly ready: Promise<void>
  #file: File | undefined
  #failure: VarveError | undefined
  #isReady = false
  #writtenOffset = WAL_HEADER_SIZE_BYTES
  #syncedOffset = 0
  /** Operations on the descriptor that are in flight; it must not be closed under them. */
  #inFlight = 0
  #whenIdle: (() => void) | undefined

  constructor(env: Env, directory: string, number: FileNumber) {
    this.number = number
    this.path = join(directory, walFileName(number))
    this.header = { number, salt: env.random.uint32() }
    this.ready = this.#create(env, directory)
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Why the file must not be used any more, or `undefined`. */
  get failure(): VarveError | undefined {
    return this.#failure
  }

  get writtenOffset(): number {
    return this.#writtenOffset
  }

  get syncedOffset(): number {
    return this.#syncedOffset
  }

  /** Whether it holds groups that an fdatasync has not yet made durable. */
  get hasUnsynced(): boolean {
    return this.#writtenOffset > WAL_HEADER_SIZE_BYTES && this.#syncedOffset < this.#writtenOffset
  }

  /** Appends what stands in the arena from the written offset up to `endOffset`. */
  appendSync(arena: Uint8Array, endOffset: number): void {
    const file = this.#usableFile()
    try {
      writeFullySync(file, arena, this.#writtenOffset, endOffset - this.#writtenOffset, this.#writtenOffset)
    } catch (error) {
      this.#failure = toVarveError(error)
      throw error
    }
    this.#writtenOffset = endOffset
  }

  /** The same without holding up the thread, in slices of at most `sliceSizeBytes`. */
  async append(arena: Uint8Array, endOffset: number, sliceSizeBytes: number): Promise<void> {
    const file = this.#usableFile()
    await this.#using(async () => {
      for (let offset = this.#writtenOffset; offset < endOffset; offset += sliceSizeBytes) {
        await writeFully(file, arena, offset, Math.min(sliceSizeBytes, endOffset - offset), offset)
      }
    })
    this.#writtenOffset = endOffset
  }

  /** Makes durable what has been written when it is called. */
  async sync(): Promise<void> {
    const file = this.#usableFile()
    const offset = this.#writtenOffset
    await this.#using(() => file.dataSync())
    this.#syncedOffset = Math.max(this.#syncedOffset, offset)
  }

  /** Closes the file once nothing is in flight on it. Idempotent. */
  async close(): Promise<void> {
    await this.ready
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    const file = this.#file
    this.#file = undefined
    this.#failure ??= new ClosedError('the log is closed')
    await file?.close()
  }

  async #create(env: Env, directory: string): Promise<void> {
    try {
      const header = new Uint8Array(WAL_HEADER_SIZE_BYTES)
      putWalHeader(header, this.header)
      const file = await env.files.open(this.path, 'create')
      this.#file = file
      await writeFully(file, header, 0, header.length, 0)
      // Durable before the first group: a header that is not whole in front of groups is then damage, never a torn tail.
      await file.dataSync()
      await env.files.syncDirectory(directory)
      this.#isReady = true
    } catch (error) {
      this.#failure = toVarveError(error)
    }
  }

  #usableFile(): File {
    assert(this.#isReady && this.#failure === undefined && this.#file !== undefined, 'the log is in use')
    return this.#file
  }

  async #using(run: () => Promise<void>): Promise<void> {
    this.#inFlight++
    try {
      await run()
    } catch (error) {
      this.#failure ??= toVarveError(error)
      throw error
    } finally {
      this.#inFlight--
      if (this.#inFlight === 0) {
        this.#whenIdle?.()
      }
    }
  }
}
