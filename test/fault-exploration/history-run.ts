/**
 * Performs a history on a store on a simulated Env, whatever fails there, and checks at each step that what happens is
 * right: who is told what, what readers see, that views stay as they are, that nothing is left open.
 */
import { IoError, VarveError } from '@varve/storage'
import { JobMemory, createInlineExecutor } from '@varve/workers'
import { open, type RangeIterator, type Snapshot, type Store } from 'varve'
import type { SimulatedEnv } from '../simulation/simulated-env.ts'
import { CommitOrder, areSame, type Contents, type WriteRecord } from './commit-order.ts'
import { ConditionalRun } from './conditional-run.ts'
import { expectThat } from './expectation.ts'
import { ALL_KEYS, type Change, type History, type Step } from './history.ts'

export const DIRECTORY: string = '/data/store'
/** Lasting faults are lifted long before: then it must work. */
const TRY_COUNT_MAX = 50
const RETRY_MS = 300
const RETRY_MS_MAX = 5000

interface View {
  readonly snapshot: Snapshot
  readonly iterator: RangeIterator
  readonly stepped: [string, string][]
  contents: Contents | undefined
}

/** Jobs on the calling thread never run at once. */
const JOB_MEMORY = new JobMemory()

export function openOn(env: SimulatedEnv, history: History): Promise<Store> {
  const { options, manifestRotationSizeBytes, compactionCountMax } = history
  const executor = createInlineExecutor(env.forJobs, JOB_MEMORY, compactionCountMax)
  return open(DIRECTORY, options, { env, executor, manifestRotationSizeBytes })
}

export class HistoryRun {
  readonly env: SimulatedEnv
  readonly order: CommitOrder
  /** Every failure that the store has told of: events, and what callers were answered with. */
  readonly told: unknown[] = []
  /** Since the store was opened. */
  recoveryCount = 0
  /** Writes that were refused as the store could only be read. */
  readOnlyCount = 0
  /** The disk may be full at some time. */
  isSpaceLimited = false
  readonly #history: History
  readonly #pending = new Set<Promise<void>>()
  readonly #views: View[] = []
  readonly #conditional: ConditionalRun
  #store: Store | undefined
  #isClosing = false
  /** What was wrong in what nobody awaited. */
  #violation: Error | undefined

  constructor(env: SimulatedEnv, history: History, order: CommitOrder = new CommitOrder()) {
    this.env = env
    this.order = order
    this.#history = history
    this.#conditional = new ConditionalRun(this)
  }

  /** The same store, closed, in another process. */
  continuedOn(env: SimulatedEnv): HistoryRun {
    return new HistoryRun(env, this.#history, this.order)
  }

  /** @throws what was wrong */
  async perform(): Promise<void> {
    await this.openStore()
    for (const step of this.#history.steps) {
      await this.#perform(step)
      this.check()
    }
    await this.settle()
  }

  get store(): Store {
    if (this.#store === undefined) {
      throw new Error('the store is not open')
    }
    return this.#store
  }

  /** Whether the system has refused anything. */
  get isFaulty(): boolean {
    return this.env.calls.faults.failed.length > 0 || this.isSpaceLimited
  }

  check(): void {
    if (this.#violation !== undefined) {
      throw this.#violation
    }
  }

  async openStore(): Promise<void> {
    const { env } = this
    this.#store = await this.#retried(async () => {
      try {
        return await openOn(env, this.#history)
      } catch (error) {
        expectThat(env.calls.openCount === 0, `${env.calls.openCount} files are open after a failed open`)
        throw error
      }
    })
    this.#store.on('error', (error) => this.told.push(error))
    this.#store.on('recovery', () => {
      this.recoveryCount++
      this.order.healed()
    })
    this.order.reopened()
    this.recoveryCount = 0
    this.readOnlyCount = 0
    await this.observe()
  }

  /** Everything that is under way ends; the files are closed, whatever fails. */
  async closeStore(): Promise<void> {
    const { store } = this
    const toldBefore = this.told.length
    const failedBefore = this.env.calls.faults.failed.length
    this.#isClosing = true
    this.#conditional.forget()
    await this.#attempt(() => store.close())
    await this.settle()
    this.#store = undefined
    this.#isClosing = false
    this.#views.length = 0
    const { openCount } = this.env.calls
    expectThat(openCount === 0, `${openCount} files are open after the store was closed`)
    const { faults } = this.env.calls
    if (this.told.length === toldBefore && faults.failed.length === failedBefore) {
      this.order.durableUpTo(this.order.acknowledgedCount)
    }
  }

  /** All that was begun has ended. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) {
      await Promise.all(this.#pending)
    }
    this.check()
  }

  /** Reads everything, and compares it. Nothing may be pending. */
  async observe(): Promise<void> {
    const found = await this.#retried(() => contentsOf(this.store))
    this.order.checkLive(found)
    const values = await this.#retried(() => this.store.getMany(ALL_KEYS))
    const byKey = ALL_KEYS.flatMap((key, index): [string, string][] => {
      const value = values[index]
      return value === undefined ? [] : [[key, value.toString('latin1')]]
    })
    expectThat(areSame(found, new Map(byKey)), 'an iterator and getMany see different things')
  }

  /** Every checksum, count and order on disk (R8, R11). */
  async verify(): Promise<void> {
    const { findings } = await this.store.verify()
    expectThat(findings.length === 0, `the store found something wrong: ${JSON.stringify(findings[0])}`)
  }

  async closeViews(): Promise<void> {
    while (this.#views.length > 0) {
      await this.#closeView()
    }
  }

  write(changes: readonly Change[], sync: boolean): Promise<boolean> {
    const record = this.order.begin(changes)
    const { store } = this
    return this.#settled(record, sync, () => {
      const only = changes.length === 1 ? changes[0] : undefined
      if (only?.type === 'put') {
        return store.put(only.key, only.value, { sync })
      }
      if (only?.type === 'delete') {
        return store.delete(only.key, { sync })
      }
      return store.write(
        changes.flatMap((change) => (change.type === 'clear' ? [] : change)),
        { sync },
      )
    })
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.env.clock.after(delayMs, resolve)
    })
  }

  /** @returns whether it was acknowledged */
  async #settled(record: WriteRecord, sync: boolean, call: () => Promise<void>): Promise<boolean> {
    try {
      await call()
      this.order.acknowledge(record, sync)
      return true
    } catch (error) {
      this.failed(record, error)
      return false
    }
  }

  /** A write was not acknowledged; without a record it was not even tried. */
  failed(record: WriteRecord | undefined, error: unknown): void {
    this.#tell(error)
    this.readOnlyCount += error instanceof VarveError && error.code === 'VARVE_READ_ONLY' ? 1 : 0
    if (record !== undefined) {
      if (error instanceof IoError) {
        this.order.fail(record)
      } else {
        this.order.refuse(record)
      }
    }
  }

  async #perform(step: Step): Promise<void> {
    switch (step.kind) {
      case 'write':
        return await this.#track(this.write(step.changes, step.sync), step.awaited)
      case 'clear': {
        const record = this.order.begin([{ type: 'clear', from: step.from, to: step.to }])
        const range = { gte: step.from, lt: step.to }
        return await this.#track(
          this.#settled(record, false, () => this.store.clear(range)),
          true,
        )
      }
      case 'sync':
      case 'flush':
      case 'compact':
        return await this.#track(this.#makeDurable(step.kind), step.awaited)
      case 'since':
        return await this.#conditional.takeSnapshot()
      case 'writeIf':
        return await this.#conditional.writeIf(step)
      case 'transaction':
        return await this.#conditional.transaction(step)
      case 'settle':
        return await this.settle()
      case 'reopen':
        await this.closeStore()
        return await this.openStore()
      case 'openView':
        return this.#openView()
      case 'stepView':
        return await this.#stepView(step.count)
      case 'closeView':
        return await this.#closeView()
      case 'get':
        return await this.#read(step.key, step.isSync)
      case 'observe':
        return await this.observe()
      case 'turn':
        return await new Promise((resolve) => this.env.clock.immediate(resolve))
      case 'pause':
        return await this.pause(step.delayMs)
    }
  }

  /** @returns whether it succeeded */
  async sync(): Promise<boolean> {
    return await this.#makeDurable('sync')
  }

  async #makeDurable(kind: 'sync' | 'flush' | 'compact'): Promise<boolean> {
    const { store } = this
    const count = this.order.acknowledgedCount
    const call = { sync: () => store.sync(), flush: () => store.flush(), compact: () => store.compactRange() }[kind]
    const isDone = await this.#attempt(call)
    if (isDone) {
      this.order.durableUpTo(count)
    }
    return isDone
  }

  #openView(): void {
    const snapshot = this.store.snapshot()
    this.#views.push({ snapshot, iterator: this.store.iterator({ snapshot }), stepped: [], contents: undefined })
  }

  async #stepView(count: number): Promise<void> {
    const view = this.#views[0]
    if (view !== undefined) {
      const found = await this.#retried(() => contentsOf(view.snapshot))
      view.contents ??= found
      expectThat(areSame(view.contents, found), 'a snapshot gives other things than before')
      const chunk = await this.#retried(() => view.iterator.nextMany(count))
      view.stepped.push(...chunk.map(textOf))
    }
  }

  async #closeView(): Promise<void> {
    const view = this.#views[0]
    if (view !== undefined) {
      await this.#stepView(1000)
      const isSame = areSame(new Map(view.stepped), view.contents ?? new Map())
      expectThat(isSame && view.stepped.length === view.contents?.size, 'an iterator and its snapshot differ')
      await view.iterator.close()
      view.snapshot.close()
      this.#views.shift()
    }
  }

  async #read(key: string, isSync: boolean): Promise<void> {
    const before = this.order.acknowledgedCount
    const { store } = this
    const value = await this.#retried(async () => (isSync ? store.getSync(key) : await store.get(key)))
    this.order.checkRead(key, value?.toString('latin1'), before)
  }

  /** Tries a read or an open until nothing fails any more: the system may refuse, and only that may be the reason. */
  async #retried<T>(call: () => Promise<T>): Promise<T> {
    for (let tryCount = 1; ; tryCount++) {
      try {
        return await call()
      } catch (error) {
        if (!(error instanceof IoError) || tryCount === TRY_COUNT_MAX) {
          throw error
        }
        this.#tell(error)
        await this.pause(Math.min(RETRY_MS * 2 ** tryCount, RETRY_MS_MAX))
      }
    }
  }

  /** Whether a call succeeded. */
  async #attempt(call: () => Promise<void>): Promise<boolean> {
    try {
      await call()
      return true
    } catch (error) {
      this.#tell(error)
      return false
    }
  }

  #tell(error: unknown): void {
    const isRight = error instanceof VarveError && this.#isExpected(error)
    if (!isRight) {
      throw error
    }
    this.told.push(error)
  }

  /** Only what the system refused may be the reason, or that the store has been closed, or that too much waits. */
  #isExpected(error: VarveError): boolean {
    const { code } = error
    const isRefusal = code === 'VARVE_IO' || code === 'VARVE_READ_ONLY'
    return (
      (isRefusal && this.isFaulty && causes(error).some((cause) => cause instanceof IoError)) ||
      (code === 'VARVE_CLOSED' && this.#isClosing) ||
      code === 'VARVE_BUSY'
    )
  }

  async #track(work: Promise<unknown>, isAwaited: boolean): Promise<void> {
    const tracked: Promise<void> = work
      .then(
        () => undefined,
        (error: unknown) => {
          this.#violation ??= error instanceof Error ? error : new Error(String(error))
        },
      )
      .finally(() => this.#pending.delete(tracked))
    this.#pending.add(tracked)
    if (isAwaited) {
      await tracked
    }
  }
}

export async function contentsOf(reader: Store | Snapshot): Promise<Map<string, string>> {
  const iterator = reader.iterator()
  try {
    return new Map((await iterator.nextMany(1000)).map(textOf))
  } finally {
    await iterator.close()
  }
}

/** An error and what caused it, to the root. */
export function causes(error: unknown): unknown[] {
  return error instanceof Error && error.cause !== undefined ? [error, ...causes(error.cause)] : [error]
}

function textOf([key, value]: [Buffer, Buffer]): [string, string] {
  return [key.toString('latin1'), value.toString('latin1')]
}
