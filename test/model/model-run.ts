/**
 * Runs a list of operations against the model and against a store at once, compares each pair of answers, and hashes
 * the history of answers, which must come out the same under every configuration (R12).
 */
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import type { StoreStats } from 'varve'
import { firstDifference } from './answer.ts'
import type { Answer } from './answer.ts'
import { ModelSubject, entriesOf } from './model-subject.ts'
import { describeOperation } from './operation.ts'
import type { Operation } from './operation.ts'
import { StoreSubject, scribbleAnswer } from './store-subject.ts'
import type { StoreConfiguration } from './store-subject.ts'

const LISTED_COUNT = 12
/** What takes longer never ends. */
const OPERATION_TIME_MS_MAX = 20_000

export interface ModelRunResult {
  /** Of all answers, in order. */
  readonly historyHash: string
  readonly flushCount: number
  readonly compactionCount: number
  /** The most levels that held tables at once. */
  readonly levelCountMax: number
}

export async function runOperations(
  directory: string,
  configuration: StoreConfiguration,
  operations: readonly Operation[],
): Promise<ModelRunResult> {
  const run = new ModelRun(await StoreSubject.open(directory, configuration), configuration, operations)
  try {
    return await run.all()
  } finally {
    await run.close()
  }
}

/** What `runOperations` must come to: the hash of the model's answers alone. */
export async function historyHashOf(operations: readonly Operation[]): Promise<string> {
  const model = new ModelSubject()
  const history = new History()
  for (const [index, operation] of operations.entries()) {
    history.add(index, await model.answer(operation))
  }
  return history.hash
}

/** A running hash of answers. */
class History {
  readonly #hash: Hash = createHash('sha256')

  get hash(): string {
    return this.#hash.copy().digest('hex')
  }

  add(index: number, answer: Answer): void {
    this.#hash.update(`\n${index} ${answer.length}`)
    for (const part of answer) {
      this.#hash.update(` ${part.length}:`)
      this.#hash.update(part)
    }
  }
}

class ModelRun {
  readonly #store: StoreSubject
  readonly #model = new ModelSubject()
  readonly #configuration: StoreConfiguration
  readonly #operations: readonly Operation[]
  readonly #history = new History()
  #flushCount = 0
  #compactionCount = 0
  #levelCountMax = 0

  constructor(store: StoreSubject, configuration: StoreConfiguration, operations: readonly Operation[]) {
    this.#store = store
    this.#configuration = configuration
    this.#operations = operations
  }

  async all(): Promise<ModelRunResult> {
    for (const [index, operation] of this.#operations.entries()) {
      if (operation.type === 'reopen') {
        this.#count(this.#store.store.stats())
      }
      const answer = await this.#one(index, operation)
      this.#history.add(index, answer)
      scribbleAnswer(answer)
      if (index % 500 === 0 || operation.type === 'reopen') {
        this.#checkStats(index)
        await this.#checkWhole(index)
      }
    }
    const last = this.#operations.length
    this.#count(this.#store.store.stats())
    await this.#checkWhole(last)
    await this.#one(last, { type: 'reopen' })
    await this.#checkWhole(last)
    return {
      historyHash: this.#history.hash,
      flushCount: this.#flushCount,
      compactionCount: this.#compactionCount,
      levelCountMax: this.#levelCountMax,
    }
  }

  async close(): Promise<void> {
    await inTime(this.#store.close())
  }

  /** Asks both, and returns what the store said. */
  async #one(index: number, operation: Operation): Promise<Answer> {
    const expected = await this.#model.answer(operation)
    let actual: Answer
    try {
      actual = await inTime(this.#store.answer(operation))
    } catch (error) {
      throw this.#failure(
        index,
        operation,
        error instanceof Error ? (error.stack ?? error.message) : String(error),
        error,
      )
    }
    const difference = firstDifference(expected, actual)
    if (difference !== undefined) {
      throw this.#failure(index, operation, difference, undefined)
    }
    return actual
  }

  /** Everything, in both directions. */
  async #checkWhole(index: number): Promise<void> {
    const expected = entriesOf(this.#model.view().entries)
    for (const reverse of [false, true]) {
      const operation: Operation = { type: 'scan', range: { reverse }, how: 'entries', snapshot: undefined }
      scribbleAnswer(await this.#one(index, operation))
    }
    for (let at = 0; at < expected.length; at += 2 * 37) {
      const bytes = expected[at] as Buffer
      scribbleAnswer(await this.#one(index, { type: 'get', key: { bytes, form: 'buffer' }, snapshot: undefined }))
    }
  }

  #checkStats(index: number): void {
    if (this.#configuration.isShared === true) {
      return
    }
    const stats = this.#store.store.stats()
    const counts = `${stats.openIteratorCount} iterators, ${stats.openSnapshotCount} snapshots`
    const expected = `${this.#model.openIteratorCount} iterators, ${this.#model.openSnapshotCount} snapshots`
    if (
      stats.openSnapshotCount !== this.#model.openSnapshotCount ||
      stats.openIteratorCount > this.#model.openIteratorCount
    ) {
      throw new Error(
        `${this.#configuration.name}, operation ${index}: stats() tells of ${counts}, open are ${expected}`,
      )
    }
  }

  #count(stats: StoreStats): void {
    this.#flushCount += stats.jobs.flush.count
    this.#compactionCount += stats.jobs.compaction.count
    this.#levelCountMax = Math.max(this.#levelCountMax, stats.levels.filter((level) => level.tableCount > 0).length)
  }

  #failure(index: number, operation: Operation, what: string, cause: unknown): Error {
    const before = this.#operations.slice(Math.max(0, index - LISTED_COUNT), index).map(describeOperation)
    const lines = [
      `under "${this.#configuration.name}" operation ${index} went wrong: ${what}`,
      `operation ${index}: ${describeOperation(operation)}`,
      `the ${before.length} before it:`,
      ...before,
      ...this.#sameKey(index, operation),
    ]
    return new Error(lines.join('\n  '), { cause })
  }

  /** The writes that touched the key of an operation, which tell most about what it should have found. */
  #sameKey(index: number, operation: Operation): string[] {
    if (!('key' in operation)) {
      return []
    }
    const { bytes } = operation.key
    const touching = this.#operations
      .slice(0, index)
      .map((other, at) => ({ other, at }))
      .filter(({ other }) => keysWritten(other).some((key) => key.equals(bytes)))
      .slice(-6)
    return ['the last writes of this key:', ...touching.map(({ other, at }) => `${at}: ${describeOperation(other)}`)]
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('it does not end')), OPERATION_TIME_MS_MAX)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function keysWritten(operation: Operation): Buffer[] {
  if (operation.type === 'write') {
    return [operation.write.key.bytes]
  }
  if (operation.type === 'batch' || operation.type === 'writeIf') {
    return operation.writes.map((write) => write.key.bytes)
  }
  const steps = operation.type === 'burst' ? operation.steps : []
  return steps.filter((step) => step.type === 'put' || step.type === 'delete').map((step) => step.key.bytes)
}
