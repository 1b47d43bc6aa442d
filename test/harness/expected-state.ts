/**
 * What may be found after a crash. Operations are numbered in the order in which they were issued, which is the order in
 * which they are committed; what is recovered must be what the first n of them leave, for some n that covers every
 * acknowledged one. Each key that is found allows some n and forbids others; a crash is survived if one n suits all keys:
 *
 *     n covers every acknowledged operation   R1, no lost acknowledgement
 *     one n for all keys                      R2, no hole; R3, atomic batches, since a batch is one operation
 *     nothing but what was planned            R4, no resurrection; R5, nothing of a refused batch
 */
import { plannedOperation, stampText } from './workload.ts'
import type { Stamp } from './workload.ts'

export type FoundState = ReadonlyMap<string, Stamp>

/** From `low` to `high` operations, both included, would explain what was found. */
interface Allowed {
  readonly low: number
  readonly high: number
}

/** The last write of one operation to one key. */
interface Touch {
  readonly index: number
  readonly position: number
  readonly isPut: boolean
}

export interface Generation {
  readonly seed: number
  /** Operations that were started, or were about to be. */
  readonly startedCount: number
  /** The largest index that was acknowledged, or -1. */
  readonly acknowledgedMax: number
}

/** What is wrong with what was found on top of `base` after a generation of writes, or `undefined` if nothing is. */
export function findViolation(base: FoundState, generation: Generation, found: FoundState): string | undefined {
  const touches = touchesByKey(generation)
  const keys = new Set([...base.keys(), ...touches.keys(), ...found.keys()])
  const total = generation.startedCount
  const low = generation.acknowledgedMax + 1
  const allowedByKey = new Map<string, Allowed[]>()
  const suiting = new Int32Array(total + 2)
  for (const key of keys) {
    const allowed = allowedCounts(base.get(key), touches.get(key) ?? [], generation, found.get(key))
    allowedByKey.set(key, allowed)
    for (const { low: from, high: to } of allowed) {
      suiting[from] = (suiting[from] ?? 0) + 1
      suiting[to + 1] = (suiting[to + 1] ?? 0) - 1
    }
  }
  const best = mostSuiting(suiting, low, total)
  if (best.keyCount === keys.size) {
    return undefined
  }
  const earlier = mostSuiting(suiting, 0, low - 1)
  if (earlier.keyCount === keys.size) {
    return `R1: what was found is what the first ${earlier.count} of ${total} operations leave, but operation ${low - 1} was acknowledged`
  }
  const lines = [...keys]
    .filter(
      (key) =>
        allowedByKey.get(key)?.some(({ low: from, high: to }) => from <= best.count && best.count <= to) !== true,
    )
    .slice(0, 12)
    .map((key) => describe(key, base.get(key), touches.get(key) ?? [], found.get(key), allowedByKey.get(key) ?? []))
  const head = `no prefix of the ${total} operations started (the last acknowledged is ${low - 1}) leaves what was found; the nearest are the first ${best.count}, apart from:`
  return [head, ...lines].join('\n  ')
}

function touchesByKey({ seed, startedCount }: Generation): Map<string, Touch[]> {
  const touches = new Map<string, Touch[]>()
  for (let index = 0; index < startedCount; index++) {
    for (const [position, write] of plannedOperation(seed, index).writes.entries()) {
      const list = touches.get(write.key) ?? []
      if (list.at(-1)?.index === index) {
        list.pop()
      }
      list.push({ index, position, isPut: write.type === 'put' })
      touches.set(write.key, list)
    }
  }
  return touches
}

function allowedCounts(
  base: Stamp | undefined,
  touches: readonly Touch[],
  generation: Generation,
  found: Stamp | undefined,
): Allowed[] {
  const allowed: Allowed[] = []
  if (found === undefined ? base === undefined : base !== undefined && stampText(base) === stampText(found)) {
    allowed.push({ low: 0, high: touches[0]?.index ?? generation.startedCount })
  }
  for (const [i, touch] of touches.entries()) {
    const explains =
      found === undefined
        ? !touch.isPut
        : touch.isPut &&
          found.seed === generation.seed &&
          found.index === touch.index &&
          found.position === touch.position
    if (explains) {
      allowed.push({ low: touch.index + 1, high: touches[i + 1]?.index ?? generation.startedCount })
    }
  }
  return allowed
}

function mostSuiting(changes: Int32Array, low: number, high: number): { count: number; keyCount: number } {
  let suiting = 0
  let best = { count: low, keyCount: -1 }
  for (let count = 0; count <= high; count++) {
    suiting += changes[count] ?? 0
    if (count >= low && suiting > best.keyCount) {
      best = { count, keyCount: suiting }
    }
  }
  return best
}

function describe(
  key: string,
  base: Stamp | undefined,
  touches: readonly Touch[],
  found: Stamp | undefined,
  allowed: readonly Allowed[],
): string {
  const text = (stamp: Stamp | undefined): string => (stamp === undefined ? 'absent' : stampText(stamp))
  const last = touches.slice(-6).map((touch) => `${touch.isPut ? 'put' : 'delete'} by ${touch.index}/${touch.position}`)
  const spans = allowed.map(({ low, high }) => `${low}..${high}`).join(', ')
  return `${key}: found ${text(found)}, before ${text(base)}, then ${last.join(', ')}; allows n in [${spans}]`
}
