/**
 * Opens an image and reads everything in every way: iterators in both directions, `get` and `getSync` of each key. Each
 * answer by itself is right, or an error with path and offset; anything else fails the test.
 */
import { CorruptionError, VarveError, open } from 'varve'
import type { RecoveryReport, Store } from 'varve'
import { createInlineExecutor } from '@varve/workers'
import type { JobExecutor, JobRequest, JobResult } from '@varve/workers'
import { createNodeEnv } from '@varve/storage'
import type { Env } from '@varve/storage'
import { ImageFiles } from './image-files.ts'
import type { Image } from './image-files.ts'
import { DIRECTORY, SMALL_OPTIONS } from './store-image.ts'
import type { State, StoreImage } from './store-image.ts'

export interface Reading {
  /** How many of the logged operations are there. */
  readonly stateIndex: number
  readonly errors: readonly VarveError[]
  /** `undefined` if the store could not be opened. */
  readonly report: RecoveryReport | undefined
}

const CODES = new Set(['VARVE_CORRUPTION', 'VARVE_UNSUPPORTED'])
/** Scans read everything; of the keys each reading gets some, one after the other all. */
const KEY_STRIDE = 5
const MISSING_KEYS = ['', 'kex', 'key-0005', 'key-150x', 'z']

/** One Env and one executor for all openings: an executor's buffers take longer to make than a small store to read. */
class ReadingEnv implements JobExecutor {
  readonly compactionCountMax: number = 1
  /** Readings so far. */
  count = 0
  readonly env: Env & { files: ImageFiles } = {
    ...createNodeEnv(),
    files: new ImageFiles(new Map()),
    // A store that took itself for idle on a slow machine would write the damaged table anew.
    scheduler: { ...createNodeEnv().scheduler, afterIdle: () => () => undefined },
  }
  readonly #inner: JobExecutor = createInlineExecutor(this.env)

  run(request: JobRequest): Promise<JobResult> {
    return this.#inner.run(request)
  }

  async close(): Promise<void> {
    await Promise.resolve()
  }
}

const readingEnv = new ReadingEnv()

/** @throws Error that says what was wrong; the message begins with `where` */
export async function readImage(
  { states }: Pick<StoreImage, 'states'>,
  damaged: Image,
  where: string,
  compact = false,
): Promise<Reading> {
  const { env } = readingEnv
  env.files = new ImageFiles(damaged)
  const reading = new StoreReading(states, where)
  let store: Store
  try {
    store = await open(DIRECTORY, { ...SMALL_OPTIONS, createIfMissing: false }, { env, executor: readingEnv })
  } catch (error) {
    reading.fail(error)
    return { stateIndex: -1, errors: reading.errors, report: undefined }
  }
  store.on('error', (error) => reading.fail(error))
  try {
    await reading.readAll(store)
    if (compact) {
      await store.compactRange().catch((error: unknown) => reading.fail(error))
      await reading.readAll(store)
    }
  } finally {
    await store.close()
  }
  return { stateIndex: reading.stateIndex, errors: reading.errors, report: store.recovery }
}

class StoreReading {
  readonly errors: VarveError[] = []
  /** Which state it is, as the first whole scan shows. */
  stateIndex: number
  readonly #states: readonly State[]
  readonly #where: string
  readonly #phase: number

  constructor(states: readonly State[], where: string) {
    this.#states = states
    this.#where = where
    this.#phase = readingEnv.count++ % KEY_STRIDE
    this.stateIndex = states.length - 1
  }

  fail(error: unknown): void {
    if (!(error instanceof VarveError)) {
      throw new Error(`${this.#where}: ${String(error)}`, { cause: error })
    }
    // A store that can only be read says so, and why.
    const cause = error.code === 'VARVE_READ_ONLY' && error.cause instanceof VarveError ? error.cause : error
    const isTyped =
      CODES.has(cause.code) &&
      (!(cause instanceof CorruptionError) || (cause.path.startsWith(DIRECTORY) && cause.offset >= 0))
    if (!isTyped) {
      throw new Error(`${this.#where}: ${cause.code} ${cause.message}`, { cause })
    }
    this.errors.push(cause)
  }

  async readAll(store: Store): Promise<void> {
    const forward = await this.#scan(store, false)
    if (forward !== undefined) {
      this.stateIndex = this.#states.findLastIndex((state) => isSame([...state], forward))
      if (this.stateIndex < 0) {
        throw new Error(`${this.#where}: read ${forward.length} entries, which no moment of the store had`)
      }
    }
    const state = this.#states[this.stateIndex] as State
    const reverse = await this.#scan(store, true)
    if (reverse !== undefined && !isSame([...state], reverse.toReversed())) {
      throw new Error(`${this.#where}: a scan in reverse differs`)
    }
    const keys = [...(this.#states.at(-1) as State).keys(), ...(this.#states[0] as State).keys(), ...MISSING_KEYS]
    for (let i = this.#phase; i < keys.length; i += KEY_STRIDE) {
      const key = keys[i] as string
      this.#check(key, state, () => store.getSync(key))
      if (i % 2 === 0) {
        const value = await store.get(key).catch((error: unknown) => this.fail(error))
        this.#compare(key, state, value)
      }
    }
  }

  #check(key: string, state: State, read: () => Buffer | undefined): void {
    const errorCount = this.errors.length
    let value: Buffer | undefined
    try {
      value = read()
    } catch (error) {
      this.fail(error)
    }
    if (this.errors.length === errorCount) {
      this.#compare(key, state, value ?? undefined)
    }
  }

  #compare(key: string, state: State, value: Buffer | undefined | void): void {
    if (value !== undefined && value.toString() !== state.get(key)) {
      throw new Error(`${this.#where}: ${key} has ${value.toString()} instead of ${state.get(key) ?? 'nothing'}`)
    }
    if (value === undefined && state.has(key) && this.errors.length === 0) {
      throw new Error(`${this.#where}: ${key} is missing`)
    }
  }

  async #scan(store: Store, reverse: boolean): Promise<[string, string][] | undefined> {
    const iterator = store.iterator({ reverse })
    const entries: [string, string][] = []
    try {
      for (let chunk = await iterator.nextMany(100); chunk.length > 0; chunk = await iterator.nextMany(100)) {
        entries.push(...chunk.map(([key, value]): [string, string] => [key.toString(), value.toString()]))
      }
      return entries
    } catch (error) {
      this.fail(error)
      // Asked again it says the same: nothing is stepped over.
      const again = await iterator.nextMany(1).then(
        (chunk) => chunk.length,
        () => -1,
      )
      if (again >= 0 && !(await this.#isInterrupted(iterator))) {
        throw new Error(`${this.#where}: an iterator that met damage went on behind it`, { cause: error })
      }
      return undefined
    } finally {
      await iterator.close()
    }
  }

  /** Entries gathered before the damage are handed out first; then it is met again. */
  async #isInterrupted(iterator: { nextMany(count: number): Promise<unknown[]> }): Promise<boolean> {
    try {
      while ((await iterator.nextMany(1)).length > 0) {
        // The entries before the damage.
      }
      return false
    } catch {
      return true
    }
  }
}

function isSame(
  entries: readonly (readonly [string, string])[],
  others: readonly (readonly [string, string])[],
): boolean {
  return (
    entries.length === others.length &&
    entries.every(([key, value], i) => others[i]?.[0] === key && others[i]?.[1] === value)
  )
}
