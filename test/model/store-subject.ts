/**
 * Answers operations from a store. On the way it breaks what callers may break: what was passed in is overwritten as soon
 * as the call has returned, and what came out is overwritten when it has been compared.
 */
import { ConflictError, WriteBatch, connect, open } from 'varve'
import type {
  Bytes,
  RangeIterator,
  RangeOptions,
  RemoteStore,
  Snapshot,
  Store,
  Operation as StoreOperation,
  StoreOptions,
  WriteOptions,
} from 'varve'
import { componentsOf } from '../harness/executors.ts'
import type { ExecutorKind } from '../harness/executors.ts'
import { CONFLICT, NOTHING, WRITTEN, answerOf } from './answer.ts'
import type { Answer, Subject } from './answer.ts'
import type { ModelRange } from './model-store.ts'
import { present } from './model-subject.ts'
import type { HandleOperation, Input, Operation, Read, Scan, SnapshotUse, StepKind, Write } from './operation.ts'

export interface StoreConfiguration {
  readonly name: string
  readonly options: StoreOptions
  readonly executor: ExecutorKind
  /** Use it through `connect`, as another thread would. */
  readonly isShared?: boolean
}

export class StoreSubject implements Subject {
  readonly #directory: string
  readonly #configuration: StoreConfiguration
  readonly #iterators = new Map<number, RangeIterator>()
  readonly #snapshots = new Map<number, Snapshot>()
  #background: Promise<void>[] = []
  #store: Store
  /** What the operations are asked of. */
  #handle: Store | RemoteStore

  private constructor(directory: string, configuration: StoreConfiguration, store: Store, handle: Store | RemoteStore) {
    this.#directory = directory
    this.#configuration = configuration
    this.#store = store
    this.#handle = handle
  }

  static async open(directory: string, configuration: StoreConfiguration): Promise<StoreSubject> {
    const store = await openConfigured(directory, configuration)
    return new StoreSubject(directory, configuration, store, await handleOf(store, configuration))
  }

  get store(): Store {
    return this.#store
  }

  async answer(operation: Operation): Promise<Answer> {
    if ('slot' in operation) {
      return await this.#answerOnHandle(operation)
    }
    switch (operation.type) {
      case 'write':
        await this.#write(operation.write, { sync: operation.sync })
        return NOTHING
      case 'batch':
        await this.#writeBatch(operation)
        return NOTHING
      case 'burst':
        return await this.#burst(operation.steps)
      case 'writeIf':
        return await this.#writeIf(operation)
      case 'get':
      case 'getSync':
      case 'has':
        return [await this.#read(operation)]
      case 'getMany':
        return await this.#getMany(operation.keys, operation.snapshot)
      case 'scan':
        return await this.#scan(operation)
      case 'clear':
        await this.#handle.clear(inputRange(operation.range))
        return NOTHING
      case 'sync':
        await this.#handle.sync()
        return NOTHING
      case 'approximateSize':
        return sizeAnswer(await this.#handle.approximateSize(inputRange(operation.range)))
      case 'flush':
        return await this.#run(this.#handle.flush(), operation.background)
      case 'compactRange':
        return await this.#run(this.#handle.compactRange(inputRange(operation.range)), operation.background)
      case 'reopen':
        await this.#reopen()
        return NOTHING
    }
  }

  /** Waits for what runs in the background, and closes. */
  async close(): Promise<void> {
    await Promise.all(this.#background)
    this.#background = []
    this.#iterators.clear()
    this.#snapshots.clear()
    await this.#handle.close()
    await this.#store.close()
  }

  async #reopen(): Promise<void> {
    await this.close()
    this.#store = await openConfigured(this.#directory, this.#configuration)
    this.#handle = await handleOf(this.#store, this.#configuration)
  }

  async #run(work: Promise<void>, background: boolean): Promise<Answer> {
    if (background) {
      this.#background.push(work)
      work.catch(() => undefined)
    } else {
      await work
    }
    return NOTHING
  }

  async #answerOnHandle(operation: HandleOperation): Promise<Answer> {
    const { slot } = operation
    switch (operation.type) {
      case 'openIterator':
        this.#iterators.set(slot, this.#openIterator(operation.range, operation.snapshot))
        return NOTHING
      case 'stepIterator':
        return await stepped(present(this.#iterators, slot), operation.count, operation.how)
      case 'seekIterator':
        passed(operation.key, (key) => present(this.#iterators, slot).seek(key))
        return NOTHING
      case 'closeIterator':
        await present(this.#iterators, slot).close()
        this.#iterators.delete(slot)
        return NOTHING
      case 'openSnapshot':
        this.#snapshots.set(slot, this.#handle.snapshot())
        return NOTHING
      case 'closeSnapshot':
        present(this.#snapshots, slot).close()
        this.#snapshots.delete(slot)
        return NOTHING
    }
  }

  #write(write: Write, options: WriteOptions): Promise<void> {
    return passed(write.key, (key) => {
      if (write.type === 'delete') {
        return this.#handle.delete(key, options)
      }
      return passed(write.value, (value) => this.#handle.put(key, value, options))
    })
  }

  async #writeBatch(operation: Extract<Operation, { type: 'batch' }>): Promise<void> {
    const options = { sync: operation.sync }
    if (operation.as === 'array') {
      const inputs = operation.writes.map(inputOperation)
      const done = this.#handle.write(inputs, options)
      inputs.forEach((input) => [input.key, input.type === 'put' ? input.value : ''].forEach(scribble))
      return await done
    }
    const batch = new WriteBatch()
    for (const write of operation.writes) {
      passed(write.key, (key) => {
        if (write.type === 'delete') {
          return batch.delete(key)
        }
        return passed(write.value, (value) => batch.put(key, value))
      })
    }
    await this.#handle.write(batch, options)
  }

  async #writeIf(operation: Extract<Operation, { type: 'writeIf' }>): Promise<Answer> {
    const writes = operation.writes.map(inputOperation)
    const unchangedKeys = operation.unchangedKeys.map(inputOf)
    const unchangedRanges = operation.unchangedRanges.map(inputRange)
    const ifUnchangedSince = present(this.#snapshots, operation.since)
    const done = this.#handle.write(writes, { ifUnchangedSince, unchangedKeys, unchangedRanges })
    writes.forEach((input) => [input.key, input.type === 'put' ? input.value : ''].forEach(scribble))
    unchangedKeys.forEach(scribble)
    unchangedRanges.forEach(({ gt, gte, lt, lte, prefix }) => [gt, gte, lt, lte, prefix].forEach(scribble))
    try {
      await done
      return [WRITTEN]
    } catch (error) {
      if (error instanceof ConflictError) {
        return [CONFLICT]
      }
      throw error
    }
  }

  async #burst(steps: readonly (Write | Read)[]): Promise<Answer> {
    const writes: Promise<void>[] = []
    const reads: Promise<Buffer | string>[] = []
    for (const step of steps) {
      if (step.type === 'put' || step.type === 'delete') {
        writes.push(this.#write(step, {}))
      } else {
        reads.push(this.#read(step))
      }
    }
    const [answers] = await Promise.all([Promise.all(reads), Promise.all(writes)])
    return answers
  }

  async #read(operation: Read): Promise<Buffer | string> {
    const { reader, options } = this.#readerOf(operation.snapshot)
    return await passed(operation.key, async (key) => {
      switch (operation.type) {
        case 'get':
          return answerOf(await reader.get(key, options))
        case 'getSync':
          return answerOf(reader.getSync(key, options))
        case 'has':
          return answerOf(await reader.has(key, options))
      }
    })
  }

  async #getMany(keys: readonly Input[], snapshot: SnapshotUse | undefined): Promise<Answer> {
    const { reader, options } = this.#readerOf(snapshot)
    const inputs = keys.map(inputOf)
    const values = reader.getMany(inputs, options)
    inputs.forEach(scribble)
    return (await values).map(answerOf)
  }

  async #scan(operation: Scan): Promise<Answer> {
    const { reader, options } = this.#readerOf(operation.snapshot)
    const range = { ...inputRange(operation.range), ...options }
    const parts: Buffer[] = []
    if (operation.how === 'keys' || operation.how === 'values') {
      for await (const part of reader[operation.how](range)) {
        parts.push(part)
      }
      return parts
    }
    for await (const [key, value] of operation.how === 'entries' ? reader.entries(range) : reader.iterator(range)) {
      parts.push(key, value)
    }
    return parts
  }

  #openIterator(modelRange: ModelRange, snapshot: SnapshotUse | undefined): RangeIterator {
    const { reader, options } = this.#readerOf(snapshot)
    const range = inputRange(modelRange)
    const iterator = reader.iterator({ ...range, ...options })
    ;[range.gt, range.gte, range.lt, range.lte, range.prefix].forEach(scribble)
    return iterator
  }

  #readerOf(use: SnapshotUse | undefined): {
    reader: Store | RemoteStore | Snapshot
    options: { snapshot?: Snapshot }
  } {
    if (use === undefined) {
      return { reader: this.#handle, options: {} }
    }
    const snapshot = present(this.#snapshots, use.slot)
    return use.through === 'snapshot'
      ? { reader: snapshot, options: {} }
      : { reader: this.#handle, options: { snapshot } }
  }
}

/** Overwrites the bytes of what a store gave out. */
export function scribbleAnswer(answer: Answer): void {
  answer.forEach(scribble)
}

async function openConfigured(directory: string, { options, executor }: StoreConfiguration): Promise<Store> {
  return await open(directory, options, componentsOf(executor))
}

async function handleOf(store: Store, { isShared }: StoreConfiguration): Promise<Store | RemoteStore> {
  return isShared === true ? await connect(store.share()) : store
}

/** Calls with an input, and overwrites its bytes as soon as the call has returned. */
function passed<T>(input: Input, call: (bytes: Bytes) => T): T {
  const bytes = inputOf(input)
  try {
    return call(bytes)
  } finally {
    scribble(bytes)
  }
}

function inputOf({ bytes, form }: Input): Bytes {
  if (form === 'string') {
    return bytes.toString('utf8')
  }
  return form === 'buffer' ? Buffer.from(bytes) : Uint8Array.from(bytes)
}

function inputOperation(write: Write): StoreOperation {
  const key = inputOf(write.key)
  return write.type === 'put' ? { type: 'put', key, value: inputOf(write.value) } : { type: 'delete', key }
}

function scribble(bytes: Bytes | undefined): void {
  if (bytes instanceof Uint8Array) {
    bytes.fill(0x58)
  }
}

function inputRange(range: ModelRange): RangeOptions {
  const copy: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(range)) {
    copy[name] = Buffer.isBuffer(value) ? Buffer.from(value) : value
  }
  return copy
}

async function stepped(iterator: RangeIterator, count: number, how: StepKind): Promise<Answer> {
  if (how === 'nextMany') {
    return (await iterator.nextMany(count)).flat()
  }
  if (how === 'together') {
    const entries = await Promise.all(Array.from({ length: count }, () => iterator.next()))
    return entries.flatMap((entry) => entry ?? [])
  }
  const parts: Buffer[] = []
  while (parts.length < count * 2) {
    const entry = await iterator.next()
    if (entry === undefined) {
      break
    }
    parts.push(...entry)
  }
  return parts
}

function sizeAnswer(sizeBytes: number): Answer {
  return Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 ? NOTHING : [`a size of ${sizeBytes}`]
}
