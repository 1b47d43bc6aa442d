/** The threads of the stress test, as the main thread sees them: they start, act for rounds, and may be ended at any time. */
import { Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { OperationLog } from './operation-log.ts'
import type { LoggedOperation } from './operation-log.ts'
import { OPERATIONS_PER_ROUND_MAX } from './stress-plan.ts'
import type { RoundEnd, RoundStart, StressPlan } from './stress-plan.ts'

/** Where the script is, whether this file runs as it stands or as it was built. */
const BUILD_URL = import.meta.url.includes('/harness/dist/') ? '../children/' : '../dist/children/'
const SCRIPT_URL = new URL(`${BUILD_URL}stress-thread.js`, import.meta.url)
const VALUES_PER_INCARNATION = 1e9

export class StressThread {
  readonly actor: number
  readonly #worker: Worker
  readonly #exited: Promise<void>
  #failure: Error | undefined
  #isDead = false
  #onMessage: (message: RoundEnd | 'ready') => void = () => undefined
  #onExit: () => void = () => undefined

  private constructor(plan: StressPlan) {
    this.actor = plan.actor
    this.#worker = new Worker(SCRIPT_URL, { workerData: plan, transferList: [plan.port] })
    this.#worker.on('message', (message: RoundEnd | 'ready') => this.#onMessage(message))
    this.#worker.on('error', (error: Error) => (this.#failure = error))
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#isDead = true
        this.#onExit()
        resolve()
      })
    })
  }

  /** @param incarnation how many threads were started before */
  static async start(port: MessagePort, actor: number, actorCount: number, incarnation: number): Promise<StressThread> {
    const thread = new StressThread({ actor, actorCount, port, valueBase: (incarnation + 1) * VALUES_PER_INCARNATION })
    await thread.#next()
    return thread
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Resolves when the round has ended, or with nothing when the thread has. */
  async round(start: RoundStart): Promise<RoundEnd> {
    this.#worker.postMessage(start)
    const end = await this.#next()
    return end === undefined || end === 'ready' ? { findings: this.#failures(), operationCount: 0 } : end
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
    await this.#exited
  }

  async close(): Promise<void> {
    this.#worker.postMessage('close')
    await this.#exited
  }

  #failures(): string[] {
    return this.#failure === undefined ? [] : [`a thread died of ${this.#failure.stack ?? this.#failure.message}`]
  }

  async #next(): Promise<RoundEnd | 'ready' | undefined> {
    return await new Promise((resolve) => {
      this.#onMessage = resolve
      this.#onExit = () => resolve(undefined)
      if (this.#isDead) {
        resolve(undefined)
      }
    })
  }
}

/** A round in which all actors act at once, and its logs. */
export class StressRound {
  readonly #stop = new SharedArrayBuffer(4)
  readonly #logs: OperationLog[] = []

  /** What an actor is started with. */
  startFor(seed: number): RoundStart & { readonly operations: OperationLog } {
    const operations = OperationLog.withRoomFor(OPERATIONS_PER_ROUND_MAX)
    this.#logs.push(operations)
    return { seed, log: operations.shared, stop: this.#stop, operations }
  }

  get hasStopped(): boolean {
    return Atomics.load(new Int32Array(this.#stop), 0) !== 0
  }

  stop(): void {
    Atomics.store(new Int32Array(this.#stop), 0, 1)
  }

  /** Of all actors, by key. */
  operations(): Map<number, LoggedOperation[]> {
    const byKey = new Map<number, LoggedOperation[]>()
    for (const operation of this.#logs.flatMap((log) => log.operations())) {
      const list = byKey.get(operation.key) ?? []
      list.push(operation)
      byKey.set(operation.key, list)
    }
    return byKey
  }
}
