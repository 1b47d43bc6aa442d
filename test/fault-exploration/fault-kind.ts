/** The kinds of faults that an exploration tries at the k-th call of a history, and what each of them does there. */
import type { SeededRandom } from '../harness/random.ts'
import type { Call, CallKind } from '../simulation/call.ts'
import type { SimulatedEnv } from '../simulation/simulated-env.ts'
import type { CallListener } from '../simulation/system-calls.ts'

/**
 * - `eio`, `enospc`: the call fails once; a write may have done a part
 * - `answerLost`: the call does all it was asked for, and fails
 * - `syncLies`: a file's sync fails once; what it covered is gone, and later syncs succeed
 * - `eioLasting`: this call and all after it fail until the fault is lifted
 * - `enospcLasting`: the same, for calls that may need room
 * - `budget`: so many bytes fit on the disk, until it is lifted
 * - `twice`: a second call fails soon after the first, while that one is being healed
 * - `again`: the same call on the same kind of file fails several times in a row
 * - `slow`: the call takes seconds
 */
export const FAULT_KINDS = [
  'eio',
  'enospc',
  'answerLost',
  'syncLies',
  'eioLasting',
  'enospcLasting',
  'budget',
  'twice',
  'again',
  'slow',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

/** Calls that a full disk makes fail. A rename or a removal may need room for the directory. */
const ALLOCATING: readonly CallKind[] = [
  'create',
  'write',
  'dataSync',
  'truncate',
  'rename',
  'makeDirectory',
  'syncDirectory',
]
const LASTING_MS = [1, 50, 400, 3000, 40_000] as const
const SECOND_DISTANCES = [1, 2, 3, 5, 8, 13, 25] as const

/** Whether a kind does anything at a call that another kind does not do as well. */
export function isApt(kind: FaultKind, call: Call): boolean {
  switch (kind) {
    case 'syncLies':
      return call.kind === 'dataSync'
    case 'enospc':
    case 'enospcLasting':
      return ALLOCATING.includes(call.kind)
    case 'answerLost':
      return call.kind !== 'read' && call.kind !== 'look' && call.kind !== 'list' && call.kind !== 'open'
    case 'budget':
      return call.kind === 'create' || call.kind === 'write'
    case 'slow':
    case 'eioLasting':
      return call.kind !== 'read' && call.kind !== 'look'
    case 'eio':
    case 'twice':
    case 'again':
      return true
  }
}

/**
 * Plants the fault, and returns what has to be told of the calls. `trace` is that of the run without faults: up to the
 * k-th call both are the same.
 */
export function plantFault(
  env: SimulatedEnv,
  kind: FaultKind,
  k: number,
  trace: readonly Call[],
  random: SeededRandom,
): CallListener {
  const { faults } = env.calls
  const call = trace[k - 1] as Call
  const skipCount = k - 1
  const effect = call.kind === 'write' && random.chance(0.5) ? 'part' : 'nothing'
  switch (kind) {
    case 'eio':
      faults.add({ skipCount, code: 'EIO', effect })
      break
    case 'enospc':
      faults.add({ skipCount, code: 'ENOSPC', effect })
      break
    case 'answerLost':
      faults.add({ skipCount, code: 'EIO', effect: call.kind === 'dataSync' ? 'dropped' : 'all' })
      break
    case 'syncLies':
      faults.add({ skipCount, code: 'EIO', effect: 'dropped' })
      break
    case 'eioLasting':
      return liftLater(env, faults.add({ skipCount, count: Infinity, code: 'EIO' }), random)
    case 'enospcLasting': {
      const before = trace.slice(0, skipCount).filter((each) => ALLOCATING.includes(each.kind)).length
      const fault = { kinds: ALLOCATING, skipCount: before, count: Infinity, code: 'ENOSPC' } as const
      return liftLater(env, faults.add(fault), random)
    }
    case 'budget':
      return limitBytes(env, k, random)
    case 'twice':
      faults.add({ skipCount, code: 'EIO' })
      faults.add({ skipCount: skipCount + random.pick(SECOND_DISTANCES), code: random.pick(['EIO', 'ENOSPC']) })
      break
    case 'again': {
      const before = trace.slice(0, skipCount).filter((each) => each.kind === call.kind).length
      faults.add({ kinds: [call.kind], skipCount: before, count: random.between(2, 5), code: 'EIO' })
      break
    }
    case 'slow':
      faults.add({ skipCount, delayMs: random.pick([20, 500, 7000]) })
  }
  return () => undefined
}

/** Lifts a fault some time after its first call has failed. */
function liftLater(env: SimulatedEnv, lift: () => void, random: SeededRandom): CallListener {
  const lastingMs = random.pick(LASTING_MS)
  let isArmed = true
  return () => {
    if (isArmed && env.calls.faults.failed.length > 0) {
      isArmed = false
      env.clock.after(lastingMs, lift)
    }
  }
}

function limitBytes({ clock, disk }: SimulatedEnv, k: number, random: SeededRandom): CallListener {
  const lastingMs = random.pick(LASTING_MS)
  const slackSizeBytes = random.pick([0, 10, 100, 1000, 6000])
  let isArmed = true
  return (moment, call) => {
    if (isArmed && moment === 'before' && call.index >= k) {
      isArmed = false
      disk.capacityBytes = Number.MAX_SAFE_INTEGER
      disk.capacityBytes -= disk.freeBytes() - slackSizeBytes
      clock.after(lastingMs, () => {
        disk.capacityBytes = Infinity
      })
    }
  }
}
