/** Which calls fail, and how: added by tests, asked by `SimulatedFiles` at every call. */
import type { Call, CallKind } from './call.ts'

export interface Fault {
  /** All kinds if it is missing. */
  readonly kinds?: readonly CallKind[]
  /** A pattern of paths; all if it is missing. */
  readonly path?: RegExp
  /** So many calls that fit are let through first. */
  readonly skipCount?: number
  /** How many calls are hit then; `Infinity` until it is lifted. Default: 1. */
  readonly count?: number
  /** What the call fails with; `undefined` if it is only slow. */
  readonly code?: 'EIO' | 'ENOSPC' | 'EACCES' | 'EMFILE' | 'EXDEV'
  /**
   * What the failing call does all the same. Default: `nothing`.
   * - `part`: of a write, some bytes
   * - `all`: what it was asked for; only the answer is an error
   * - `dropped`: of a sync: what it covered counts as clean from then on, and is never made durable
   */
  readonly effect?: FaultEffect
  /** Virtual time that the call takes, if it is an asynchronous one. */
  readonly delayMs?: number
}

export type FaultEffect = 'nothing' | 'part' | 'all' | 'dropped'

export interface Verdict {
  readonly code: string | undefined
  readonly effect: FaultEffect
  readonly delayMs: number
}

const GOOD: Verdict = { code: undefined, effect: 'all', delayMs: 0 }

export class FaultPlan {
  readonly #faults = new Map<Fault, { skipCount: number; count: number }>()
  /** Calls that were made to fail, in order. */
  readonly failed: Call[] = []

  /** Returns what lifts it. */
  add(fault: Fault): () => void {
    this.#faults.set(fault, { skipCount: fault.skipCount ?? 0, count: fault.count ?? 1 })
    return () => void this.#faults.delete(fault)
  }

  liftAll(): void {
    this.#faults.clear()
  }

  /** What becomes of a call. Counts it. */
  judge(call: Call): Verdict {
    let verdict = GOOD
    for (const [fault, left] of this.#faults) {
      if (fits(fault, call) && left.count > 0 && left.skipCount-- <= 0) {
        left.count--
        verdict = {
          code: verdict.code ?? fault.code,
          effect: fault.code === undefined ? verdict.effect : (fault.effect ?? 'nothing'),
          delayMs: verdict.delayMs + (fault.delayMs ?? 0),
        }
      }
    }
    if (verdict.code !== undefined) {
      this.failed.push(call)
    }
    return verdict
  }
}

function fits({ kinds, path }: Fault, call: Call): boolean {
  return (kinds === undefined || kinds.includes(call.kind)) && (path === undefined || path.test(call.path))
}
