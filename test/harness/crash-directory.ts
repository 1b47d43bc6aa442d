/**
 * One directory that is written by one process after the other, each of them killed. What each says that it starts and
 * what was acknowledged stays with the parent, and is compared with what the next one finds.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from 'varve'
import type { StoreOptions } from 'varve'
import { Child } from './child.ts'
import type { CrashWriterPlan } from './crash-writer-plan.ts'
import { componentsOf } from './executors.ts'
import { ledgerFaults } from './ledger.ts'
import type { SeededRandom } from './random.ts'
import { readStamp } from './workload.ts'
import type { Stamp } from './workload.ts'
import { findViolation } from './expected-state.ts'
import type { FoundState, Generation } from './expected-state.ts'

const KIB = 1024
/**
 * Opening, verifying and closing take a second on a busy machine; a process that needs so long hangs. Looks are counted,
 * not time: one that is stopped together with this process does not hang.
 */
const HANG_LOOK_COUNT = 120
const LOOK_MS = 1000
/** Mostly many, for large groups; but few make more groups, and one alone commits in a way of its own. */
const WRITER_COUNTS = [64, 64, 64, 8, 1] as const

export interface CrashCounts {
  killCount: number
  killedInOpenCount: number
  killedInCloseCount: number
  killedInCompactionCount: number
  closedCount: number
  acknowledgedCount: number
}

/** How a writer ends: killed at a random moment, in a phase of its life, or by itself. */
const ENDINGS = { kill: 60, killInOpen: 10, killInClose: 8, killInCompaction: 12, exit: 5, close: 5 } as const
type Ending = keyof typeof ENDINGS

export class CrashDirectory {
  readonly counts: CrashCounts = {
    killCount: 0,
    killedInOpenCount: 0,
    killedInCloseCount: 0,
    killedInCompactionCount: 0,
    closedCount: 0,
    acknowledgedCount: 0,
  }
  readonly #directory: string
  readonly #random: SeededRandom
  #child: Child | undefined
  #plan: CrashWriterPlan | undefined
  #base: FoundState = new Map()
  /** The writes whose outcome nobody has looked at yet. */
  #unsettled: Generation = { seed: 0, startedCount: 0, acknowledgedMax: -1 }

  constructor(directory: string, random: SeededRandom) {
    this.#directory = directory
    this.#random = random
  }

  /** Starts a writer, ends it one way or another, and checks what it found and left. */
  async cycle(): Promise<void> {
    const random = this.#random
    const ending = random.weighted(ENDINGS)
    const runMs = random.between(30, 300)
    const plan: CrashWriterPlan = {
      directory: this.#directory,
      ...this.#drawOptions(),
      seed: random.between(1, 2 ** 31),
      writerCount: random.pick(WRITER_COUNTS),
      isVerifying: true,
      endAfterMs: ending === 'exit' || ending === 'close' || ending === 'killInClose' ? runMs : undefined,
      end: ending === 'exit' ? 'exit' : 'close',
    }
    this.#plan = plan
    const child = new Child('crash-writer', plan)
    let lookCount = 0
    const watchdog = setInterval(() => {
      if (++lookCount === HANG_LOOK_COUNT) {
        child.endHung()
      }
    }, LOOK_MS)
    this.#child = child
    await this.#end(child, ending, runMs)
    const { stderr } = await child.ended
    clearInterval(watchdog)
    this.#child = undefined
    if (child.hasHung) {
      throw new Error(`the writer under ${JSON.stringify(plan)} said nothing more after: ${child.lines.at(-1)}`)
    }
    this.#learn(plan, ending, child.lines, stderr)
    if (random.chance(0.25)) {
      await this.checkHere()
    }
  }

  /** Kills the writer that runs, for whoever wants to stop. */
  abandon(): void {
    this.#child?.kill()
  }

  /** What is needed to look into a failure: what the directory must hold, and what was done to it last. */
  describe(): unknown {
    return { plan: this.#plan, unsettled: this.#unsettled, base: Object.fromEntries(this.#base) }
  }

  async #end(child: Child, ending: Ending, runMs: number): Promise<void> {
    const random = this.#random
    if (ending === 'killInOpen') {
      await sleep(random.between(20, 220))
      child.kill()
    } else if (ending === 'kill') {
      await child.line('verified')
      await sleep(runMs)
      child.kill()
    } else if (ending === 'killInClose' || ending === 'killInCompaction') {
      await child.line(ending === 'killInClose' ? 'closing' : 'compacting')
      await sleep(random.between(0, 60))
      child.kill()
    }
  }

  /** Opens the directory in this process, compares what is there, and closes it in good order. */
  async checkHere(): Promise<void> {
    const { options, executor } = this.#drawOptions()
    const store = await open(this.#directory, options, componentsOf(executor))
    const found = new Map<string, Stamp>()
    try {
      for await (const [key, value] of store.entries()) {
        found.set(key.toString(), stampOf(key.toString(), value))
      }
      for (const [key, stamp] of [...found].slice(0, 100)) {
        const value = await store.get(key)
        if (value === undefined || JSON.stringify(readStamp(key, value)) !== JSON.stringify(stamp)) {
          throw new Error(`get and entries differ in ${key}`)
        }
      }
      await store.flush()
    } finally {
      await store.close()
    }
    this.#settle(found)
    const faults = await ledgerFaults(this.#directory)
    if (faults.length > 0) {
      throw new Error(`R10, after close: ${faults.join('; ')}`)
    }
  }

  #drawOptions(): { options: StoreOptions; executor: 'pool' | 'inline' } {
    const random = this.#random
    const options: StoreOptions = {
      memtableSizeBytes: random.pick([64, 128, 256, 1024, 16_384]) * KIB,
      tableSizeBytes: random.pick([32, 256, 2048]) * KIB,
      blockSizeBytes: random.pick([512, 4096, 16_384]),
      blockCacheSizeBytes: random.pick([0, 64 * KIB, 8192 * KIB]),
      bloomBitsPerKey: random.pick([0, 5, 10]),
      compression: random.pick(['none', 'lz4', 'deflate'] as const),
      openTableCountMax: random.pick([4, 500]),
      levelZeroTableCountTrigger: random.pick([2, 4]),
      levelZeroTableCountMax: random.pick([4, 24]),
      levelSizeRatio: random.pick([2, 4, 10]),
      levelOneSizeBytes: random.pick([64, 512, 65_536]) * KIB,
      frozenMemtableCountMax: random.pick([1, 2, 4]),
      workerCountMax: random.pick([1, 2]),
    }
    return { options, executor: random.chance(0.15) ? 'inline' : 'pool' }
  }

  /** What the lines of an ended writer say. */
  #learn(plan: CrashWriterPlan, ending: Ending, lines: readonly string[], stderr: string): void {
    const wrong = lines.find((line) => line.startsWith('error')) ?? (stderr === '' ? undefined : stderr)
    if (wrong !== undefined) {
      throw new Error(`the writer under ${JSON.stringify(plan)} says: ${wrong.replaceAll(' | ', '\n')}`)
    }
    this.counts.killedInOpenCount += lines.includes('opened') ? 0 : 1
    const verifiedAt = lines.indexOf('verified')
    if (verifiedAt === -1) {
      return
    }
    this.#settle(
      new Map(
        lines
          .slice(0, verifiedAt)
          .filter((line) => line.startsWith('state '))
          .map(parseState),
      ),
    )
    let [startedCount, acknowledgedMax] = [0, -1]
    for (const line of lines) {
      if (line.startsWith('s ')) {
        startedCount = Number(line.slice(2))
      } else if (line.startsWith('a ')) {
        acknowledgedMax = Math.max(acknowledgedMax, Number(line.slice(2)))
        this.counts.acknowledgedCount++
      }
    }
    const isClosed = lines.includes('closed')
    this.counts.closedCount += isClosed ? 1 : 0
    this.counts.killCount += isClosed ? 0 : 1
    this.counts.killedInCloseCount += ending === 'killInClose' && !isClosed ? 1 : 0
    this.counts.killedInCompactionCount += ending === 'killInCompaction' ? 1 : 0
    this.#unsettled = { seed: plan.seed, startedCount, acknowledgedMax: isClosed ? startedCount - 1 : acknowledgedMax }
  }

  #settle(found: FoundState): void {
    const violation = findViolation(this.#base, this.#unsettled, found)
    if (violation !== undefined) {
      throw new Error(`R1 to R5 after the crash of ${JSON.stringify(this.#unsettled)}: ${violation}`)
    }
    this.#base = found
    this.#unsettled = { seed: 0, startedCount: 0, acknowledgedMax: -1 }
  }
}

function parseState(line: string): [string, Stamp] {
  const [, key, text] = line.split(' ')
  const [seed, index, position] = (text ?? '').split('/').map(Number)
  if (key === undefined || seed === undefined || index === undefined || position === undefined) {
    throw new Error(`cannot read the line ${line}`)
  }
  return [key, { seed, index, position }]
}

function stampOf(key: string, value: Buffer): Stamp {
  const stamp = readStamp(key, value)
  if (typeof stamp === 'string') {
    throw new Error(stamp)
  }
  return stamp
}
