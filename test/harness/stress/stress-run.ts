/**
 * The stress test: the main thread and several others put, delete, move, read and scan on one store, in rounds, while
 * flushes, compactions and checkpoints go on and threads die. After each round everything that they saw is judged; at the
 * end, what is left behind. What it draws comes from a seed; how threads interleave is up to the machine.
 */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from 'varve'
import { SeededRandom } from '../random.ts'
import { AccountBook } from './account-book.ts'
import { LeakCheck } from './leak-check.ts'
import { findContradiction } from './linearizability.ts'
import { ABSENT, READ, nowNs } from './operation-log.ts'
import { StressActor } from './stress-actor.ts'
import { KEY_COUNT, decodeValue, keyOf } from './stress-plan.ts'
import type { RoundEnd, StressOptions } from './stress-plan.ts'
import { StressRound, StressThread } from './stress-threads.ts'
import type { Varve } from './varve-build.ts'

const KIB = 1024
const THREAD_COUNT = 3
const ACTOR_COUNT = THREAD_COUNT + 1
const ROUND_MS = 1500
const DEATH_CHANCE = 0.08
/** What has not ended after so many seconds in which this process ran never ends. */
const PATIENCE_S = 40

export interface StressCounts {
  roundCount: number
  operationCount: number
  deathCount: number
  flushCount: number
  compactionCount: number
  checkpointCount: number
}

export class StressRun {
  readonly counts: StressCounts = {
    roundCount: 0,
    operationCount: 0,
    deathCount: 0,
    flushCount: 0,
    compactionCount: 0,
    checkpointCount: 0,
  }
  readonly #varve: Varve
  readonly #directory: string
  readonly #random: SeededRandom
  readonly #threads: StressThread[] = []
  readonly #held: number[] = Array.from({ length: KEY_COUNT }, () => ABSENT)
  readonly #leaks = new LeakCheck()
  #incarnationCount = 0
  #mainValue = 0

  /** @param directory new or empty */
  constructor(varve: Varve, directory: string, seed: number) {
    this.#varve = varve
    this.#directory = directory
    this.#random = new SeededRandom(seed)
  }

  /** @returns what is wrong; ends with the round in which something is */
  async run(goesOn: () => boolean): Promise<string[]> {
    const store = await this.#varve.open(path.join(this.#directory, 'store'), optionsOf(this.#random))
    const problems: string[] = []
    store.on('error', (error) => problems.push(`an error in the background: ${error.stack ?? error.message}`))
    this.#count(store)
    await AccountBook.fill(store, ACTOR_COUNT)
    const accounts = await AccountBook.open(store, 0, ACTOR_COUNT)
    await store.flush()
    this.#leaks.begin()
    while (problems.length === 0 && goesOn()) {
      await this.#startMissing(store)
      problems.push(...(await this.#round(store, accounts)))
      this.counts.roundCount++
    }
    // What a failed run leaves is not judged: it may hang.
    return problems.length > 0 ? problems : await this.#end(store)
  }

  #count(store: Store): void {
    store.on('flush', () => this.counts.flushCount++)
    store.on('compaction', () => this.counts.compactionCount++)
  }

  async #startMissing(store: Store): Promise<void> {
    for (let actor = 1; actor < ACTOR_COUNT; actor++) {
      const thread = this.#threads[actor - 1]
      if (thread === undefined || thread.isDead) {
        this.#threads[actor - 1] = await StressThread.start(store.share(), actor, ACTOR_COUNT, ++this.#incarnationCount)
      }
    }
  }

  async #round(store: Store, accounts: AccountBook): Promise<string[]> {
    const round = new StressRound()
    const start = round.startFor(this.#random.uint32())
    const own = new StressActor(
      store,
      accounts,
      new SeededRandom(start.seed),
      start.operations,
      () => ++this.#mainValue,
    )
    const ends = [
      own.run(() => round.hasStopped).then((): RoundEnd => ({ findings: own.findings, operationCount: own.stepCount })),
      ...this.#threads.map((thread) => {
        const { seed, log, stop } = round.startFor(this.#random.uint32())
        return thread.round({ seed, log, stop })
      }),
    ]
    const disturbed = this.#disturb(store, round)
    await Promise.race([sleep(ROUND_MS), Promise.all(ends)])
    round.stop()
    const ended = await inTime(Promise.all([Promise.all(ends), disturbed]))
    if (ended === undefined) {
      return [`round ${this.counts.roundCount} does not end: some call has no answer, or some thread does not turn`]
    }
    const [results, problems] = ended
    this.counts.operationCount += results.reduce((sum, { operationCount }) => sum + operationCount, 0)
    const findings = [...problems, ...results.flatMap((result) => result.findings)]
    return findings.length > 0 ? findings : await this.#judge(store, round)
  }

  /** What threads saw of each key, and what is there now. */
  async #judge(store: Store, round: StressRound): Promise<string[]> {
    const operations = round.operations()
    for (let key = 0; key < KEY_COUNT; key++) {
      const startNs = nowNs()
      const value = decodeValue(await store.get(keyOf(key)))
      const seen = [...(operations.get(key) ?? []), { kind: READ, key, value, startNs, endNs: nowNs() }]
      const contradiction = findContradiction(seen, this.#held[key] as number)
      if (contradiction !== undefined) {
        return [`round ${this.counts.roundCount}, key ${key}: ${contradiction}`]
      }
      this.#held[key] = value
    }
    return []
  }

  /** What goes on meanwhile. Returns what went wrong. */
  async #disturb(store: Store, round: StressRound): Promise<string[]> {
    const random = this.#random
    try {
      while (!round.hasStopped) {
        switch (random.weighted({ flush: 4, compact: 2, checkpoint: 1, wait: 6 })) {
          case 'flush':
            await store.flush()
            break
          case 'compact':
            await store.compactRange(
              random.chance(0.5) ? {} : { prefix: random.pick(['key/', 'account/', 'ordered/']) },
            )
            break
          case 'checkpoint':
            await this.#checkpoint(store)
            break
          case 'wait':
            await sleep(random.between(1, 80))
        }
        if (random.chance(DEATH_CHANCE)) {
          await this.#killOne(store)
        }
      }
      return []
    } catch (error) {
      return [`meanwhile: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`]
    }
  }

  /** A checkpoint is a state of the store: its sums are right. */
  async #checkpoint(store: Store): Promise<void> {
    const target = path.join(this.#directory, `checkpoint-${this.counts.checkpointCount++}`)
    await store.checkpoint(target)
    const copy = await this.#varve.open(target)
    try {
      const accounts = await AccountBook.open(copy, 0, ACTOR_COUNT)
      for (let i = 0; i < ACTOR_COUNT; i++) {
        await accounts.check(this.#random)
      }
    } finally {
      await copy.close()
    }
    fs.rmSync(target, { recursive: true })
  }

  async #killOne(store: Store): Promise<void> {
    const living = this.#threads.filter((thread) => !thread.isDead)
    const victim = living[this.#random.below(Math.max(1, living.length))]
    if (victim !== undefined) {
      await victim.kill()
      this.counts.deathCount++
      // What it had sent is applied or dropped when its connection is gone.
      while (store.stats().remoteStoreCount > living.length - 1) {
        await sleep(1)
      }
    }
  }

  async #end(store: Store): Promise<string[]> {
    const closed = await inTime(Promise.all(this.#threads.filter((each) => !each.isDead).map((each) => each.close())))
    if (closed === undefined) {
      return ['a thread that was told to close does not end']
    }
    const leaks = await this.#leaks.find(store)
    await store.close()
    return leaks.length > 0 ? leaks : await this.#checkAgain()
  }

  /** The store that is opened again is whole, and holds the same. */
  async #checkAgain(): Promise<string[]> {
    const store = await this.#varve.open(path.join(this.#directory, 'store'))
    try {
      const { findings } = await store.verify()
      const changed = this.#held.findIndex((value, key) => decodeValue(store.getSync(keyOf(key))) !== value)
      return [
        ...findings.map(({ path: file, what }) => `verify after the run: ${file}: ${what}`),
        ...(changed < 0 ? [] : [`key ${changed} is another one after the store was opened again`]),
      ]
    } finally {
      await store.close()
    }
  }
}

function optionsOf(random: SeededRandom): StressOptions {
  return {
    memtableSizeBytes: random.pick([32, 128, 512]) * KIB,
    tableSizeBytes: random.pick([32, 128]) * KIB,
    blockSizeBytes: random.pick([512, 4096]),
    levelOneSizeBytes: 64 * KIB,
    levelSizeRatio: 4,
    levelZeroTableCountTrigger: 2,
    levelZeroTableCountMax: random.pick([4, 12]),
    frozenMemtableCountMax: random.pick([1, 3]),
    blockCacheSizeBytes: random.pick([0, 64, 4096]) * KIB,
    openTableCountMax: random.pick([4, 100]),
  }
}

/** `undefined` if it does not come to an end. Looks are counted, not time: the process may be stopped meanwhile. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  const controller = new AbortController()
  const late = (async () => {
    for (let second = 0; second < PATIENCE_S && !controller.signal.aborted; second++) {
      await sleep(1000, undefined, { signal: controller.signal }).catch(() => undefined)
    }
    return undefined
  })()
  try {
    return await Promise.race([work, late])
  } finally {
    controller.abort()
  }
}
