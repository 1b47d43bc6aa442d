/**
 * One writer and reader of the stress test, in the main thread or in another one: does random things to the store for a
 * round, on several lanes at once, and logs them. What a thread can judge alone it judges: sums of accounts, stable
 * snapshots, the order of its writes. The rest is judged from the logs.
 */
import type { RemoteStore, Snapshot, Store } from 'varve'
import type { SeededRandom } from '../random.ts'
import { ABSENT, WRITE, nowNs } from './operation-log.ts'
import type { OperationLog } from './operation-log.ts'
import type { AccountBook } from './account-book.ts'
import { KEY_COUNT, decodeValue, encodeValue, keyOf } from './stress-plan.ts'

export type Handle = Store | RemoteStore

const LANE_COUNT = 4
/** Operations in the log at the end of a step, at most. */
const STEP_OPERATION_COUNT_MAX = 2 * KEY_COUNT
const HELD_SNAPSHOT_COUNT_MAX = 3
const OWN_WRITE_COUNT = 20
const OWN_VALUE_SIZE_BYTES = 4000
const FLOOD_COUNT = 30
const FLOOD_VALUE_SIZE_BYTES = 50_000

interface HeldSnapshot {
  readonly snapshot: Snapshot
  readonly startNs: number
  readonly endNs: number
  /** By key: what was read of it. */
  readonly seen: Map<number, number>
}

export class StressActor {
  readonly #handle: Handle
  readonly #random: SeededRandom
  readonly #log: OperationLog
  readonly #accounts: AccountBook
  readonly #nextValue: () => number
  readonly #snapshots: HeldSnapshot[] = []
  readonly findings: string[] = []
  stepCount = 0

  constructor(handle: Handle, accounts: AccountBook, random: SeededRandom, log: OperationLog, nextValue: () => number) {
    this.#handle = handle
    this.#accounts = accounts
    this.#random = random
    this.#log = log
    this.#nextValue = nextValue
  }

  /** Until the round ends, the log is full, or something is wrong. */
  async run(hasStopped: () => boolean): Promise<void> {
    const goesOn = (): boolean =>
      !hasStopped() && this.findings.length === 0 && this.#log.hasRoom(LANE_COUNT * STEP_OPERATION_COUNT_MAX)
    const lanes = Array.from({ length: LANE_COUNT }, async () => {
      while (goesOn()) {
        await this.#attempt(() => this.#step())
      }
    })
    const mover = async (): Promise<void> => {
      while (goesOn()) {
        await this.#attempt(() => this.#accounts.moveSome(this.#random))
      }
    }
    await Promise.all([...lanes, mover()])
    await this.#attempt(async () => {
      for (const held of this.#snapshots.splice(0)) {
        await this.#readHeld(held)
        held.snapshot.close()
      }
    })
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.findings.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }

  async #step(): Promise<void> {
    this.stepCount++
    const random = this.#random
    switch (
      random.weighted({
        put: 26,
        remove: 8,
        batch: 8,
        get: 26,
        many: 6,
        scan: 4,
        hold: 4,
        held: 6,
        sums: 8,
        sync: 1,
        flood: 0.5,
        own: 2,
      })
    ) {
      case 'put':
        return await this.#write([this.#key()], false, { sync: random.chance(0.02) })
      case 'remove':
        return await this.#write([this.#key()], true, {})
      case 'batch':
        return await this.#write([...new Set([this.#key(), this.#key(), this.#key(), this.#key()])], undefined, {})
      case 'get':
        return await this.#get(this.#key())
      case 'many':
        return await this.#getMany(Array.from({ length: random.between(1, 12) }, () => this.#key()))
      case 'scan':
        return await this.#scan()
      case 'hold':
        return this.#hold()
      case 'held':
        return await this.#useHeld()
      case 'sums':
        return await this.#accounts.check(random)
      case 'sync':
        return await this.#handle.sync()
      case 'flood':
        return await this.#flood()
      case 'own':
        return await this.#readOwn()
    }
  }

  #key(): number {
    return this.#random.below(KEY_COUNT)
  }

  /** @param isDelete of all keys; undefined: of some, in one batch */
  async #write(keys: readonly number[], isDelete: boolean | undefined, options: { sync?: boolean }): Promise<void> {
    const startNs = nowNs()
    const writes = keys.map((key) => {
      const value = (isDelete ?? this.#random.chance(0.3)) ? ABSENT : this.#nextValue()
      return { key, value, slot: this.#log.begin(WRITE, key, value, startNs) }
    })
    const [first] = writes
    if (writes.length === 1 && first !== undefined) {
      const key = keyOf(first.key)
      const put = (): Promise<void> => this.#handle.put(key, encodeValue(first.value), options)
      await (first.value === ABSENT ? this.#handle.delete(key, options) : put())
    } else {
      await this.#handle.write(
        writes.map(({ key, value }) =>
          value === ABSENT
            ? { type: 'delete', key: keyOf(key) }
            : { type: 'put', key: keyOf(key), value: encodeValue(value) },
        ),
        options,
      )
    }
    writes.forEach(({ slot }) => this.#log.end(slot))
  }

  /** More at once than a thread may send without an answer. */
  async #flood(): Promise<void> {
    const value = Buffer.alloc(FLOOD_VALUE_SIZE_BYTES, this.#random.uint32())
    await Promise.all(Array.from({ length: FLOOD_COUNT }, (_, i) => this.#handle.put(`flood/${i}`, value)))
  }

  /** What a thread was acknowledged it sees at once, also where the write was the first into a new memtable. */
  async #readOwn(): Promise<void> {
    const key = `own/${this.#nextValue()}`
    for (let count = 1; count <= OWN_WRITE_COUNT; count++) {
      await this.#handle.put(key, Buffer.alloc(OWN_VALUE_SIZE_BYTES, count))
      const seen = (await this.#handle.get(key))?.[0]
      if (seen !== count) {
        throw new Error(`write ${count} of ${key} was acknowledged, and a read behind it saw ${seen}`)
      }
    }
    await this.#handle.delete(key)
  }

  async #get(key: number): Promise<void> {
    const startNs = nowNs()
    const value = decodeValue(await this.#handle.get(keyOf(key)))
    this.#log.read(key, value, startNs, nowNs())
  }

  async #getMany(keys: readonly number[]): Promise<void> {
    const startNs = nowNs()
    const values = await this.#handle.getMany(keys.map(keyOf))
    const endNs = nowNs()
    values.forEach((value, i) => this.#log.read(keys[i] as number, decodeValue(value), startNs, endNs))
  }

  /** It reads as of its call: each key is read then, however long the scan takes. */
  async #scan(): Promise<void> {
    const reverse = this.#random.chance(0.5)
    const startNs = nowNs()
    const iterator = this.#handle.iterator({ prefix: 'key/', reverse })
    const endNs = nowNs()
    const seen = new Map<number, number>()
    const chunkCount = this.#random.between(1, 20)
    try {
      for (
        let chunk = await iterator.nextMany(chunkCount);
        chunk.length > 0;
        chunk = await iterator.nextMany(chunkCount)
      ) {
        for (const [key, value] of chunk) {
          seen.set(Number(key.subarray(4).toString()), decodeValue(value))
        }
      }
    } finally {
      await iterator.close()
    }
    const keys = [...seen.keys()]
    const sorted = keys.toSorted((a, b) => (reverse ? b - a : a - b))
    if (keys.some((key, i) => key !== sorted[i])) {
      this.findings.push(`a scan came out of order: ${keys.join(' ')}`)
    }
    for (let key = 0; key < KEY_COUNT; key++) {
      this.#log.read(key, seen.get(key) ?? ABSENT, startNs, endNs)
    }
  }

  #hold(): void {
    if (this.#snapshots.length === HELD_SNAPSHOT_COUNT_MAX) {
      return
    }
    const startNs = nowNs()
    const snapshot = this.#handle.snapshot()
    this.#snapshots.push({ snapshot, startNs, endNs: nowNs(), seen: new Map() })
  }

  async #useHeld(): Promise<void> {
    const index = this.#random.below(Math.max(1, this.#snapshots.length))
    const held = this.#snapshots[index]
    if (held === undefined) {
      return
    }
    if (this.#random.chance(0.2)) {
      this.#snapshots.splice(index, 1)
      await this.#readHeld(held)
      held.snapshot.close()
      return
    }
    const keys = Array.from({ length: this.#random.between(1, 6) }, () => this.#key())
    const values = await held.snapshot.getMany(keys.map(keyOf)).catch((error: unknown) => {
      // Another lane has closed it.
      if (held.snapshot.isClosed) {
        return []
      }
      throw error
    })
    values.forEach((value, i) => this.#seeHeld(held, keys[i] as number, decodeValue(value)))
  }

  /** All that was read of it is read again, by a scan. */
  async #readHeld(held: HeldSnapshot): Promise<void> {
    const found = new Map<number, number>()
    for await (const [key, value] of held.snapshot.entries({ prefix: 'key/' })) {
      found.set(Number(key.subarray(4).toString()), decodeValue(value))
    }
    for (let key = 0; key < KEY_COUNT; key++) {
      this.#seeHeld(held, key, found.get(key) ?? ABSENT)
    }
  }

  #seeHeld(held: HeldSnapshot, key: number, value: number): void {
    const before = held.seen.get(key)
    if (before === undefined) {
      held.seen.set(key, value)
      this.#log.read(key, value, held.startNs, held.endNs)
    } else if (before !== value) {
      this.findings.push(`a snapshot had ${before} for key ${key}, and then ${value}`)
    }
  }
}
