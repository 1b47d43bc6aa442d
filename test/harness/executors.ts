/** Who runs the jobs of a store under test: the real pool, the calling thread, or somebody who does not. */
import { createNodeEnv } from '@varve/storage'
import { createInlineExecutor } from '@varve/workers'
import type { JobExecutor, JobRequest, JobResult } from '@varve/workers'
import type { Components } from 'varve'

export type ExecutorKind = 'pool' | 'inline'

/** The components to open a store with; made afresh for each open. */
export function componentsOf(kind: ExecutorKind): Components {
  return kind === 'pool' ? {} : { executor: createInlineExecutor(createNodeEnv()) }
}

/** Runs jobs on the calling thread, for a store that never takes itself for idle: its files stay as a test damages them. */
export function neverIdleComponents(): Components {
  const env = createNodeEnv()
  const scheduler = { ...env.scheduler, afterIdle: () => () => undefined }
  return { env: { ...env, scheduler }, executor: createInlineExecutor(env) }
}

/** Runs jobs on the calling thread, but only while its gate for their type is open. */
export class GatedExecutor implements JobExecutor {
  readonly compactionCountMax: number = 1
  readonly #inner: JobExecutor = createInlineExecutor(createNodeEnv())
  readonly #shut = new Set<JobRequest['type']>()
  #waiting: { readonly request: JobRequest; readonly go: () => void }[] = []

  shut(type: JobRequest['type']): void {
    this.#shut.add(type)
  }

  open(type: JobRequest['type']): void {
    this.#shut.delete(type)
    const ready = this.#waiting.filter(({ request }) => request.type === type)
    this.#waiting = this.#waiting.filter(({ request }) => request.type !== type)
    ready.forEach(({ go }) => go())
  }

  async run(request: JobRequest): Promise<JobResult> {
    if (this.#shut.has(request.type)) {
      await new Promise<void>((resolve) => this.#waiting.push({ request, go: resolve }))
    }
    return await this.#inner.run(request)
  }

  async close(): Promise<void> {
    this.open('flush')
    this.open('compaction')
    this.open('verify')
    await this.#inner.close()
  }
}

/** Fails every job, as a full disk would. */
export class FailingExecutor implements JobExecutor {
  readonly compactionCountMax: number = 1
  failedCount = 0

  run(request: JobRequest): Promise<JobResult> {
    this.failedCount++
    return Promise.resolve({
      ok: false,
      code: 'VARVE_IO',
      message: `no ${request.type} today`,
      stack: undefined,
      path: request.directory,
      offset: undefined,
      systemCode: 'ENOSPC',
      cancelled: false,
    })
  }

  async close(): Promise<void> {
    await Promise.resolve()
  }
}
