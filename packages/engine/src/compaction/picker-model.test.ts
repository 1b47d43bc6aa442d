import { sequenceNumber } from '@varve/storage'
import { expect, test } from 'vitest'
import { forEachSeed, type SeededRandom } from '../test-support/seeds.ts'
import { metadataOf } from '../test-support/tables.ts'
import { Version } from '../version/version.ts'
import { tablesOf, type CompactionChoice } from './compaction-choice.ts'
import { pickCompaction, type PickerOptions } from './compaction-picker.ts'

const ENTRY_SIZE_BYTES = 10
const KEY_COUNT = 300

interface Entry {
  readonly key: string
  readonly sequence: number
  readonly isTombstone: boolean
}

/**
 * A store without files: tables are lists of entries, compactions keep the newest version of each key, several run at
 * once and end in any order. After each edit newer must be above older, for every key (R11), and each key must still have
 * its newest version (R4).
 */
class PickedTree {
  version: Version = Version.empty()
  readonly running: CompactionChoice[] = []
  mostRunning = 0
  moveCount = 0
  readonly #random: SeededRandom
  readonly #entries = new Map<number, readonly Entry[]>()
  readonly #newest = new Map<string, Entry>()
  #number = 1
  #sequence = 1

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** Keys from a part of the space, so that some flushes do not overlap. */
  flush(): void {
    const [from, width] = [this.#random.below(KEY_COUNT), 1 + this.#random.below(KEY_COUNT)]
    const byKey = new Map<string, Entry>()
    const run = this.#sequence
    for (let i = 0; i < 1 + this.#random.below(20); i++) {
      const key = String(1000 + ((from + this.#random.below(width)) % KEY_COUNT))
      const entry = { key, sequence: this.#sequence++, isTombstone: this.#random.below(4) === 0 }
      byKey.set(key, entry)
      this.#newest.set(key, entry)
    }
    this.#apply([], this.#tablesOf([...byKey.values()], 8), 0, run)
  }

  pick(options: PickerOptions, scoreMin: number): CompactionChoice | undefined {
    return pickCompaction(this.version, this.running, options, scoreMin)
  }

  start(choice: CompactionChoice): void {
    for (const table of tablesOf(choice)) {
      check(!table.isCompacting, 'a table is in one compaction')
      table.isCompacting = true
    }
    this.running.push(choice)
    this.mostRunning = Math.max(this.mostRunning, this.running.length)
  }

  /** One of those that run ends. */
  end(options: PickerOptions): void {
    const [choice] = this.running.splice(this.#random.below(this.running.length), 1)
    if (choice === undefined) {
      return
    }
    const inputs = tablesOf(choice)
    for (const table of inputs) {
      table.isCompacting = false
    }
    if (choice.isMove) {
      this.moveCount++
      this.#apply(
        choice.runs,
        inputs.map(({ metadata }) => metadata),
        choice.outputLevel,
        choice.outputRun,
      )
      return
    }
    const byKey = new Map<string, Entry>()
    for (const entry of choice.runs.toReversed().flatMap(({ tables }) => this.#entriesOf(tables))) {
      check(entry.sequence > (byKey.get(entry.key)?.sequence ?? 0), 'runs are given newest first')
      byKey.set(entry.key, entry)
    }
    const kept = [...byKey.values()].filter(({ isTombstone }) => !(isTombstone && choice.isBottom))
    const tables = this.#tablesOf(kept, Math.ceil(options.tableSizeBytes / ENTRY_SIZE_BYTES))
    this.#apply(choice.runs, tables, choice.outputLevel, choice.outputRun)
  }

  #entriesOf(tables: readonly { readonly metadata: { readonly number: number } }[]): Entry[] {
    return tables.flatMap(({ metadata }) => this.#entries.get(metadata.number) ?? [])
  }

  #tablesOf(entries: readonly Entry[], countMax: number): ReturnType<typeof metadataOf>[] {
    const sorted = entries.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    const tables: ReturnType<typeof metadataOf>[] = []
    for (let at = 0; at < sorted.length; at += countMax) {
      const part = sorted.slice(at, at + countMax)
      const sequences = part.map(({ sequence }) => sequence)
      this.#entries.set(this.#number, part)
      tables.push(
        metadataOf({
          number: this.#number++,
          smallest: part[0]?.key ?? '',
          largest: part.at(-1)?.key ?? '',
          sizeBytes: part.length * ENTRY_SIZE_BYTES,
          sequences: [Math.min(...sequences), Math.max(...sequences)],
          entryCount: part.length,
          tombstoneCount: part.filter(({ isTombstone }) => isTombstone).length,
        }),
      )
    }
    return tables
  }

  #apply(
    deleted: CompactionChoice['runs'],
    added: readonly ReturnType<typeof metadataOf>[],
    level: number,
    run: number,
  ): void {
    this.version = this.version.apply({
      deleted: deleted.flatMap((input) =>
        input.tables.map(({ metadata }) => ({ level: input.level, number: metadata.number })),
      ),
      added: added.map((table) => ({ level, run: sequenceNumber(run), table })),
    })
    this.version.checkInvariants()
    const found = new Map<string, Entry>()
    const above = new Map<string, number>()
    for (const tables of this.version.runs()) {
      for (const entry of this.#entriesOf(tables)) {
        check(entry.sequence < (above.get(entry.key) ?? Infinity), `an older run holds newer ${entry.key}`)
        above.set(entry.key, entry.sequence)
        found.set(entry.key, found.get(entry.key) ?? entry)
      }
    }
    for (const [key, entry] of this.#newest) {
      const { sequence, isTombstone } = found.get(key) ?? { sequence: entry.sequence, isTombstone: true }
      check(sequence === entry.sequence && isTombstone === entry.isTombstone, `${key} is not as it was written last`)
    }
  }
}

/** `expect` takes too long where so much is checked. */
function check(isRight: boolean, what: string): void {
  if (!isRight) {
    throw new Error(what)
  }
}

const OPTIONS: readonly PickerOptions[] = [
  {
    levelZeroTableCountTrigger: 2,
    levelZeroTableCountMax: 8,
    levelOneSizeBytes: 100,
    levelSizeRatio: 2,
    compression: ['none'] as const,
    tableSizeBytes: 50,
    compactionStrategy: 'leveled',
  },
  {
    levelZeroTableCountTrigger: 4,
    levelZeroTableCountMax: 8,
    levelOneSizeBytes: 200,
    levelSizeRatio: 4,
    compression: ['none'] as const,
    tableSizeBytes: 20,
    compactionStrategy: 'leveled',
  },
  {
    levelZeroTableCountTrigger: 1,
    levelZeroTableCountMax: 8,
    levelOneSizeBytes: 40,
    levelSizeRatio: 3,
    compression: ['none'] as const,
    tableSizeBytes: 200,
    compactionStrategy: 'leveled',
  },
  {
    levelZeroTableCountTrigger: 2,
    levelZeroTableCountMax: 8,
    levelOneSizeBytes: 100,
    levelSizeRatio: 2,
    compression: ['none'] as const,
    tableSizeBytes: 50,
    compactionStrategy: 'tiered',
  },
  {
    levelZeroTableCountTrigger: 3,
    levelZeroTableCountMax: 3,
    levelOneSizeBytes: 100,
    levelSizeRatio: 4,
    compression: ['none'] as const,
    tableSizeBytes: 90,
    compactionStrategy: 'tiered',
  },
]

test('whatever runs at once and ends in whatever order, newer stays above older and nothing comes back', () => {
  let [mostRunning, moveCount] = [0, 0]
  forEachSeed(15, (random) => {
    const tree = new PickedTree(random)
    let options = random.pick(OPTIONS as [PickerOptions, ...PickerOptions[]])
    for (let step = 0; step < 200; step++) {
      const what = random.below(10)
      if (what < 3) {
        tree.flush()
      } else if (what < 7) {
        const choice = tree.running.length < 4 ? tree.pick(options, random.pick([0.3, 1, 1])) : undefined
        if (choice !== undefined) {
          tree.start(choice)
        }
      } else if (what < 9) {
        tree.end(options)
      } else if (random.below(8) === 0) {
        options = random.pick(OPTIONS as [PickerOptions, ...PickerOptions[]])
      }
    }
    do {
      while (tree.running.length > 0) {
        tree.end(options)
      }
      const choice = tree.pick(options, 1)
      if (choice !== undefined) {
        tree.start(choice)
      }
    } while (tree.running.length > 0)
    check(tree.version.levelZeroRunCount < options.levelZeroTableCountMax, 'no write waits for ever')
    mostRunning = Math.max(mostRunning, tree.mostRunning)
    moveCount += tree.moveCount
  })
  if (process.env['VARVE_SEED'] === undefined) {
    expect(mostRunning).toBeGreaterThan(1)
    expect(moveCount).toBeGreaterThan(10)
  }
})
