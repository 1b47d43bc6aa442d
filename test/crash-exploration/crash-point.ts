/** Moments of a store's life at which it may crash: between any two calls that change the disk or what is durable on it. */
import type { SeededRandom } from '../harness/random.ts'
import { callText, type Call, type CallKind } from '../simulation/call.ts'
import type { DiskSnapshot } from '../simulation/disk-snapshot.ts'
import type { Bounds, StoreLife } from './store-life.ts'

export interface CrashPoint {
  readonly snapshot: DiskSnapshot
  /** Before this call. */
  readonly place: string
  bounds: Bounds
}

const CHANGING: ReadonlySet<CallKind> = new Set<CallKind>([
  'create',
  'write',
  'dataSync',
  'truncate',
  'rename',
  'remove',
  'makeDirectory',
  'removeDirectory',
  'syncDirectory',
  'lock',
])

/**
 * Records all of them or, with `random`, one of the recovery and one of what comes after it. A crash after a call is one
 * before the next: there the disk is the same, and more may have been acknowledged.
 */
export class CrashRecorder {
  readonly points: CrashPoint[] = []
  readonly #life: StoreLife
  readonly #random: SeededRandom | undefined
  #isChanged = true
  #openingCount = 0
  #runningCount = 0
  #last: CrashPoint | undefined
  opening: CrashPoint | undefined
  running: CrashPoint | undefined

  constructor(life: StoreLife, random?: SeededRandom) {
    this.#life = life
    this.#random = random
    life.env.calls.onCall = (moment, call) => {
      if (moment === 'before') {
        this.#record(call)
      } else if (CHANGING.has(call.kind)) {
        this.#isChanged = true
      }
    }
  }

  /** The present moment, after all calls. */
  now(): CrashPoint {
    return { snapshot: this.#life.env.disk.snapshot(), place: 'the end', bounds: this.#life.bounds() }
  }

  #record(call: Call): void {
    if (!this.#isChanged) {
      this.#confirm()
      return
    }
    this.#isChanged = false
    this.#last = undefined
    const isOpening = this.#life.phase === 'opening'
    if (this.#random !== undefined) {
      const count = isOpening ? ++this.#openingCount : ++this.#runningCount
      if (this.#random.below(count) > 0) {
        return
      }
    }
    const point = { ...this.now(), place: callText(call) }
    this.#last = point
    if (this.#random === undefined) {
      this.points.push(point)
    } else if (isOpening) {
      this.opening = point
    } else {
      this.running = point
    }
  }

  /** The disk is as it was, and more may have been acknowledged meanwhile. */
  #confirm(): void {
    const now = this.#life.bounds()
    if (this.#last !== undefined && this.#life.phase === 'running' && this.#last.bounds.order === now.order) {
      const { deadFloor, powerFloor, copies } = now
      this.#last.bounds = { ...this.#last.bounds, deadFloor, powerFloor, copies }
    }
  }
}
