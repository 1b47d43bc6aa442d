/** What a parent tells the process that crash tests kill. */
import type { StoreOptions } from 'varve'
import type { ExecutorKind } from './executors.ts'

export interface CrashWriterPlan {
  readonly directory: string
  readonly options: StoreOptions
  readonly executor: ExecutorKind
  /** Of the workload: see `workload.ts`. */
  readonly seed: number
  readonly writerCount: number
  /** Whether it first says what it found in the directory. */
  readonly isVerifying: boolean
  /** When it stops by itself, counted from the first write, and how; otherwise it writes until it is killed. */
  readonly endAfterMs: number | undefined
  readonly end: 'close' | 'exit'
}
