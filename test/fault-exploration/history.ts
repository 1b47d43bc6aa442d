/**
 * What is done to a store in one exploration, drawn from a seed and never changed by what happens: writes of all kinds,
 * flushes, compactions, views that are held, closes. Small memtables and tables make a short history reach every job.
 */
import type { StoreOptions } from 'varve'
import { SeededRandom } from '../harness/random.ts'

export type KeyChange =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }

export type Change =
  | KeyChange
  /** All keys from `from` up to, but without, `to`. */
  | { readonly type: 'clear'; readonly from: string; readonly to: string }

export type Step =
  | {
      readonly kind: 'write'
      readonly changes: readonly Change[]
      readonly sync: boolean
      readonly awaited: boolean
    }
  | { readonly kind: 'clear'; readonly from: string; readonly to: string }
  /** A snapshot is taken, on which conditional writes depend from now on. */
  | { readonly kind: 'since' }
  | {
      readonly kind: 'writeIf'
      readonly changes: readonly KeyChange[]
      readonly unchangedKeys: readonly string[]
      readonly sync: boolean
    }
  /** With a disturbance its first try meets a plain write. */
  | {
      readonly kind: 'transaction'
      readonly changes: readonly KeyChange[]
      readonly readKeys: readonly string[]
      readonly disturbance: readonly KeyChange[] | undefined
      readonly sync: boolean
    }
  | { readonly kind: 'sync' | 'flush' | 'compact'; readonly awaited: boolean }
  /** All that was begun has ended. */
  | { readonly kind: 'settle' }
  /** Close, with whatever is under way, and open again. */
  | { readonly kind: 'reopen' }
  | { readonly kind: 'openView' | 'closeView' | 'turn' | 'observe' }
  | { readonly kind: 'stepView'; readonly count: number }
  | { readonly kind: 'get'; readonly key: string; readonly isSync: boolean }
  | { readonly kind: 'pause'; readonly delayMs: number }

export interface History {
  readonly options: StoreOptions
  /** Small enough, in some, for manifests to be replaced. */
  readonly manifestRotationSizeBytes: number
  /** How likely a read or write moves only a part of what it was asked for. */
  readonly shortTransferChance: number
  /** Compactions, and parts of them, that are under way at once. */
  readonly compactionCountMax: number
  readonly steps: readonly Step[]
}

const KEY_COUNT = 24
const STEP_COUNT_MIN = 4
const STEP_COUNT_MAX = 30
const STEP_WEIGHTS = {
  burst: 10,
  write: 22,
  batch: 8,
  large: 0.4,
  clear: 2,
  sync: 3,
  flush: 3,
  compact: 1.5,
  settle: 6,
  reopen: 0.7,
  openView: 2,
  stepView: 3,
  closeView: 1,
  get: 8,
  turn: 6,
  pause: 2,
  observe: 1.5,
  since: 0,
  writeIf: 0,
  transaction: 0,
} as const
/** Of every second history; the others have the steps that they had before there were conditional writes. */
const CONDITION_WEIGHTS = { ...STEP_WEIGHTS, since: 5, writeIf: 9, transaction: 4 } as const

export function keyAt(index: number): string {
  return `key-${String(index).padStart(2, '0')}`
}

export const ALL_KEYS: readonly string[] = Array.from({ length: KEY_COUNT }, (_, index) => keyAt(index))

/** A history of a few hundred calls at most: each of them is to fail. */
export function drawHistory(seed: number): History {
  const random = new SeededRandom(seed)
  const draw = new HistoryDraw(seed, random)
  const options = draw.options()
  const manifestRotationSizeBytes = random.pick([100, 500, 100_000])
  const shortTransferChance = random.pick([0, 0, 0.3])
  const stepCount = random.between(STEP_COUNT_MIN, STEP_COUNT_MAX)
  const steps: Step[] = []
  while (steps.length < stepCount) {
    steps.push(...draw.steps())
  }
  // In the others the store has to go on as it is.
  if (random.chance(0.5)) {
    steps.push({ kind: 'reopen' }, ...draw.steps())
  }
  return { options, manifestRotationSizeBytes, shortTransferChance, compactionCountMax: 1 + (seed % 3), steps }
}

/** The history with the seed 0: short enough for every call of it to fail in every way, with all that is in a life. */
export function shortHistory(): History {
  const write = (value: string, sync: boolean, awaited: boolean): Step => ({
    kind: 'write',
    changes: [{ type: 'put', key: keyAt(value.length % 3), value }],
    sync,
    awaited,
  })
  const reads: Step[] = [{ kind: 'settle' }, { kind: 'get', key: keyAt(1), isSync: false }, { kind: 'observe' }]
  return {
    options: { memtableSizeBytes: 4096, levelZeroTableCountTrigger: 2, levelOneSizeBytes: 8192 },
    manifestRotationSizeBytes: 100,
    shortTransferChance: 0,
    compactionCountMax: 2,
    steps: [
      write('0;', true, true),
      write('1;', false, false),
      { kind: 'flush', awaited: true },
      write('2;'.padEnd(1500, '2'), false, false),
      write('3;'.padEnd(2000, '3'), true, false),
      write('4;'.padEnd(1000, '4'), false, true),
      ...reads,
      { kind: 'reopen' },
      write('5;5', true, true),
      ...reads,
    ],
  }
}

class HistoryDraw {
  readonly #seed: number
  readonly #random: SeededRandom
  #valueCount = 0

  constructor(seed: number, random: SeededRandom) {
    this.#seed = seed
    this.#random = random
  }

  options(): StoreOptions {
    const random = this.#random
    return {
      memtableSizeBytes: 4096,
      blockSizeBytes: 256,
      tableSizeBytes: 4096,
      levelOneSizeBytes: 8192,
      levelSizeRatio: 2,
      levelZeroTableCountTrigger: random.between(1, 3),
      levelZeroTableCountMax: random.between(3, 5),
      frozenMemtableCountMax: random.between(1, 3),
      stalledSizeBytesMax: random.pick([4096, 65_536]),
      blockCacheSizeBytes: random.pick([0, 4096, 65_536]),
      openTableCountMax: random.pick([1, 3, 100]),
      compactionStrategy: this.#seed % 3 === 0 ? 'tiered' : 'leveled',
    }
  }

  steps(): Step[] {
    const random = this.#random
    const kind = random.weighted<keyof typeof STEP_WEIGHTS>(this.#seed % 2 === 0 ? CONDITION_WEIGHTS : STEP_WEIGHTS)
    switch (kind) {
      case 'burst':
        return Array.from({ length: random.between(5, 20) }, () => this.#write(1, false))
      case 'write':
        return [this.#write(1, random.chance(0.5))]
      case 'batch':
        return [this.#write(random.between(2, 6), random.chance(0.5))]
      case 'large':
        return [{ kind: 'write', changes: [this.#put(280_000)], sync: random.chance(0.5), awaited: random.chance(0.5) }]
      case 'clear': {
        const from = random.below(KEY_COUNT)
        return [{ kind: 'settle' }, { kind, from: keyAt(from), to: keyAt(from + random.between(1, 6)) }]
      }
      case 'sync':
      case 'flush':
      case 'compact':
        return [{ kind, awaited: random.chance(0.5) }]
      case 'stepView':
        return [{ kind, count: random.between(1, 10) }]
      case 'get':
        return [{ kind, key: random.pick(ALL_KEYS), isSync: random.chance(0.3) }]
      case 'pause':
        return [{ kind, delayMs: random.pick([1, 10, 150, 1000]) }]
      case 'observe':
        return [{ kind: 'settle' }, { kind }]
      case 'writeIf':
        return [{ kind, changes: this.#changes(), unchangedKeys: this.#keys(), sync: random.chance(0.3) }]
      case 'transaction':
        return [
          {
            kind,
            changes: this.#changes(),
            readKeys: this.#keys(),
            disturbance: random.chance(0.5) ? this.#changes() : undefined,
            sync: random.chance(0.3),
          },
        ]
      case 'since':
      case 'settle':
      case 'reopen':
      case 'openView':
      case 'closeView':
      case 'turn':
        return [{ kind }]
    }
  }

  #keys(): string[] {
    return Array.from({ length: this.#random.below(4) }, () => this.#random.pick(ALL_KEYS))
  }

  #changes(count: number = this.#random.between(1, 3)): KeyChange[] {
    return Array.from({ length: count }, () => this.#change())
  }

  #write(count: number, awaited: boolean): Step {
    const random = this.#random
    const changes = this.#changes(count)
    return { kind: 'write', changes, sync: random.chance(0.15), awaited }
  }

  #change(): KeyChange {
    return this.#random.chance(0.2)
      ? { type: 'delete', key: this.#random.pick(ALL_KEYS) }
      : this.#put(this.#random.chance(0.1) ? this.#random.between(1000, 3000) : this.#random.between(10, 700))
  }

  /** No two values are the same: what is found says who wrote it. */
  #put(valueSizeBytes: number): KeyChange {
    const stamp = `${this.#valueCount++};`
    return { type: 'put', key: this.#random.pick(ALL_KEYS), value: stamp.padEnd(valueSizeBytes, stamp) }
  }
}
