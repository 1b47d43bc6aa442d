/**
 * The life of a store on one simulated disk, in one process: recovered, checked, written to. Knows at every moment what
 * a crash may leave: which writes were acknowledged, which of them as durable, and which were asked for at all.
 */
import { createInlineExecutor, type JobMemory } from '@varve/workers'
import { VarveError, open, type Store, type StoreOptions } from 'varve'
import { SimulatedEnv } from '../simulation/simulated-env.ts'
import { CommitOrder, digestOf, type Change } from './commit-order.ts'
import { ConditionalSteps, operationsOf, type ConditionalHost } from './conditional-steps.ts'
import type { History, Step } from './history.ts'
import { violationOf } from './contents-violation.ts'
import { auditStore } from './store-audit.ts'
import { StoreCopies, type CopyBounds } from './store-copies.ts'
import { StoreReader } from './store-reader.ts'
import { Violation } from './violation.ts'

export const DIRECTORY = '/data/store'

/** On the virtual clock. */
const LOOK_INTERVAL_MS = 100

/** What may be found after a crash: the first writes of an order, so many of them. */
export interface Bounds {
  order: CommitOrder
  /** After the death of the process, at least these: they were acknowledged. */
  deadFloor: number
  /** After a loss of power, at least these: they were acknowledged as durable. */
  powerFloor: number
  /** At most these: more were not asked for. */
  ceiling: number
  copies: readonly CopyBounds[]
}

/** What there is before anything was done. */
export const NO_BOUNDS: Readonly<Bounds> = {
  order: new CommitOrder(),
  deadFloor: 0,
  powerFloor: 0,
  ceiling: 0,
  copies: [],
}

type Phase = 'opening' | 'checking' | 'running'

export class StoreLife {
  readonly env: SimulatedEnv
  readonly #history: History
  readonly #memory: JobMemory
  /** Marks the values of this life, so that none is like one of another life. */
  readonly #label: string
  #store: Store | undefined
  #reader: StoreReader | undefined
  #order = new CommitOrder()
  #ackedCount = 0
  #syncedCount = 0
  #openCount = 0
  #phase: Phase = 'opening'
  readonly #openingBounds: Bounds = { ...NO_BOUNDS }
  readonly #openBounds: Bounds = { ...NO_BOUNDS }
  readonly #copies: StoreCopies
  readonly #conditional: ConditionalSteps
  readonly #pending = new Set<Promise<void>>()
  readonly #errors: Error[] = []
  constructor(env: SimulatedEnv, history: History, label: string, memory: JobMemory) {
    this.env = env
    this.#history = history
    this.#label = label
    this.#memory = memory
    this.#copies = new StoreCopies(env)
    this.#conditional = new ConditionalSteps(this.#conditionalHost())
  }

  get phase(): Phase {
    return this.#phase
  }

  /** What a crash at this moment may leave. While it is not yet known what was recovered, it is filled in later. */
  bounds(): Bounds {
    switch (this.#phase) {
      case 'opening':
        return this.#openingBounds
      case 'checking':
        return this.#openBounds
      case 'running':
        return {
          order: this.#order,
          deadFloor: this.#ackedCount,
          powerFloor: this.#syncedCount,
          ceiling: this.#order.count,
          copies: this.#copies.bounds(this.#order),
        }
    }
  }

  /**
   * Opens what a crash has left, and checks that it is within the bounds.
   * @returns how many writes of the order are there
   */
  async recover(found: Bounds, crash: 'process-death' | 'power-loss'): Promise<number> {
    const store = await this.#open(DIRECTORY)
    this.#phase = 'checking'
    const reader = new StoreReader(store)
    const digest = digestOf(await reader.readAll())
    const floor = crash === 'process-death' ? found.deadFloor : found.powerFloor
    const count = found.order.find(digest, floor, found.ceiling)
    if (count === undefined) {
      throw violationOf(found.order, digest, floor, found.ceiling, reader.lastRead)
    }
    await reader.checkPoints()
    // What was read after the death of a process may live in the page cache alone until the store is open.
    const isDurable = crash === 'power-loss'
    Object.assign(this.#openingBounds, {
      order: found.order,
      deadFloor: count,
      powerFloor: isDurable ? count : found.powerFloor,
      ceiling: count,
      copies: found.copies,
    })
    this.#order = found.order.fork(count)
    this.#ackedCount = count
    this.#syncedCount = count
    Object.assign(this.#openBounds, {
      order: this.#order,
      deadFloor: count,
      powerFloor: count,
      ceiling: count,
      copies: found.copies,
    })
    this.#store = store
    this.#reader = reader
    this.#phase = 'running'
    await this.#copies.recover(found.copies, found.order, count, (path) => this.#open(path))
    this.#checkErrors()
    return count
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#do(step)
      await this.#live().reader.tick()
      this.#checkErrors()
    }
  }

  /** Waits for all that was asked for. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) {
      await Promise.all(this.#pending)
    }
  }

  /** Waits for all that was asked for, and for what is tried again with back-off after a fault. */
  async settleTries(): Promise<void> {
    await this.settle()
    const { store } = this.#live()
    while (store.stats().memory.kinds.arenas.count > 1) {
      await new Promise<void>((resolve) => this.env.scheduler.after(LOOK_INTERVAL_MS, resolve))
    }
  }

  async close(): Promise<void> {
    const { store, reader } = this.#live()
    await this.settle()
    await reader.endAll()
    this.#conditional.forget()
    await store.close()
    this.#syncedCount = this.#history.hasFaults ? this.#syncedCount : this.#order.count
    this.#checkErrors()
    if (this.env.calls.openCount > 0) {
      throw new Violation('leak', `${this.env.calls.openCount} files are open after close`)
    }
  }

  /** Looks at the files once nothing is under way. Turns the loop itself: not to be called inside of a run. */
  async audit(): Promise<void> {
    await this.env.idle()
    const auditor = new SimulatedEnv(1, this.env.disk)
    await auditor.run(auditStore(auditor.files, DIRECTORY, this.#logCountMax))
    await auditor.run(this.#copies.audit(auditor))
  }

  /** A store that cannot flush, or cannot make a log, keeps those that it has. */
  get #logCountMax(): number | undefined {
    return this.#history.hasFaults ? Infinity : undefined
  }

  async #do(step: Step): Promise<void> {
    const { store, reader } = this.#live()
    const ackedCount = this.#ackedCount
    const makesDurable = (): void => {
      this.#syncedCount = Math.max(this.#syncedCount, ackedCount)
    }
    switch (step.kind) {
      case 'write':
        return await this.#write(store, step)
      case 'sync':
        return this.#track(store.sync().then(makesDurable))
      case 'flush':
        return this.#track(store.flush().then(makesDurable))
      case 'compact':
        return this.#track(store.compactRange(step.range).then(makesDurable))
      case 'checkpoint':
        return this.#track(this.#copies.make(store, () => this.#order, ackedCount).then(makesDurable))
      case 'clear':
        return await this.#clear(store, step.range)
      case 'since':
        return await this.#conditional.takeSnapshot()
      case 'writeIf':
      case 'transaction':
        return await this.#condition(step)
      case 'reopen':
        return await this.#reopen(step.failsFlush)
      case 'snapshot':
        return await reader.openSnapshot(step.stepCount, this.bounds(), () => this.#order.count)
      case 'iterator':
        return reader.openIterator(step.stepCount, this.bounds())
      case 'settle':
        return await this.settle()
      case 'failSync':
        this.env.calls.faults.add({ kinds: ['dataSync'], path: /wal$/, code: 'EIO', effect: 'dropped', ...step })
        return
      case 'turn':
        return await this.#turn(step.count)
    }
  }

  async #turn(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await new Promise<void>((resolve) => this.env.scheduler.immediate(resolve))
    }
  }

  async #write(store: Store, step: Step & { kind: 'write' }): Promise<void> {
    const { sync, isAwaited } = step
    const written = this.#valued(step)
    const count = this.#order.add(written)
    // Where syncs fail, who asks for one with a write is not told whether the write is there: it is asked for apart.
    const isSyncedApart = sync && this.#history.hasFaults
    const options = { sync: sync && !isSyncedApart }
    const [single] = written.length === 1 ? written : []
    const done =
      single === undefined
        ? store.write(operationsOf(written), options)
        : single[1] === undefined
          ? store.delete(single[0], options)
          : store.put(single[0], single[1], options)
    const acknowledged = done.then(
      () => {
        this.#ackedCount = Math.max(this.#ackedCount, count)
        this.#syncedCount = Math.max(this.#syncedCount, options.sync ? count : 0)
        if (isSyncedApart) {
          this.#track(store.sync().then(() => void (this.#syncedCount = Math.max(this.#syncedCount, count))))
        }
      },
      (error: unknown) => this.#onRejected(error, count),
    )
    this.#track(acknowledged)
    if (isAwaited) {
      await acknowledged
    }
  }

  /** Alone, so that its place in the order is known: what was asked for before may be under way. */
  async #condition(step: Step & { kind: 'writeIf' | 'transaction' }): Promise<void> {
    const write = { ...step.write, sync: step.write.sync && !this.#history.hasFaults }
    if (this.#history.hasFaults) {
      await this.settle()
    }
    await (step.kind === 'writeIf'
      ? this.#conditional.writeIf({ ...step, write })
      : this.#conditional.transaction({
          ...step,
          write,
          disturbance: this.#history.hasFaults ? undefined : step.disturbance,
        }))
  }

  #conditionalHost(): ConditionalHost {
    return {
      store: () => this.#live().store,
      order: () => this.#order,
      ackedCount: () => this.#ackedCount,
      acknowledge: (count, isDurable) => {
        this.#ackedCount = Math.max(this.#ackedCount, count)
        this.#syncedCount = Math.max(this.#syncedCount, isDurable ? count : 0)
      },
      withdraw: (count) => this.#withdraw(count),
      reject: (error, count) => this.#onRejected(error, count),
      valued: (step) => this.#valued(step),
      write: (step) => void this.#write(this.#live().store, { ...step, isAwaited: false }),
    }
  }

  #withdraw(count: number): void {
    if (this.#order.count >= count) {
      this.#order = this.#order.fork(count - 1)
    }
  }

  /** A store that heals itself rejects what is not visible yet and refuses the rest: none of it is ever there. */
  async #onRejected(error: unknown, count: number): Promise<void> {
    this.#withdraw(count)
    this.#fail(error)
    await this.#turn(10)
  }

  /** Deletes what is there now, in one batch as long as there are few keys: alone, so that the batch has its place. */
  async #clear(store: Store, range: { readonly gte: string; readonly lt: string }): Promise<void> {
    await this.settle()
    const keys = [...this.#order.contents.keys()].filter((key) => key >= range.gte && key < range.lt)
    if (keys.length > 0) {
      const count = this.#order.add(keys.map((key) => [key, undefined]))
      try {
        await store.clear(range)
        this.#ackedCount = count
      } catch (error) {
        await this.#onRejected(error, count)
      }
    }
  }

  async #reopen(failsFlush: boolean): Promise<void> {
    const { faults } = this.env.calls
    // A flush that was asked for would be tried for ever.
    await this.settle()
    if (failsFlush) {
      faults.add({ kinds: ['create'], path: /sst$/, code: 'ENOSPC', count: Infinity })
    }
    await this.close()
    faults.liftAll()
    await auditStore(this.env.files, DIRECTORY, this.#logCountMax)
    const store = await this.#open(DIRECTORY)
    this.#store = store
    this.#reader = new StoreReader(store)
    const digest = digestOf(await this.#reader.readAll())
    const { count } = this.#order
    if (this.#order.find(digest, count, count) === undefined) {
      throw violationOf(this.#order, digest, count, count, this.#reader.lastRead)
    }
  }

  async #open(directory: string): Promise<Store> {
    const { manifestRotationSizeBytes, compactionCountMax, strategies } = this.#history
    const compactionStrategy = strategies[this.#openCount++ % strategies.length] ?? 'leveled'
    const options: StoreOptions = { ...this.#history.options, compactionStrategy }
    const executor = createInlineExecutor(this.env.forJobs, this.#memory, compactionCountMax)
    let store: Store
    try {
      store = await open(directory, options, { env: this.env, executor, manifestRotationSizeBytes })
    } catch (error) {
      throw new Violation('R7', `open fails in ${directory}: ${String(error)}`, { cause: error })
    }
    store.on('error', (error) => this.#fail(error))
    return store
  }

  #track(promise: Promise<void>): void {
    const tracked = promise.catch((error: unknown) => this.#fail(error)).finally(() => this.#pending.delete(tracked))
    this.#pending.add(tracked)
  }

  /** Nothing fails here but what was made to: another error is a fault of the store. */
  #fail(error: unknown): void {
    const isExpected =
      this.#history.hasFaults &&
      error instanceof VarveError &&
      (error.code === 'VARVE_IO' || error.code === 'VARVE_READ_ONLY')
    if (!isExpected) {
      this.#errors.push(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #checkErrors(): void {
    const [error] = this.#errors
    if (error !== undefined) {
      throw new Violation('no fault', `something failed: ${error.message}`, { cause: error })
    }
  }

  #valued({ changes }: Step & { kind: 'write' }): Change[] {
    return changes.map(([key, size], i) => [key, size === undefined ? undefined : this.#value(i, size)])
  }

  #value(i: number, size: number): string {
    return `${this.#label}/${this.#order.count}/${i}:`.padEnd(size, 'abcdefghijklmnopqrstuvwxyz')
  }

  #live(): { readonly store: Store; readonly reader: StoreReader } {
    if (this.#store === undefined || this.#reader === undefined) {
      throw new Error('the store is not open')
    }
    return { store: this.#store, reader: this.#reader }
  }
}
