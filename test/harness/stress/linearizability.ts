/**
 * Whether what threads saw of one key can be explained by one order of all operations, in which each takes effect between
 * its call and its answer. Each put writes a value of its own, so that it is known which one a read saw. After Gibbons and
 * Korach, "Testing shared memories" (1997):
 *
 * - The operations of a value are its put and the reads that saw it. From the first end of one of them to the last start
 *   of one of them, if that is later, the key had this value: its forward zone. Two of these must not overlap.
 * - Any other operation must not lie within such a zone as a whole: a value whose operations all overlap, a delete, or a
 *   read that found nothing.
 * - A read that found nothing must have a delete, or an empty beginning, that no put behind it has certainly overwritten.
 *
 * Deletes cannot be told apart, so that the last rule is necessary, but does not decide.
 */
import { ABSENT, READ, WRITE } from './operation-log.ts'
import type { LoggedOperation } from './operation-log.ts'

interface Zone {
  readonly value: number
  /** The first end. */
  readonly fromNs: number
  /** The last start. */
  readonly toNs: number
}

/** What is wrong, or `undefined`. @param initial what the key held before any of the operations */
export function findContradiction(operations: readonly LoggedOperation[], initial: number): string | undefined {
  const writes = new Map<number, LoggedOperation>([[initial, firstWrite(initial)]])
  for (const operation of operations) {
    if (operation.kind === WRITE && operation.value !== ABSENT) {
      writes.set(operation.value, operation)
    }
  }
  const reads = operations.filter(({ kind }) => kind === READ)
  for (const read of reads) {
    const write = writes.get(read.value)
    if (read.value !== ABSENT && (write === undefined || write.startNs > read.endNs)) {
      return `${describe(read)}, ${write === undefined ? 'which nobody wrote' : `before ${describe(write)}`}`
    }
  }
  const zones = zonesOf(writes, reads)
  const forward = zones.filter(({ fromNs, toNs }) => fromNs < toNs).toSorted((a, b) => a.fromNs - b.fromNs)
  return overlapOf(forward) ?? enclosedIn(forward, zones, operations) ?? unexplainedAbsence(operations, initial)
}

function firstWrite(value: number): LoggedOperation {
  return { kind: WRITE, key: 0, value, startNs: -Infinity, endNs: -Infinity }
}

function zonesOf(writes: ReadonlyMap<number, LoggedOperation>, reads: readonly LoggedOperation[]): Zone[] {
  const zones = new Map<number, { fromNs: number; toNs: number }>()
  for (const [value, { startNs, endNs }] of writes) {
    if (value !== ABSENT) {
      zones.set(value, { fromNs: endNs, toNs: startNs })
    }
  }
  for (const { value, startNs, endNs } of reads) {
    const zone = zones.get(value)
    if (zone !== undefined) {
      zone.fromNs = Math.min(zone.fromNs, endNs)
      zone.toNs = Math.max(zone.toNs, startNs)
    }
  }
  return [...zones].map(([value, zone]) => ({ value, ...zone })).filter(({ fromNs }) => fromNs !== Infinity)
}

/** @param forward by begin */
function overlapOf(forward: readonly Zone[]): string | undefined {
  for (const [i, zone] of forward.entries()) {
    const before = forward[i - 1]
    if (before !== undefined && zone.fromNs < before.toNs) {
      return `the key had ${before.value} ${spanOf(before)}, and ${zone.value} ${spanOf(zone)}`
    }
  }
  return undefined
}

function enclosedIn(
  forward: readonly Zone[],
  zones: readonly Zone[],
  operations: readonly LoggedOperation[],
): string | undefined {
  const backward = zones.filter(({ fromNs, toNs }) => fromNs >= toNs)
  const spans = [
    ...backward.map(({ value, fromNs, toNs }) => ({ what: `all that is known of ${value}`, from: toNs, to: fromNs })),
    ...operations
      .filter(({ value }) => value === ABSENT)
      .map((operation) => ({ what: describe(operation), from: operation.startNs, to: operation.endNs })),
  ]
  for (const { what, from, to } of spans) {
    const zone = zoneBefore(forward, from)
    if (zone !== undefined && zone.fromNs < from && to < zone.toNs) {
      return `${what} (${from} to ${to}) lies in a time when the key had ${zone.value} ${spanOf(zone)}`
    }
  }
  return undefined
}

/** The last zone that begins before a time: zones do not overlap. */
function zoneBefore(forward: readonly Zone[], timeNs: number): Zone | undefined {
  let low = 0
  let high = forward.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((forward[middle] as Zone).fromNs < timeNs) {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return forward[low - 1]
}

function unexplainedAbsence(operations: readonly LoggedOperation[], initial: number): string | undefined {
  const deletes = operations
    .filter(({ kind, value }) => kind === WRITE && value === ABSENT)
    .toSorted((a, b) => a.startNs - b.startNs)
  const puts = operations
    .filter(({ kind, value, endNs }) => kind === WRITE && value !== ABSENT && endNs !== Infinity)
    .toSorted((a, b) => a.endNs - b.endNs)
  const absences = operations
    .filter(({ kind, value }) => kind === READ && value === ABSENT)
    .toSorted((a, b) => a.startNs - b.startNs)
  let putIndex = 0
  let newestPutStartNs = initial === ABSENT ? -Infinity : 0
  for (const read of absences) {
    for (let put = puts[putIndex]; put !== undefined && put.endNs < read.startNs; put = puts[++putIndex]) {
      newestPutStartNs = Math.max(newestPutStartNs, put.startNs)
    }
    const isExplained =
      newestPutStartNs === -Infinity ||
      deletes.some(({ startNs, endNs }) => startNs <= read.endNs && endNs >= newestPutStartNs)
    if (!isExplained) {
      return `${describe(read)}, but what was put last, from ${newestPutStartNs} on, nobody had deleted`
    }
  }
  return undefined
}

function describe({ kind, value, startNs, endNs }: LoggedOperation): string {
  const what =
    value === ABSENT
      ? kind === READ
        ? 'a read of nothing'
        : 'a delete'
      : `${kind === READ ? 'a read' : 'the put'} of ${value}`
  return `${what} (${startNs} to ${endNs})`
}

function spanOf({ fromNs, toNs }: Zone): string {
  return `from ${fromNs} to ${toNs}`
}
