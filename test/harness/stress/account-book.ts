/**
 * Accounts between which money moves in atomic batches: their sum is the same in every state of the store. Those of an
 * actor are moved by it alone, many batches at once without waiting, in order; the shared ones by everybody, in conditional
 * writes. Beside them a pair of keys shows the order of an actor's writes: the first is never behind the second.
 */
import type { RemoteStore, Snapshot, Store, VarveError } from 'varve'
import type { SeededRandom } from '../random.ts'
import {
  ACCOUNT_COUNT,
  BALANCE,
  SHARED_ACCOUNT_COUNT,
  accountOf,
  orderedKeyOf,
  sharedAccountOf,
} from './stress-plan.ts'

const BURST_COUNT_MAX = 6

type Write = { readonly type: 'put'; readonly key: string; readonly value: string }

export class AccountBook {
  readonly #handle: Store | RemoteStore
  readonly #actor: number
  readonly #actorCount: number
  #balances: number[] = []
  #orderedCount = 0

  private constructor(handle: Store | RemoteStore, actor: number, actorCount: number) {
    this.#handle = handle
    this.#actor = actor
    this.#actorCount = actorCount
  }

  /** Whoever had the accounts before may have died in the middle: what is there counts. */
  static async open(handle: Store | RemoteStore, actor: number, actorCount: number): Promise<AccountBook> {
    const book = new AccountBook(handle, actor, actorCount)
    const keys = [...accountsOf(actor), orderedKeyOf(actor, 'first'), orderedKeyOf(actor, 'second')]
    const values = (await handle.getMany(keys)).map(Number)
    book.#balances = values.slice(0, ACCOUNT_COUNT)
    book.#orderedCount = values[ACCOUNT_COUNT] ?? 0
    await handle.put(orderedKeyOf(actor, 'second'), `${book.#orderedCount}`)
    return book
  }

  /** All accounts as they are at first. */
  static async fill(store: Store, actorCount: number): Promise<void> {
    const actors = Array.from({ length: actorCount }, (_, actor) => actor)
    await store.write([
      ...actors.flatMap((actor) => accountsOf(actor).map((key): Write => ({ type: 'put', key, value: `${BALANCE}` }))),
      ...actors.flatMap((actor) =>
        (['first', 'second'] as const).map((which): Write => ({
          type: 'put',
          key: orderedKeyOf(actor, which),
          value: '0',
        })),
      ),
      ...sharedAccounts().map((key): Write => ({ type: 'put', key, value: `${BALANCE}` })),
    ])
  }

  /** Moves money, in one of the two ways, or writes the ordered pair. */
  async moveSome(random: SeededRandom): Promise<void> {
    const burst: Promise<void>[] = []
    for (let i = random.between(1, BURST_COUNT_MAX); i > 0; i--) {
      if (random.chance(0.3)) {
        const value = `${++this.#orderedCount}`
        burst.push(
          this.#handle.put(orderedKeyOf(this.#actor, 'first'), value, { sync: random.chance(0.05) }),
          this.#handle.put(orderedKeyOf(this.#actor, 'second'), value, { sync: random.chance(0.05) }),
        )
      } else {
        burst.push(this.#move(random))
      }
    }
    if (random.chance(0.2)) {
      burst.push(this.#moveShared(random))
    }
    await Promise.all(burst)
  }

  /** @throws if a sum is wrong, or a pair out of order */
  async check(random: SeededRandom): Promise<void> {
    const actor = random.below(this.#actorCount)
    const own = accountsOf(actor)
    const ordered = [orderedKeyOf(actor, 'first'), orderedKeyOf(actor, 'second')]
    const keys = [...own, ...sharedAccounts(), ...ordered]
    const how = random.pick(['many', 'snapshot', 'gets'] as const)
    const snapshot = how === 'many' ? undefined : this.#handle.snapshot()
    try {
      const values = await this.#valuesOf(keys, how, snapshot)
      this.#judge(values, actor, how)
      if (random.chance(0.3)) {
        await this.#checkByScan(actor)
      }
    } finally {
      snapshot?.close()
    }
  }

  async #valuesOf(
    keys: readonly string[],
    how: 'many' | 'snapshot' | 'gets',
    snapshot: Snapshot | undefined,
  ): Promise<number[]> {
    const options = snapshot === undefined ? {} : { snapshot }
    if (how === 'gets') {
      const values: number[] = []
      for (const key of keys) {
        values.push(Number(await this.#handle.get(key, options)))
      }
      return values
    }
    return (await this.#handle.getMany(keys, options)).map(Number)
  }

  #judge(values: readonly number[], actor: number, how: string): void {
    const own = sum(values.slice(0, ACCOUNT_COUNT))
    const shared = sum(values.slice(ACCOUNT_COUNT, ACCOUNT_COUNT + SHARED_ACCOUNT_COUNT))
    const [first = NaN, second = NaN] = values.slice(-2)
    if (own !== ACCOUNT_COUNT * BALANCE || shared !== SHARED_ACCOUNT_COUNT * BALANCE) {
      throw new Error(`accounts read by ${how}: those of actor ${actor} sum to ${own}, the shared ones to ${shared}`)
    }
    if (first !== second && first !== second + 1) {
      throw new Error(`the writes of actor ${actor} are out of order: first ${first}, second ${second} (${how})`)
    }
  }

  async #checkByScan(actor: number): Promise<void> {
    const balances: number[] = []
    for await (const value of this.#handle.values({ prefix: `account/${actor}/` })) {
      balances.push(Number(value))
    }
    if (balances.length !== ACCOUNT_COUNT || sum(balances) !== ACCOUNT_COUNT * BALANCE) {
      throw new Error(`a scan of the accounts of actor ${actor} found ${balances.join(' ')}`)
    }
  }

  #move(random: SeededRandom): Promise<void> {
    const from = random.below(ACCOUNT_COUNT)
    const to = (from + random.between(1, ACCOUNT_COUNT - 1)) % ACCOUNT_COUNT
    const amount = random.between(1, 50)
    this.#balances[from] = (this.#balances[from] as number) - amount
    this.#balances[to] = (this.#balances[to] as number) + amount
    return this.#handle.write(
      [from, to].map((index) => ({
        type: 'put',
        key: accountOf(this.#actor, index),
        value: `${this.#balances[index]}`,
      })),
    )
  }

  async #moveShared(random: SeededRandom): Promise<void> {
    const snapshot = this.#handle.snapshot()
    try {
      const from = random.below(SHARED_ACCOUNT_COUNT)
      const to = (from + random.between(1, SHARED_ACCOUNT_COUNT - 1)) % SHARED_ACCOUNT_COUNT
      const keys = [from, to].map(sharedAccountOf)
      const [a = NaN, b = NaN] = (await snapshot.getMany(keys)).map(Number)
      const amount = random.between(1, 50)
      const values = [a - amount, b + amount]
      await this.#handle.write(
        keys.map((key, i) => ({ type: 'put', key, value: `${values[i]}` })),
        { ifUnchangedSince: snapshot },
      )
    } catch (error) {
      if (!isConflict(error)) {
        throw error
      }
    } finally {
      snapshot.close()
    }
  }
}

function accountsOf(actor: number): string[] {
  return Array.from({ length: ACCOUNT_COUNT }, (_, index) => accountOf(actor, index))
}

function sharedAccounts(): string[] {
  return Array.from({ length: SHARED_ACCOUNT_COUNT }, (_, index) => sharedAccountOf(index))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** By its code: the build under test may be another one than that which this file imports. */
function isConflict(error: unknown): boolean {
  return error instanceof Error && (error as Partial<VarveError>).code === 'VARVE_CONFLICT'
}
