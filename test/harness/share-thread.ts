/** A thread of a test that uses a store through `connect`: commands go to it, answers come back. */
import { Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { ShareAnswer, ShareCommand, SharePlan } from './share-plan.ts'

const SCRIPT_URL = new URL('./dist/children/share-thread.js', import.meta.url)

export class ShareThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #lastId = 0
  /** Resolves when the thread has ended, with what it threw. */
  readonly ended: Promise<Error | undefined>

  private constructor(port: MessagePort, plan: SharePlan) {
    this.#worker = new Worker(SCRIPT_URL, { workerData: { ...plan, port }, transferList: [port] })
    let failure: Error | undefined
    this.#worker.on('error', (error: Error) => (failure = error))
    this.#worker.on('message', (answer: ShareAnswer) => this.#settle(answer))
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#waiting.forEach(({ reject }) => reject(new Error('the thread has ended', { cause: failure })))
        resolve(failure)
      })
    })
  }

  /** Resolves when the thread is connected. */
  static async start(port: MessagePort, plan: SharePlan = {}): Promise<ShareThread> {
    const thread = new ShareThread(port, plan)
    await new Promise((resolve, reject) => thread.#waiting.set(0, { resolve, reject }))
    return thread
  }

  async do(command: ShareCommand): Promise<unknown> {
    const id = ++this.#lastId
    this.#worker.postMessage({ id, command })
    return await new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle({ id, value, error }: ShareAnswer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) {
      waiting?.resolve(value)
    } else {
      waiting?.reject(Object.assign(new Error(error.message), error))
    }
  }
}
