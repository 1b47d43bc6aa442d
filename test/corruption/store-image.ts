/**
 * Small stores to be damaged, as images, with what is known of them: the state after each committed operation, and
 * where in the logs each group lies. One was closed in good order, one was left as kill -9 leaves it.
 */
import { open } from 'varve'
import type { Store, StoreOptions } from 'varve'
import { WAL_HEADER_SIZE_BYTES, readWalGroup, readWalHeader, walFileName } from '@varve/storage'
import type { Env, WalGroup } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import type { JobExecutor, JobRequest, JobResult } from '@varve/workers'
import { FailingExecutor } from '../harness/executors.ts'
import { imageEnv } from './image-files.ts'
import type { Image } from './image-files.ts'

export const DIRECTORY = '/store'

/** Everything small, so that a store of several levels has few bytes, each of which can be damaged. */
export const SMALL_OPTIONS: StoreOptions = {
  memtableSizeBytes: 4096,
  frozenMemtableCountMax: 4,
  tableSizeBytes: 4096,
  blockSizeBytes: 256,
  levelOneSizeBytes: 4096,
  levelSizeRatio: 2,
  levelZeroTableCountTrigger: 100,
  levelZeroTableCountMax: 1000,
}

/** What is in a store: values by key, in order, as one text that can be compared. */
export type State = ReadonlyMap<string, string>

export interface StoreImage {
  readonly image: Image
  /** The state after each operation that only logs hold; the first one is that of the tables alone. */
  readonly states: readonly State[]
  readonly wasClosed: boolean
  /** Every write in order: the one with sequence number i + 1 at index i. */
  readonly writes: readonly Write[]
}

export interface Write {
  readonly key: string
  /** `undefined` for a delete. */
  readonly value: string | undefined
}

export interface LoggedGroup extends WalGroup {
  readonly file: string
  readonly walNumber: number
}

/** Runs jobs until told to refuse them. */
class SwitchableExecutor implements JobExecutor {
  readonly compactionCountMax: number = 1
  #inner: JobExecutor

  constructor(env: Env) {
    this.#inner = createInlineExecutor(env)
  }

  refuse(): void {
    this.#inner = new FailingExecutor()
  }

  run(request: JobRequest): Promise<JobResult> {
    return this.#inner.run(request)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

class ImageWriter {
  readonly states: State[] = []
  readonly writes: Write[] = []
  readonly #store: Store
  readonly #state = new Map<string, string>()

  constructor(store: Store) {
    this.#store = store
  }

  async put(key: string, sizeBytes: number, sync = false): Promise<void> {
    const value = `${this.writes.length}:`.padEnd(sizeBytes, key)
    await this.#store.put(key, value, { sync })
    this.#state.set(key, value)
    this.writes.push({ key, value })
    this.#remember()
  }

  async delete(key: string): Promise<void> {
    await this.#store.delete(key)
    this.#state.delete(key)
    this.writes.push({ key, value: undefined })
    this.#remember()
  }

  /** What was written so far is in tables. */
  forgetHistory(): void {
    this.states.length = 0
    this.#remember()
  }

  #remember(): void {
    this.states.push(new Map([...this.#state].toSorted(([a], [b]) => (a < b ? -1 : 1))))
  }
}

const keyOf = (i: number): string => `key-${String(i).padStart(3, '0')}`

/** Tables on three levels, with deletes and keys that stand in all of them. */
async function writeTables(store: Store, writer: ImageWriter): Promise<void> {
  for (let i = 0; i < 160; i++) {
    await writer.put(keyOf(i), 20 + (i % 17))
  }
  await store.compactRange()
  for (let i = 0; i < 160; i += 5) {
    await (i % 15 === 0 ? writer.delete(keyOf(i)) : writer.put(keyOf(i), 30))
  }
  await store.compactRange({ lt: keyOf(60) })
  for (let i = 3; i < 160; i += 16) {
    await writer.put(keyOf(i), 600)
  }
  await store.flush()
  for (let i = 4; i < 160; i += 20) {
    await writer.put(keyOf(i), 25)
  }
  await store.flush()
  writer.forgetHistory()
}

/** More than two memtables of writes, some of them synced. */
async function writeLogs(writer: ImageWriter): Promise<void> {
  for (let i = 0; i < 90; i++) {
    if (i % 7 === 3) {
      await writer.delete(keyOf(i))
    } else {
      await writer.put(keyOf(i % 2 === 0 ? i : 200 + i), 80, i % 11 === 5)
    }
  }
}

export type ImageKind = 'closed' | 'closed with logs' | 'killed'

export async function makeStoreImage(kind: ImageKind): Promise<StoreImage> {
  const env = imageEnv()
  const executor = new SwitchableExecutor(env)
  const store = await open(DIRECTORY, SMALL_OPTIONS, { env, executor })
  store.on('error', () => undefined)
  const writer = new ImageWriter(store)
  await writeTables(store, writer)
  if (kind !== 'closed') {
    executor.refuse()
    await writeLogs(writer)
  }
  const killed = env.files.toImage()
  await store.close()
  const wasClosed = kind !== 'killed'
  const image = wasClosed ? env.files.toImage() : killed
  return { image, states: wasClosed ? writer.states.slice(-1) : writer.states, wasClosed, writes: writer.writes }
}

/** The whole groups of all logs, oldest first. */
export function groupsOf(image: Image): LoggedGroup[] {
  const files = [...image.keys()].filter((file) => file.endsWith('.wal')).toSorted()
  return files.flatMap((file) => {
    const bytes = image.get(file) ?? new Uint8Array(0)
    const header = readWalHeader(bytes, bytes.length, file)
    const groups: LoggedGroup[] = []
    for (let offset = WAL_HEADER_SIZE_BYTES; header !== undefined;) {
      const group = readWalGroup(bytes, bytes.length, header, offset)
      if (group === undefined) {
        break
      }
      groups.push({ ...group, file, walNumber: header.number })
      offset = group.endOffset
    }
    return groups
  })
}

export function walFile(number: number): string {
  return `${DIRECTORY}/${walFileName(number as Parameters<typeof walFileName>[0])}`
}
