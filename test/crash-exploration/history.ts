/** What is done to a store while it is crashed: a list of steps and the options of the store, drawn from a seed. */
import type { StoreOptions } from 'varve'
import { SeededRandom } from '../harness/random.ts'

export interface KeySpan {
  readonly gte: string
  readonly lt: string
}

export type Step =
  /** Several changes are one atomic batch. `undefined` deletes; a number is the size of the new value. */
  | {
      readonly kind: 'write'
      readonly changes: readonly (readonly [string, number | undefined])[]
      readonly sync: boolean
      readonly isAwaited: boolean
    }
  | { readonly kind: 'clear'; readonly range: KeySpan }
  /** A snapshot is taken, on which conditional writes depend from now on. */
  | { readonly kind: 'since' }
  | {
      readonly kind: 'writeIf'
      readonly write: WriteStep
      readonly unchangedKeys: readonly string[]
      readonly unchangedRange: KeySpan | undefined
      /** As soon as it is asked for. */
      readonly closesSnapshot: boolean
    }
  /** With a disturbance its first try meets a plain write. */
  | {
      readonly kind: 'transaction'
      readonly write: WriteStep
      readonly readKeys: readonly string[]
      readonly readRange: KeySpan | undefined
      readonly disturbance: WriteStep | undefined
    }
  | { readonly kind: 'sync' }
  | { readonly kind: 'flush' }
  | { readonly kind: 'compact'; readonly range: KeySpan | undefined }
  /** Makes a copy of the store beside it. */
  | { readonly kind: 'checkpoint' }
  /** With `failsFlush` no table can be made while the store closes: its logs remain. */
  | { readonly kind: 'reopen'; readonly failsFlush: boolean }
  /** A snapshot is read, and must stay the same for so many steps. */
  | { readonly kind: 'snapshot'; readonly stepCount: number }
  /** An iterator is opened, and read to its end over the next so many steps. */
  | { readonly kind: 'iterator'; readonly stepCount: number }
  /** The sync of a log fails soon, and what it covered is never durable: the store has to heal itself. */
  | { readonly kind: 'failSync'; readonly skipCount: number }
  /** Waits for all that has been asked for. */
  | { readonly kind: 'settle' }
  /** Lets the event loop turn so many times. */
  | { readonly kind: 'turn'; readonly count: number }

type WriteStep = Step & { kind: 'write' }

export interface History {
  readonly seed: number
  readonly options: StoreOptions
  readonly manifestRotationSizeBytes: number
  readonly steps: readonly Step[]
  /** Compactions, and parts of them, that are under way at once. */
  readonly compactionCountMax: number
  /** One for each open, over and over. */
  readonly strategies: readonly ('leveled' | 'tiered')[]
  readonly endsClosed: boolean
  readonly hasFaults: boolean
  readonly hasCheckpoints: boolean
  readonly hasConditions: boolean
}

/** What some histories have, and others have not. */
interface Traits {
  readonly hasFaults: boolean
  readonly hasGiants: boolean
  readonly hasCheckpoints: boolean
  readonly hasConditions: boolean
}

const SYNC: Step = { kind: 'sync' }
const SINCE: Step = { kind: 'since' }
const NO_TRAITS: Traits = { hasFaults: false, hasGiants: false, hasCheckpoints: false, hasConditions: false }
const KEY_COUNT = 28
const KIB = 1024

export function drawHistory(seed: number): History {
  const random = new SeededRandom(seed)
  const options: StoreOptions = {
    memtableSizeBytes: random.pick([4 * KIB, 4 * KIB, 6 * KIB, 16 * KIB]),
    frozenMemtableCountMax: random.between(1, 3),
    blockSizeBytes: random.pick([128, 512, 4096]),
    blockCacheSizeBytes: random.pick([0, 2 * KIB, 256 * KIB]),
    bloomBitsPerKey: random.pick([0, 10]),
    tableSizeBytes: random.pick([4 * KIB, 4 * KIB, 16 * KIB]),
    levelZeroTableCountTrigger: random.between(1, 4),
    levelZeroTableCountMax: random.between(4, 8),
    levelOneSizeBytes: random.pick([4 * KIB, 8 * KIB]),
    levelSizeRatio: 2,
    openTableCountMax: random.pick([1, 4, 100]),
    // Not drawn: the same seeds give the same steps as before there were codecs.
    compression: (['none', 'lz4', 'deflate'] as const)[seed % 3] ?? 'lz4',
  }
  const traits = {
    hasFaults: random.chance(0.25),
    hasGiants: random.chance(0.03),
    hasCheckpoints: random.chance(0.25),
    // Not drawn: the others have the steps that they had before there were conditional writes.
    hasConditions: seed % 2 === 0,
  }
  const blocks = Array.from({ length: random.between(8, 45) }, () => drawSteps(random, traits))
  if (traits.hasFaults) {
    blocks.splice(random.below(blocks.length), 0, drawFailure(random, traits))
  }
  return {
    seed,
    options,
    manifestRotationSizeBytes: random.pick([0, 0, 600, 1024 * KIB]),
    steps: blocks.flat(),
    compactionCountMax: 1 + (seed % 3),
    strategies: seed % 4 === 0 ? ['tiered'] : seed % 4 === 1 ? ['tiered', 'leveled'] : ['leveled'],
    endsClosed: random.chance(0.3),
    hasFaults: traits.hasFaults,
    hasCheckpoints: traits.hasCheckpoints,
    hasConditions: traits.hasConditions,
  }
}

/** What a store does that has just been recovered: little, with some of it synced. */
export function drawAftermath(random: SeededRandom, { hasCheckpoints, hasConditions }: History): Step[] {
  const steps: Step[] = Array.from({ length: random.between(1, 4) }, () => drawWrite(random, NO_TRAITS))
  if (hasConditions && random.chance(0.5)) {
    steps.unshift(SINCE)
    steps.push(random.chance(0.5) ? drawWriteIf(random, NO_TRAITS) : drawTransaction(random, NO_TRAITS))
  }
  const last = random.weighted({ sync: 3, flush: 1, compact: 1, nothing: 1, checkpoint: hasCheckpoints ? 1 : 0 })
  if (last === 'compact') {
    steps.push({ kind: 'compact', range: undefined })
  } else if (last !== 'nothing') {
    steps.push({ kind: last })
  }
  return [...steps, { kind: 'settle' }]
}

function drawSteps(random: SeededRandom, traits: Traits): Step[] {
  const kind = random.weighted({
    write: 58,
    burst: 3,
    sync: 4,
    settle: 10,
    turn: 10,
    flush: 4,
    compact: 4,
    reopen: 2,
    clear: 1.5,
    checkpoint: traits.hasCheckpoints ? 3 : 0,
    snapshot: 3,
    iterator: 3,
    failSync: traits.hasFaults ? 4 : 0,
    since: traits.hasConditions ? 6 : 0,
    writeIf: traits.hasConditions ? 12 : 0,
    transaction: traits.hasConditions ? 6 : 0,
  })
  switch (kind) {
    case 'write':
      return [drawWrite(random, traits)]
    case 'burst':
      return Array.from({ length: random.between(5, 15) }, () => ({ ...drawWrite(random, traits), isAwaited: false }))
    case 'clear':
      return [{ kind, range: drawSpan(random) }]
    case 'compact':
      return [{ kind, range: random.chance(0.5) ? drawSpan(random) : undefined }]
    case 'snapshot':
    case 'iterator':
      return [{ kind, stepCount: random.between(1, 12) }]
    case 'failSync':
      return drawFailure(random, traits)
    case 'writeIf':
      return [drawWriteIf(random, traits)]
    case 'transaction':
      return [drawTransaction(random, traits)]
    case 'turn':
      return [{ kind, count: random.between(1, 6) }]
    case 'reopen':
      return [{ kind, failsFlush: traits.hasFaults && random.chance(0.5) }]
    case 'sync':
    case 'flush':
    case 'checkpoint':
    case 'settle':
    case 'since':
      return [{ kind }]
  }
}

/** A sync that fails, or the one after it. */
function drawFailure(random: SeededRandom, traits: Traits): Step[] {
  const writes = Array.from({ length: 2 }, () => ({ ...drawWrite(random, traits), isAwaited: true }))
  return [{ kind: 'failSync', skipCount: random.below(2) }, ...writes.flatMap((write) => [write, SYNC])]
}

function drawWriteIf(random: SeededRandom, traits: Traits): Step {
  return {
    kind: 'writeIf',
    write: drawWrite(random, traits),
    unchangedKeys: drawKeys(random),
    unchangedRange: random.chance(0.3) ? drawSpan(random) : undefined,
    closesSnapshot: random.chance(0.4),
  }
}

function drawTransaction(random: SeededRandom, traits: Traits): Step {
  return {
    kind: 'transaction',
    write: drawWrite(random, traits),
    readKeys: drawKeys(random),
    readRange: random.chance(0.3) ? drawSpan(random) : undefined,
    disturbance: random.chance(0.5) ? drawWrite(random, traits) : undefined,
  }
}

function drawKeys(random: SeededRandom): string[] {
  return Array.from({ length: random.below(4) }, () => drawKey(random))
}

function drawWrite(random: SeededRandom, { hasGiants }: Traits): WriteStep {
  const count = random.chance(0.25) ? random.between(2, 8) : 1
  const changes = Array.from({ length: count }, (): [string, number | undefined] => [
    drawKey(random),
    random.chance(0.25) ? undefined : drawSize(random, hasGiants),
  ])
  return { kind: 'write', changes, sync: random.chance(0.25), isAwaited: random.chance(0.4) }
}

function drawSize(random: SeededRandom, hasGiants: boolean): number {
  const size = random.weighted({ small: 3, medium: 5, large: 3, huge: 0.2, giant: hasGiants ? 0.4 : 0 })
  switch (size) {
    case 'small':
      return random.between(0, 30)
    case 'medium':
      return random.between(100, 500)
    case 'large':
      return random.between(500, 1500)
    case 'huge':
      return random.between(4000, 9000)
    case 'giant':
      // Beyond what is written to a log at once, on the thread.
      return random.between(270_000, 350_000)
  }
}

function drawKey(random: SeededRandom): string {
  return `key-${String(random.below(KEY_COUNT)).padStart(2, '0')}`
}

function drawSpan(random: SeededRandom): KeySpan {
  const first = random.below(KEY_COUNT)
  const text = (n: number): string => `key-${String(n).padStart(2, '0')}`
  return { gte: text(first), lt: text(first + random.between(1, KEY_COUNT)) }
}
