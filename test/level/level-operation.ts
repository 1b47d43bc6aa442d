/** Operations on a database of abstract-level, drawn from a seed. They never depend on what a database answers. */
import type { SeededRandom } from '../harness/random.ts'

/** The database itself, and sublevels with encodings of their own, one within another. */
const TARGET_NAMES = ['root', 'text', 'bytes', 'views', 'json', 'nested'] as const
export type TargetName = (typeof TARGET_NAMES)[number]

export type Mode = 'iterator' | 'keys' | 'values'

export interface OperationRange {
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
  readonly reverse?: boolean
  readonly limit?: number
}

export interface Write {
  readonly type: 'put' | 'del'
  readonly key: string
  readonly value: string
  /** The operation is one of this sublevel, in a batch of the database. */
  readonly sublevel?: TargetName
}

export type Operation = { readonly target: TargetName } & (
  | {
      readonly type: 'put' | 'del' | 'get' | 'getSync' | 'has'
      readonly key: string
      readonly value: string
      readonly snapshot?: number
    }
  | { readonly type: 'getMany' | 'hasMany'; readonly keys: readonly string[]; readonly snapshot?: number }
  | {
      readonly type: 'batch'
      readonly writes: readonly Write[]
      readonly isChained: boolean
      readonly clearAfter?: number
    }
  | { readonly type: 'clear'; readonly range: OperationRange; readonly snapshot?: number }
  | { readonly type: 'all'; readonly mode: Mode; readonly range: OperationRange; readonly snapshot?: number }
  | {
      readonly type: 'open'
      readonly slot: number
      readonly mode: Mode
      readonly range: OperationRange
      readonly snapshot?: number
      readonly without?: 'keys' | 'values'
    }
  | { readonly type: 'next' | 'rest' | 'close'; readonly slot: number }
  | { readonly type: 'nextv'; readonly slot: number; readonly count: number }
  | { readonly type: 'seek'; readonly slot: number; readonly key: string }
  | { readonly type: 'snapshot' | 'closeSnapshot'; readonly slot: number }
  | { readonly type: 'hook' | 'unhook' }
)

const KEYS = [
  '',
  '!',
  '!a',
  'a',
  'aa',
  'ab',
  'a!',
  'b',
  'b\u0000',
  'ba',
  'c',
  'é',
  'ü~',
  '~',
  '\u0000',
  '\uffff',
  '😀',
  'zz',
]
const SLOT_COUNT = 4

const WEIGHTS = {
  put: 160,
  del: 60,
  get: 60,
  getSync: 40,
  has: 30,
  getMany: 25,
  hasMany: 15,
  batch: 90,
  clear: 12,
  all: 60,
  open: 50,
  next: 150,
  nextv: 60,
  rest: 12,
  seek: 60,
  close: 15,
  snapshot: 12,
  closeSnapshot: 10,
  hook: 4,
  unhook: 5,
} as const

export function drawOperation(random: SeededRandom, index: number): Operation {
  const target = random.pick(TARGET_NAMES)
  const type = random.weighted(WEIGHTS)
  const value = `${index}:${'x'.repeat(random.pick([0, 0, 5, 40, 300]))}`
  const slot = random.below(SLOT_COUNT)
  switch (type) {
    case 'put':
    case 'del':
      return { target, type, key: random.pick(KEYS), value }
    case 'get':
    case 'getSync':
    case 'has':
      return { target, type, key: random.pick(KEYS), value, ...drawSnapshot(random) }
    case 'getMany':
    case 'hasMany':
      return { target, type, keys: several(random, () => random.pick(KEYS)), ...drawSnapshot(random) }
    case 'batch':
      return drawBatch(random, target, value)
    case 'clear':
      return { target, type, range: drawRange(random), ...drawSnapshot(random) }
    case 'all':
      return { target, type, mode: drawMode(random), range: drawRange(random), ...drawSnapshot(random) }
    case 'open': {
      const without = random.chance(0.15) ? { without: random.pick(['keys', 'values'] as const) } : {}
      return {
        target,
        type,
        slot,
        mode: drawMode(random),
        range: drawRange(random),
        ...drawSnapshot(random),
        ...without,
      }
    }
    case 'nextv':
      return { target, type, slot, count: random.pick([0, 1, 2, 3, 10, 1000]) }
    case 'seek':
      return { target, type, slot, key: random.pick(KEYS) }
    case 'next':
    case 'rest':
    case 'close':
    case 'snapshot':
    case 'closeSnapshot':
      return { target, type, slot }
    case 'hook':
    case 'unhook':
      return { target: 'root', type }
  }
}

function drawBatch(random: SeededRandom, target: TargetName, value: string): Operation {
  const writes = several(random, (i): Write => ({
    type: random.chance(0.7) ? 'put' : 'del',
    key: random.pick(KEYS),
    value: `${value}/${i}`,
    ...(target === 'root' && random.chance(0.3) ? { sublevel: random.pick(['text', 'bytes', 'nested'] as const) } : {}),
  }))
  const clearAfter = random.chance(0.2) ? { clearAfter: random.below(writes.length + 1) } : {}
  return { target, type: 'batch', writes, isChained: random.chance(0.4), ...clearAfter }
}

function drawRange(random: SeededRandom): OperationRange {
  const bound = (name: keyof OperationRange): OperationRange =>
    random.chance(0.3) ? { [name]: random.pick(KEYS) } : {}
  return {
    ...bound('gt'),
    ...bound('gte'),
    ...bound('lt'),
    ...bound('lte'),
    ...(random.chance(0.4) ? { reverse: random.chance(0.8) } : {}),
    ...(random.chance(0.3) ? { limit: random.pick([-1, 0, 1, 2, 5]) } : {}),
  }
}

function drawMode(random: SeededRandom): Mode {
  return random.pick(['iterator', 'keys', 'values'] as const)
}

/** Often one that is not open: both databases then say the same. */
function drawSnapshot(random: SeededRandom): { readonly snapshot?: number } {
  return random.chance(0.25) ? { snapshot: random.below(SLOT_COUNT) } : {}
}

function several<T>(random: SeededRandom, draw: (index: number) => T): T[] {
  return Array.from({ length: random.between(0, 6) }, (_, i) => draw(i))
}
