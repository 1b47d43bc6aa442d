/**
 * What the threads of the stress test did to each key, and when: in shared memory, so that it outlives a thread that is
 * ended in the middle. One log a thread and round; the thread alone writes, the judge reads when it has stopped.
 *
 *     operation := kind key value startNs endNs        five f64; endNs is 0 until it has come to an end
 */
const FIELD_COUNT = 5
const HEADER_SIZE_BYTES = 8

export const WRITE = 1
export const READ = 2
/** Rejected before anything was written. */
const REJECTED = 3
/** The value of a key that is not there; what a delete writes. */
export const ABSENT = 0

export interface LoggedOperation {
  readonly kind: number
  readonly key: number
  /** Each put writes a value of its own. */
  readonly value: number
  readonly startNs: number
  /** Infinity: nobody knows whether it happened. */
  readonly endNs: number
}

/** One clock for all threads of the process. */
export function nowNs(): number {
  return Number(process.hrtime.bigint())
}

export class OperationLog {
  readonly shared: SharedArrayBuffer
  readonly #count: Int32Array
  readonly #fields: Float64Array

  constructor(shared: SharedArrayBuffer) {
    this.shared = shared
    this.#count = new Int32Array(shared, 0, 1)
    this.#fields = new Float64Array(shared, HEADER_SIZE_BYTES)
  }

  static withRoomFor(count: number): OperationLog {
    return new OperationLog(new SharedArrayBuffer(HEADER_SIZE_BYTES + count * FIELD_COUNT * 8))
  }

  /** Whether so many operations still fit. */
  hasRoom(count: number): boolean {
    return ((this.#count[0] as number) + count) * FIELD_COUNT <= this.#fields.length
  }

  /** Returns what `end` takes. */
  begin(kind: number, key: number, value: number, startNs: number): number {
    const slot = this.#count[0] as number
    this.#fields.set([kind, key, value, startNs, 0], slot * FIELD_COUNT)
    Atomics.store(this.#count, 0, slot + 1)
    return slot
  }

  end(slot: number): void {
    this.#fields[slot * FIELD_COUNT + 4] = nowNs()
  }

  reject(slot: number): void {
    this.#fields[slot * FIELD_COUNT] = REJECTED
  }

  read(key: number, value: number, startNs: number, endNs: number): void {
    const slot = this.begin(READ, key, value, startNs)
    this.#fields[slot * FIELD_COUNT + 4] = endNs
  }

  operations(): LoggedOperation[] {
    const list: LoggedOperation[] = []
    const count = Atomics.load(this.#count, 0)
    for (let slot = 0; slot < count; slot++) {
      const [kind = 0, key = 0, value = 0, startNs = 0, endNs = 0] = this.#fields.subarray(
        slot * FIELD_COUNT,
        (slot + 1) * FIELD_COUNT,
      )
      if (kind !== REJECTED) {
        list.push({ kind, key, value, startNs, endNs: endNs === 0 ? Infinity : endNs })
      }
    }
    return list
  }
}
