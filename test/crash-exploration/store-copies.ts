/**
 * The checkpoints of a store that was crashed: which of them may be there, which must be, and what each holds. Each that
 * is found is opened and written to, and from then on it is a store like any other that crashes.
 */
import type { Store } from 'varve'
import type { SimulatedEnv } from '../simulation/simulated-env.ts'
import { digestOf, type CommitOrder } from './commit-order.ts'
import { auditStore } from './store-audit.ts'
import { Violation } from './violation.ts'

/** What may be found where a checkpoint was begun. */
export interface CopyBounds {
  readonly path: string
  readonly order: CommitOrder
  readonly floor: number
  readonly ceiling: number
  /** It was acknowledged, or was found and a sync in it was: it must be there. */
  readonly isMade: boolean
}

const PARENT = '/data/copies'
const ALL_COUNT = 100_000
/** What a checkpoint holds that is being made is decided later than it is begun. */
const UNDER_WAY = Infinity

export class StoreCopies {
  readonly #env: SimulatedEnv
  #copies: CopyBounds[] = []

  constructor(env: SimulatedEnv) {
    this.#env = env
  }

  /** As of now, where the store has this order: what happens later does not change it. */
  bounds(order: CommitOrder): readonly CopyBounds[] {
    return this.#copies.map((copy) => (copy.ceiling === UNDER_WAY ? { ...copy, order, ceiling: order.count } : copy))
  }

  /** Makes a checkpoint. It holds at least the first `floor` writes of the order. */
  async make(store: Store, order: () => CommitOrder, floor: number): Promise<void> {
    let number = 1
    while (this.#copies.some(({ path }) => path === `${PARENT}/${number}`)) {
      number++
    }
    const path = `${PARENT}/${number}`
    this.#replace({ path, order: order(), floor, ceiling: UNDER_WAY, isMade: false })
    await store.checkpoint(path)
    this.#replace({ path, order: order(), floor, ceiling: order().count, isMade: true })
  }

  /**
   * Looks for the checkpoints that a crash may have left (R7), compares them with their bounds (R1, R2, R3), and writes
   * to each of them.
   * @param storeCount of the store's writes, so many were found there
   */
  async recover(
    found: readonly CopyBounds[],
    order: CommitOrder,
    storeCount: number,
    open: (path: string) => Promise<Store>,
  ): Promise<void> {
    this.#copies = found.slice()
    for (const copy of found) {
      if ((await this.#env.files.kindOf(copy.path)) !== 'missing') {
        const count = await this.#check(copy, await open(copy.path))
        if (copy.order === order && count > storeCount) {
          throw new Violation(
            'R1',
            `${copy.path} holds ${count} writes, and the store that it was made of ${storeCount}`,
          )
        }
      } else if (copy.isMade) {
        throw new Violation('R1', `the checkpoint ${copy.path} was made, and is gone`)
      } else {
        this.#copies = this.#copies.filter(({ path }) => path !== copy.path)
      }
    }
  }

  /** @throws Violation of R10 or R11. Nothing may be under way. */
  async audit(auditor: SimulatedEnv): Promise<void> {
    for (const { path } of this.#copies) {
      if ((await auditor.files.kindOf(path)) !== 'missing') {
        await auditStore(auditor.files, path)
      }
    }
  }

  async #check(copy: CopyBounds, store: Store): Promise<number> {
    const iterator = store.iterator()
    const digest = digestOf(await iterator.nextMany(ALL_COUNT))
    await iterator.close()
    const { path, floor, ceiling } = copy
    const count = copy.order.find(digest, floor, ceiling)
    if (count === undefined) {
      throw new Violation('R2 R3', `the checkpoint ${path} is not the store after ${floor} to ${ceiling} writes`)
    }
    const order = copy.order.fork(count)
    const value = `written to ${path} after ${count} writes, sequence ${copy.order.count}`
    this.#replace({ ...copy, order, floor: count, ceiling: order.add([['key-00', value]]) })
    await store.put('key-00', value, { sync: true })
    this.#replace({ path, order, floor: order.count, ceiling: order.count, isMade: true })
    await store.close()
    return count
  }

  #replace(copy: CopyBounds): void {
    this.#copies = [...this.#copies.filter(({ path }) => path !== copy.path), copy]
  }
}
