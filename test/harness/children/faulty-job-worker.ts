/** A file for job threads: runs the real jobs, but at the planned point of a job the planned fault happens. */
import { createNodeEnv } from '@varve/storage'
import type { Env, File } from '@varve/storage'
import { runJob } from '@varve/workers'
import type { JobRequest } from '@varve/workers'
import { planJobFault, plannedJobFault } from '../job-fault-plan.ts'
import type { JobFaultPlan, JobPoint } from '../job-fault-plan.ts'

const GARBAGE = { ok: true, tables: 'many' }

class FaultyJob {
  readonly #request: JobRequest
  readonly #plan: JobFaultPlan | undefined
  #isArmed = true
  #isGarbage = false

  constructor(request: JobRequest) {
    this.#request = request
    const plan = plannedJobFault(request.directory)
    this.#plan = plan?.type === request.type ? plan : undefined
  }

  run(): unknown {
    this.#reach('start')
    const result = this.#isGarbage ? undefined : runJob(this.#env(), this.#request)
    this.#reach('answer')
    setTimeout(() => this.#reach('answered'), 1)
    return this.#isGarbage ? GARBAGE : result
  }

  #env(): Env {
    const env = createNodeEnv()
    const { files } = env
    const faulty = Object.assign(Object.create(files) as typeof files, {
      openSync: (path: string, mode: 'read' | 'create' | 'update'): File => {
        const file = files.openSync(path, mode)
        return mode === 'create' ? this.#output(file) : file
      },
      syncDirectorySync: (directory: string): void => {
        files.syncDirectorySync(directory)
        this.#reach('names-synced')
      },
    })
    return { ...env, files: faulty }
  }

  #output(file: File): File {
    return new Proxy(file, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') {
          return member
        }
        return (...inputs: unknown[]): unknown => {
          const result: unknown = Reflect.apply(member as (...values: unknown[]) => unknown, target, inputs)
          if (name === 'writeSync') {
            this.#reach('first-byte')
          } else if (name === 'dataSyncSync') {
            this.#reach('table-synced')
          }
          return result
        }
      },
    })
  }

  #reach(point: JobPoint): void {
    const plan = this.#plan
    if (plan === undefined || plan.point !== point || !this.#isArmed) {
      return
    }
    this.#isArmed = false
    planJobFault(this.#request.directory, { ...plan, count: plan.count - 1 })
    switch (plan.fault) {
      case 'exit':
        return process.exit(7)
      case 'throw':
        throw new Error(`thrown at ${point}`)
      case 'hang':
        for (;;) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
        }
      case 'garbage':
        this.#isGarbage = true
        // Half the work stays behind.
        if (point === 'start' || point === 'answer') {
          return
        }
        throw new Error('the rest is left out')
      case 'twice':
        return answerTwice()
    }
  }
}

/** The thread's next message is sent twice. */
function answerTwice(): void {
  const post = Reflect.get(MessagePort.prototype, 'postMessage') as (...message: unknown[]) => void
  MessagePort.prototype.postMessage = function (...message: unknown[]): void {
    MessagePort.prototype.postMessage = post
    Reflect.apply(post, this, message)
    Reflect.apply(post, this, message)
  }
}

export function runRequest(request: JobRequest): unknown {
  return new FaultyJob(request).run()
}
