/**
 * Calls of the file system, whoever makes them: counted, traced, told of, and made to fail as the faults say. A call that
 * is asynchronous does its work when the loop says that it has ended, and not before.
 */
import { IoError } from '@varve/storage'
import type { SeededRandom } from '../harness/random.ts'
import { callText, type Call, type CallKind, type CallRequest } from './call.ts'
import { SystemError, type SimulatedDisk } from './disk.ts'
import { FaultPlan, type FaultEffect } from './fault-plan.ts'
import type { FileContent } from './file-content.ts'
import { MisuseRecord } from './misuse.ts'
import type { SimulatedLoop } from './simulated-loop.ts'

/** Told of each call before it does anything, and when it has done all it does but for its answer. */
export type CallListener = (moment: 'before' | 'after', call: Call) => void

/** What IoErrors say was being done. */
const OPERATIONS: Record<CallKind, string> = {
  open: 'opening',
  create: 'opening',
  read: 'reading',
  write: 'writing',
  dataSync: 'syncing',
  truncate: 'truncating',
  close: 'closing',
  look: 'looking at',
  list: 'listing',
  rename: 'renaming',
  link: 'linking',
  copy: 'copying',
  remove: 'removing',
  makeDirectory: 'making',
  removeDirectory: 'removing',
  syncDirectory: 'syncing',
  lock: 'locking',
}

export class SystemCalls {
  readonly disk: SimulatedDisk
  readonly faults: FaultPlan = new FaultPlan()
  readonly misuse: MisuseRecord = new MisuseRecord()
  /** All calls so far. */
  readonly trace: Call[] = []
  /** How likely a read or write does only a part of what it was asked for. */
  shortTransferChance = 0
  onCall: CallListener | undefined
  /** Files on which a write or sync failed. A later sync on one proves nothing, whatever it returns. */
  readonly poisoned: WeakSet<FileContent> = new WeakSet()
  /** Descriptors that nobody has closed. */
  openCount = 0
  readonly #loop: SimulatedLoop
  readonly #random: SeededRandom

  constructor(disk: SimulatedDisk, loop: SimulatedLoop, random: SeededRandom) {
    this.disk = disk
    this.#loop = loop
    this.#random = random
  }

  /** The trace as text, one line a call. */
  traceText(): string {
    return this.trace.map(callText).join('\n')
  }

  /** A call that is done when it returns. `perform` is told how much of it is to be done. */
  call<T>(request: CallRequest, perform: (effect: FaultEffect) => T): T {
    const call = this.#begin(request)
    const { code, effect } = this.faults.judge(call)
    return this.#perform(call, code, effect, perform)
  }

  /** A call that is done when the loop says so. */
  callLater<T>(request: CallRequest, perform: (effect: FaultEffect) => T): Promise<T> {
    const call = this.#begin(request)
    const { code, effect, delayMs } = this.faults.judge(call)
    return new Promise((resolve, reject) => {
      this.#loop.operation(
        () => callText(call),
        delayMs,
        () => {
          try {
            resolve(this.#perform(call, code, effect, perform))
          } catch (error) {
            reject(error as Error)
          }
        },
      )
    })
  }

  /** How many of `length` bytes a transfer moves that nothing keeps from moving all. */
  transferable(length: number): number {
    return length > 1 && this.shortTransferChance > 0 && this.#random.chance(this.shortTransferChance)
      ? this.#random.between(1, length - 1)
      : length
  }

  /** Some bytes of a write that fails. */
  partOf(length: number): number {
    return this.#random.below(length)
  }

  #begin(request: CallRequest): Call {
    request.index = this.trace.length + 1
    this.trace.push(request as Call)
    return request as Call
  }

  #perform<T>(call: Call, code: string | undefined, effect: FaultEffect, perform: (effect: FaultEffect) => T): T {
    this.onCall?.('before', call)
    try {
      const result = effect === 'nothing' ? undefined : perform(effect)
      if (code !== undefined) {
        throw new SystemError(code)
      }
      return result as T
    } catch (error) {
      throw error instanceof SystemError ? new IoError(OPERATIONS[call.kind], call.path, error) : error
    } finally {
      this.onCall?.('after', call)
    }
  }

  /** A copy in an order that nobody may rely on. */
  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, place: this.#random.uint32() }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ item }) => item)
  }
}
