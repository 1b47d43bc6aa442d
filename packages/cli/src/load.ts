/**
 * Puts many records with a bounded number of writes in flight. Puts are issued in the order of the records: the later of
 * two with the same key wins, and what a crash leaves is a beginning of the records, never a pattern of holes.
 */
import type { Store } from 'varve'

/** As many writers as this wait for the store at any time. */
export const writesInFlightMax = 64

/** Large records must not fill the memory either: 64 of 16 MiB would. */
const inFlightSizeBytesMax = 8 * 1024 * 1024

/** How long an aborted load waits for writes in flight. */
const patienceMs = 2000

export interface LoadRecord {
  readonly key: string | Uint8Array
  readonly value: string | Uint8Array
}

export interface LoadOptions {
  /** Whether each put waits until it is safe from a loss of power. */
  readonly sync: boolean
  readonly signal: AbortSignal
}

export interface LoadResult {
  readonly elapsedMs: number
  /** What ended it early, other than the signal: thrown by the store or by the records. */
  readonly failure: Error | undefined
}

export class Load {
  readonly #store: Store
  readonly #options: LoadOptions
  #recordCount = 0
  #sizeBytes = 0
  #inFlightCount = 0
  #inFlightSizeBytes = 0
  #failure: Error | undefined
  #wake: (() => void) | undefined
  #isPatienceOver = false

  constructor(store: Store, options: LoadOptions) {
    this.#store = store
    this.#options = options
  }

  /** Records that the store has acknowledged. */
  get recordCount(): number {
    return this.#recordCount
  }

  /** Their keys and values. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /**
   * Resolves when no write is in flight any more; never rejects. Once aborted it waits only a moment for them: writes may
   * stall for long, and closing the store commits or rejects what is left.
   */
  async run(records: AsyncIterable<LoadRecord> | Iterable<LoadRecord>): Promise<LoadResult> {
    const startMs = performance.now()
    const onAbort = (): void => this.#onAbort()
    this.#options.signal.addEventListener('abort', onAbort)
    try {
      for await (const record of records) {
        if (this.#isStopped) {
          break
        }
        const sizeBytes = Buffer.byteLength(record.key) + Buffer.byteLength(record.value)
        if (!this.#hasRoom(sizeBytes)) {
          await this.#until(() => this.#hasRoom(sizeBytes) || this.#isStopped)
          // Waiting may have taken long.
          if (this.#isStopped) {
            break
          }
        }
        this.#put(record, sizeBytes)
      }
    } catch (error) {
      this.#fail(error)
    }
    await this.#until(() => this.#inFlightCount === 0 || this.#isPatienceOver)
    this.#options.signal.removeEventListener('abort', onAbort)
    return { elapsedMs: performance.now() - startMs, failure: this.#failure }
  }

  get #isStopped(): boolean {
    return this.#options.signal.aborted || this.#failure !== undefined
  }

  #put(record: LoadRecord, sizeBytes: number): void {
    this.#inFlightCount++
    this.#inFlightSizeBytes += sizeBytes
    const settle = (): void => {
      this.#inFlightCount--
      this.#inFlightSizeBytes -= sizeBytes
      this.#wake?.()
    }
    this.#store.put(record.key, record.value, { sync: this.#options.sync }).then(
      () => {
        this.#recordCount++
        this.#sizeBytes += sizeBytes
        settle()
      },
      (error: unknown) => {
        this.#fail(error)
        settle()
      },
    )
  }

  #onAbort(): void {
    this.#wake?.()
    setTimeout(() => {
      this.#isPatienceOver = true
      this.#wake?.()
    }, patienceMs).unref()
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown instanceof Error ? thrown : new Error(String(thrown))
  }

  /** A single record may be larger than the bound, alone. */
  #hasRoom(sizeBytes: number): boolean {
    return (
      this.#inFlightCount === 0 ||
      (this.#inFlightCount < writesInFlightMax && this.#inFlightSizeBytes + sizeBytes <= inFlightSizeBytesMax)
    )
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
