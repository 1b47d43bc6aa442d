/**
 * Draws a list of operations from a seed. The list never depends on what a store answers, so that the same list runs
 * under every set of options. It keeps book of the iterators and snapshots that are open, for valid operations only.
 */
import { SeededRandom } from '../harness/random.ts'
import type { ModelRange } from './model-store.ts'
import { makeKeys } from './key-space.ts'
import type { HandleOperation, Input, Operation, Read, SnapshotUse, Write } from './operation.ts'

const ITERATOR_COUNT_MAX = 6
const SNAPSHOT_COUNT_MAX = 4
const STEP_KINDS = ['next', 'together', 'nextMany', 'nextMany'] as const

/** How often each operation is drawn, of about a thousand. */
const WEIGHTS: Readonly<Record<Operation['type'], number>> = {
  write: 330,
  batch: 70,
  burst: 25,
  writeIf: 25,
  get: 110,
  getSync: 60,
  has: 40,
  getMany: 35,
  scan: 60,
  openIterator: 25,
  stepIterator: 120,
  seekIterator: 30,
  closeIterator: 12,
  openSnapshot: 12,
  closeSnapshot: 9,
  clear: 3,
  flush: 6,
  compactRange: 3,
  sync: 5,
  approximateSize: 2,
  reopen: 1.2,
}

export class OperationGenerator {
  readonly #random: SeededRandom
  readonly #keys: readonly Buffer[]
  readonly #iterators = new Set<number>()
  readonly #snapshots = new Set<number>()
  #valueCount = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#keys = makeKeys(this.#random)
  }

  list(count: number): Operation[] {
    return Array.from({ length: count }, () => this.#draw())
  }

  #draw(): Operation {
    const random = this.#random
    const type = random.weighted(WEIGHTS)
    switch (type) {
      case 'write':
        return { type, write: this.#write(), sync: random.chance(0.03) }
      case 'batch':
        return { type, writes: this.#batch(), sync: random.chance(0.03), as: random.pick(['array', 'WriteBatch']) }
      case 'burst':
        return { type, steps: this.#burst() }
      case 'writeIf':
        return this.#writeIf()
      case 'get':
      case 'getSync':
      case 'has':
        return this.#read(type)
      case 'getMany':
        return { type, keys: this.#several(0, 12, () => this.#keyInput()), snapshot: this.#snapshotUse() }
      case 'scan':
        return {
          type,
          range: this.#range(),
          how: random.pick(['entries', 'keys', 'values', 'iterator']),
          snapshot: this.#snapshotUse(),
        }
      case 'clear':
        return { type, range: this.#narrowRange() }
      case 'flush':
        return { type, background: random.chance(0.5) }
      case 'compactRange':
        return { type, range: random.chance(0.4) ? {} : this.#bounds(), background: random.chance(0.5) }
      case 'sync':
        return { type }
      case 'approximateSize':
        return { type, range: this.#bounds() }
      case 'reopen':
        this.#iterators.clear()
        this.#snapshots.clear()
        return { type }
      case 'openIterator':
      case 'stepIterator':
      case 'seekIterator':
      case 'closeIterator':
      case 'openSnapshot':
      case 'closeSnapshot':
        return this.#drawHandle(type)
    }
  }

  #drawHandle(type: HandleOperation['type']): Operation {
    switch (type) {
      case 'openSnapshot': {
        const slot = takeFreeSlot(this.#snapshots, SNAPSHOT_COUNT_MAX)
        return slot === undefined ? this.#read('get') : { type, slot }
      }
      case 'closeSnapshot': {
        const slot = this.#openSlot(this.#snapshots)
        return slot !== undefined && this.#snapshots.delete(slot) ? { type, slot } : this.#read('get')
      }
      case 'openIterator': {
        const slot = takeFreeSlot(this.#iterators, ITERATOR_COUNT_MAX)
        return slot === undefined
          ? this.#read('getSync')
          : { type, slot, range: this.#range(), snapshot: this.#snapshotUse() }
      }
      case 'stepIterator':
      case 'seekIterator':
      case 'closeIterator': {
        const slot = this.#openSlot(this.#iterators)
        return slot === undefined ? this.#read('getSync') : this.#drawOnIterator(type, slot)
      }
    }
  }

  #drawOnIterator(type: 'stepIterator' | 'seekIterator' | 'closeIterator', slot: number): Operation {
    switch (type) {
      case 'stepIterator':
        return { type, slot, count: this.#random.pick([1, 1, 2, 3, 7, 40]), how: this.#random.pick(STEP_KINDS) }
      case 'seekIterator':
        return { type, slot, key: this.#keyInput() }
      case 'closeIterator':
        this.#iterators.delete(slot)
        return { type, slot }
    }
  }

  #openSlot(slots: ReadonlySet<number>): number | undefined {
    return slots.size === 0 ? undefined : this.#random.pick([...slots])
  }

  #read(type: Read['type']): Read {
    return { type, key: this.#keyInput(), snapshot: this.#snapshotUse() }
  }

  #write(): Write {
    if (this.#random.chance(0.18)) {
      return { type: 'delete', key: this.#keyInput() }
    }
    return { type: 'put', key: this.#keyInput(), value: this.#inputOf(this.#value()) }
  }

  /** Few dependencies: with many, one of them would nearly always have changed. */
  #writeIf(): Operation {
    const since = this.#openSlot(this.#snapshots)
    if (since === undefined) {
      return { type: 'write', write: this.#write(), sync: false }
    }
    return {
      type: 'writeIf',
      writes: this.#several(0, 2, () => this.#write()),
      since,
      unchangedKeys: this.#several(0, 2, () => this.#keyInput()),
      unchangedRanges: this.#random.chance(0.3) ? [this.#narrowRange()] : [],
    }
  }

  /** Mixed writes; often with a key that stands in it twice. */
  #batch(): Write[] {
    const writes = this.#several(0, 12, () => this.#write())
    const first = writes[0]
    if (first !== undefined && this.#random.chance(0.5)) {
      const again = this.#write()
      writes.push({ ...again, key: first.key })
    }
    return writes
  }

  #burst(): (Write | Read)[] {
    return this.#several(2, 30, () => {
      if (this.#random.chance(0.7)) {
        return this.#write()
      }
      return { type: this.#random.pick(['get', 'getSync', 'has']), key: this.#keyInput(), snapshot: undefined }
    })
  }

  #several<T>(countMin: number, countMax: number, draw: () => T): T[] {
    return Array.from({ length: this.#random.between(countMin, countMax) }, draw)
  }

  #snapshotUse(): SnapshotUse | undefined {
    if (this.#snapshots.size === 0 || this.#random.chance(0.7)) {
      return undefined
    }
    return { slot: this.#random.pick([...this.#snapshots]), through: this.#random.pick(['snapshot', 'store']) }
  }

  /** Every combination of bounds, direction and limit; mostly with the lower bound below the upper one. */
  #range(): ModelRange {
    const random = this.#random
    return {
      ...this.#bounds(),
      ...(random.chance(0.4) ? { reverse: random.chance(0.85) } : {}),
      ...(random.chance(0.4) ? { limit: random.pick([0, 1, 2, 5, 20, 1000]) } : {}),
    }
  }

  #bounds(): ModelRange {
    const random = this.#random
    const [one, other] = [random.pick(this.#keys), random.pick(this.#keys)]
    const inOrder = Buffer.compare(one, other) <= 0
    const [low, high] = inOrder || random.chance(0.05) ? [one, other] : [other, one]
    return {
      ...(random.chance(0.3) ? { gt: low } : {}),
      ...(random.chance(0.3) ? { gte: low } : {}),
      ...(random.chance(0.3) ? { lt: high } : {}),
      ...(random.chance(0.3) ? { lte: high } : {}),
      ...(random.chance(0.25) ? { prefix: this.#prefix() } : {}),
    }
  }

  #narrowRange(): ModelRange {
    const random = this.#random
    if (random.chance(0.02)) {
      return {}
    }
    const key = random.pick(this.#keys)
    if (random.chance(0.5)) {
      return { prefix: key.length > 3 ? key.subarray(0, -1) : key.subarray(0, 3), gte: key }
    }
    return { gte: key, lte: Buffer.concat([key, Buffer.from([0xff, 0xff])]) }
  }

  #prefix(): Buffer {
    const key = this.#random.pick(this.#keys)
    return key.subarray(0, this.#random.pick([0, 1, 2, 4, key.length]))
  }

  #keyInput(): Input {
    return this.#inputOf(this.#random.pick(this.#keys))
  }

  #inputOf(bytes: Buffer): Input {
    const form = this.#random.pick(['buffer', 'uint8array', 'string'] as const)
    return { bytes, form: form === 'string' && !isText(bytes) ? 'buffer' : form }
  }

  /** Each value differs from all others, the empty ones apart, so that an old one never passes for a new one. */
  #value(): Buffer {
    const random = this.#random
    const kind = random.weighted({ empty: 8, small: 60, middling: 28, large: 3, huge: 0.5 })
    const sizes = {
      empty: 0,
      small: 24,
      middling: random.between(64, 1000),
      large: 5000,
      huge: random.between(10_240, 307_200),
    }
    const sizeBytes = kind === 'large' ? random.between(1000, 10_240) : sizes[kind]
    const seed = Buffer.from(`<${this.#valueCount++}:${random.uint32()}>`)
    return random.chance(0.3) ? Buffer.alloc(sizeBytes, seed) : mixed(sizeBytes, seed, random)
  }
}

/** Bytes that a compressor or a checksum of only the head would not see through: numbered 64-byte stretches. */
function mixed(sizeBytes: number, seed: Buffer, random: SeededRandom): Buffer {
  const value = Buffer.alloc(sizeBytes, Buffer.concat([seed, random.bytes(40)]))
  for (let offset = 64; offset + 4 <= sizeBytes; offset += 64) {
    value.writeUInt32LE(offset, offset)
  }
  return value
}

function takeFreeSlot(slots: Set<number>, countMax: number): number | undefined {
  for (let slot = 0; slot < countMax; slot++) {
    if (!slots.has(slot)) {
      slots.add(slot)
      return slot
    }
  }
  return undefined
}

function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes)
}
