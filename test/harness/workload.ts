/**
 * What a crash test's writer writes: the i-th operation is a pure function of seed and i, and every value says which
 * operation wrote it. So a parent that only counts what was started and acknowledged knows all that may be found later.
 */
import { SeededRandom } from './random.ts'

const WORKLOAD_KEY_COUNT = 1200
/** Less than `clear` deletes in one batch: so it is atomic, if nothing else is written meanwhile. */
const CLEARED_KEY_COUNT_MAX = 300
const STAMP_SIZE_BYTES = 12
const KEY_DIGIT_COUNT = 5

export interface PlannedWrite {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly valueSizeBytes: number
}

export interface PlannedOperation {
  /** All of them or none; a single one may be written by `put` or `delete`. */
  readonly writes: readonly PlannedWrite[]
  readonly sync: boolean
  /** Written by `clear` of this range, while nothing else is: what stands in it are the keys of `writes`. */
  readonly cleared: { readonly gte: string; readonly lt: string } | undefined
}

/** Which operation wrote a value, and at which place in its batch. */
export interface Stamp {
  readonly seed: number
  readonly index: number
  readonly position: number
}

export function plannedOperation(seed: number, index: number): PlannedOperation {
  const random = new SeededRandom(seed * 2 ** 21 + index)
  const kind = random.weighted({ put: 60, delete: 8, batch: 30, huge: 0.4, clear: 0.1 })
  const sync = random.chance(0.05)
  if (kind === 'batch') {
    const writes = Array.from({ length: random.between(2, 9) }, () => plannedWrite(random, random.chance(0.2)))
    return { writes, sync, cleared: undefined }
  }
  if (kind === 'clear') {
    return plannedClear(random)
  }
  const write = plannedWrite(random, kind === 'delete')
  const writes = [kind === 'huge' ? { ...write, valueSizeBytes: random.between(90_000, 300_000) } : write]
  return { writes, sync, cleared: undefined }
}

/** The value that the write at `position` of an operation puts. */
export function stampedValue(stamp: Stamp, sizeBytes: number): Buffer {
  const value = Buffer.alloc(sizeBytes, `${stamp.seed}/${stamp.index}/${stamp.position};`)
  value.writeUInt32LE(stamp.seed, 0)
  value.writeUInt32LE(stamp.index, 4)
  value.writeUInt32LE(stamp.position, 8)
  return value
}

/** Who wrote `value`, or a sentence that says why nobody can have written it under this key. */
export function readStamp(key: string, value: Buffer): Stamp | string {
  if (value.length < STAMP_SIZE_BYTES) {
    return `${key} has a value of ${value.length} bytes, which nobody wrote`
  }
  const stamp = { seed: value.readUInt32LE(0), index: value.readUInt32LE(4), position: value.readUInt32LE(8) }
  const write = plannedOperation(stamp.seed, stamp.index).writes[stamp.position]
  if (write === undefined || write.key !== key || write.type !== 'put') {
    return `${key} has a value stamped ${stampText(stamp)}, which was written elsewhere or never`
  }
  return stampedValue(stamp, write.valueSizeBytes).equals(value)
    ? stamp
    : `${key} has altered bytes behind the stamp ${stampText(stamp)}`
}

export function stampText(stamp: Stamp): string {
  return `${stamp.seed}/${stamp.index}/${stamp.position}`
}

function plannedClear(random: SeededRandom): PlannedOperation {
  const first = random.below(WORKLOAD_KEY_COUNT)
  const count = random.between(1, CLEARED_KEY_COUNT_MAX)
  const writes = Array.from({ length: Math.min(count, WORKLOAD_KEY_COUNT - first) }, (_, i): PlannedWrite => ({
    type: 'delete',
    key: keyAt(first + i),
    valueSizeBytes: 0,
  }))
  return { writes, sync: false, cleared: { gte: keyAt(first), lt: keyAt(first + count) } }
}

function keyAt(index: number): string {
  return `key-${String(index).padStart(KEY_DIGIT_COUNT, '0')}`
}

function plannedWrite(random: SeededRandom, isDelete: boolean): PlannedWrite {
  const key = keyAt(random.below(WORKLOAD_KEY_COUNT))
  if (isDelete) {
    return { type: 'delete', key, valueSizeBytes: 0 }
  }
  const valueSizeBytes = random.chance(0.05) ? random.between(1000, 9000) : random.between(STAMP_SIZE_BYTES, 250)
  return { type: 'put', key, valueSizeBytes }
}
