/**
 * What a store may hold, kept outside of it: every write in the order of the calls, with what became of it. A write that
 * was refused is nowhere. One that failed is whole or absent, and those that failed in a row are there up to some place,
 * as they were committed in order. What is found is right if there is such a choice that gives exactly that.
 */
import type { Change } from './history.ts'

export type Contents = ReadonlyMap<string, string>

/**
 * - `free`: there or not
 * - `in`, `out`
 */
type Presence = 'in' | 'out' | 'free'

export interface WriteRecord {
  readonly changes: readonly Change[]
  readonly issuedAt: number
  outcome: 'pending' | 'acknowledged' | 'failed' | 'refused'
  settledAt: number
  /** It is known that readers see it: a later write of the same kind has been acknowledged. */
  isCommitted: boolean
  /** Of one that failed: readers have been found to see it, or not to. */
  isVisible: boolean | undefined
  /** It failed, and the store has healed or was opened again: what readers see of it is what will be found. */
  isDecided: boolean
}

/** What must be found after a crash at one moment. */
export interface Moment {
  readonly presences: readonly Presence[]
  readonly records: readonly WriteRecord[]
  /** Decided at the moment: what is found out later of these counts too. */
  readonly decided: ReadonlySet<WriteRecord>
  /** So many writes, from the first on, survive a loss of power if they are visible. */
  readonly durableCount: number
}

const CHOICE_COUNT_MAX = 100_000

export class CommitOrder {
  readonly #records: WriteRecord[] = []
  #tick = 0
  #durableCount = 0

  get count(): number {
    return this.#records.length
  }

  begin(changes: readonly Change[]): WriteRecord {
    const record: WriteRecord = {
      changes,
      issuedAt: this.#tick++,
      outcome: 'pending',
      settledAt: Infinity,
      isCommitted: false,
      isVisible: undefined,
      isDecided: false,
    }
    this.#records.push(record)
    return record
  }

  acknowledge(record: WriteRecord, isDurable: boolean): void {
    this.#settle(record, 'acknowledged')
    const index = this.#records.indexOf(record)
    for (const earlier of this.#records.slice(0, index)) {
      if (earlier.outcome === 'pending' || earlier.outcome === 'failed') {
        // Visible in order: had it failed before this one was called, this one would only have been taken after healing.
        earlier.isCommitted ||= earlier.settledAt > record.issuedAt
        earlier.isDecided ||= earlier.settledAt < record.issuedAt
      }
    }
    if (isDurable) {
      this.durableUpTo(index + 1)
    }
  }

  /** Whether an acknowledged write behind the first `count` puts or deletes such a key. All are settled. */
  hasChangedSince(count: number, isDependency: (key: string) => boolean): boolean {
    return this.#records
      .slice(count)
      .some(
        ({ changes, outcome }) =>
          outcome === 'acknowledged' && changes.some((change) => change.type !== 'clear' && isDependency(change.key)),
      )
  }

  /** The same of any write that may have been begun by the store; `clear` deletes what is there. */
  mayHaveChangedSince(count: number, isDependency: (key: string) => boolean): boolean {
    return this.#records
      .slice(count)
      .some(
        ({ changes, outcome }) =>
          outcome !== 'refused' && changes.some((change) => change.type === 'clear' || isDependency(change.key)),
      )
  }

  /** Whole or absent. */
  fail(record: WriteRecord): void {
    this.#settle(record, 'failed')
    record.isVisible = record.isCommitted ? true : undefined
  }

  /** Never there. */
  refuse(record: WriteRecord): void {
    this.#settle(record, 'refused')
  }

  /** How many writes, from the first on, a sync or flush that is called now makes durable. */
  get acknowledgedCount(): number {
    return this.#records.findLastIndex(({ outcome }) => outcome === 'acknowledged') + 1
  }

  durableUpTo(count: number): void {
    this.#durableCount = Math.max(this.#durableCount, count)
  }

  /** All that is visible is durable, and what failed and is not visible will never be found. */
  healed(): void {
    for (const record of this.#records) {
      record.isDecided ||= record.outcome === 'failed'
    }
    this.durableUpTo(this.#records.findLastIndex(({ outcome }) => outcome !== 'pending') + 1)
  }

  /** Opened anew: what was undecided is decided by what is found now. Nothing is pending. */
  reopened(): void {
    for (const record of this.#records) {
      if (record.outcome === 'failed' && !record.isDecided && !record.isCommitted) {
        record.isVisible = undefined
      }
      record.isDecided ||= record.outcome === 'failed'
    }
    this.durableUpTo(this.#records.length)
  }

  moment(): Moment {
    return {
      records: this.#records.slice(),
      presences: this.#records.map(onDisk),
      decided: new Set(this.#records.filter(({ isDecided }) => isDecided)),
      durableCount: this.#durableCount,
    }
  }

  /** Compares what readers see now with what they must see; learns from it which failed writes they see. */
  checkLive(found: Contents): void {
    const presences = this.#records.map(onDisk).map((presence, index) => knownPresence(this.#records, index, presence))
    const fitting = choicesThatGive(found, this.#records, presences)
    if (fitting.length === 0) {
      throw new Error(`what readers see is not what was written: ${explain(found, this.#records, presences)}`)
    }
    this.#records.forEach((record, index) => {
      if (record.outcome === 'failed' && presences[index] === 'free') {
        const isThere = fitting[0]?.[index]
        record.isVisible = fitting.every((choice) => choice[index] === isThere) ? isThere : undefined
      }
    })
  }

  /** Whether a read of one key, called when so many writes had been acknowledged, may have given this. */
  checkRead(key: string, value: string | undefined, acknowledgedBefore: number): void {
    const touches = this.#records.map(({ changes, outcome, isVisible }, index) => ({
      index,
      outcome,
      gives: outcome === 'refused' || isVisible === false ? false : lastOf(changes, key),
    }))
    const possible = touches.filter(({ gives, index }) => {
      const isOverwritten = touches.some(
        (later) =>
          later.index > index &&
          later.index < acknowledgedBefore &&
          later.gives !== false &&
          later.outcome === 'acknowledged',
      )
      return gives !== false && !isOverwritten
    })
    const isUntouched = !possible.some(({ outcome, index }) => outcome === 'acknowledged' && index < acknowledgedBefore)
    if (!possible.some(({ gives }) => gives === value) && !(value === undefined && isUntouched)) {
      throw new Error(`a read of ${key} gave ${short(value)}, which it cannot hold`)
    }
  }

  #settle(record: WriteRecord, outcome: WriteRecord['outcome']): void {
    record.outcome = outcome
    record.settledAt = this.#tick++
  }
}

/** Throws if a crash at the moment cannot have left this. */
export function checkAfterCrash(found: Contents, moment: Moment, isPowerLoss: boolean): void {
  const { records, durableCount } = moment
  const whole = moment.presences.map((presence, index) =>
    moment.decided.has(records[index] as WriteRecord) ? knownPresence(records, index, presence) : presence,
  )
  // Of what is not durable a loss of power leaves a prefix.
  for (let end = records.length; end >= (isPowerLoss ? durableCount : records.length); end--) {
    const presences = whole.map((presence, index) => (index < end ? presence : 'out'))
    if (choicesThatGive(found, records, presences).length > 0) {
      return
    }
  }
  const bounds = isPowerLoss ? `, of which ${durableCount} are durable` : ''
  throw new Error(`${records.length} writes were begun${bounds}; ${explain(found, records, whole)}`)
}

function onDisk(record: WriteRecord): Presence {
  switch (record.outcome) {
    case 'acknowledged':
      return 'in'
    case 'refused':
      return 'out'
    case 'pending':
    case 'failed':
      return record.isCommitted ? 'in' : 'free'
  }
}

function knownPresence(records: readonly WriteRecord[], index: number, presence: Presence): Presence {
  const isVisible = records[index]?.isVisible
  return presence === 'free' && isVisible !== undefined ? (isVisible ? 'in' : 'out') : presence
}

/** Every choice of the free ones, in each row of them up to some place, that gives exactly what was found. */
function choicesThatGive(
  found: Contents,
  records: readonly WriteRecord[],
  presences: readonly Presence[],
): boolean[][] {
  const rows = rowsOf(presences)
  const fitting: boolean[][] = []
  const ends = rows.map(() => 0)
  for (let count = 0; ; count++) {
    if (count > CHOICE_COUNT_MAX) {
      throw new Error(`too many failed writes to tell what is right: ${rows.map((row) => row.length).join(', ')}`)
    }
    const choice = presences.map((presence) => presence === 'in')
    rows.forEach((row, place) => row.slice(0, ends[place]).forEach((index) => (choice[index] = true)))
    if (areSame(found, contentsAfter(records, choice))) {
      fitting.push(choice)
    }
    const next = ends.findIndex((end, place) => end < (rows[place] as number[]).length)
    if (next < 0) {
      return fitting
    }
    ends[next] = (ends[next] as number) + 1
    ends.fill(0, 0, next)
  }
}

function rowsOf(presences: readonly Presence[]): number[][] {
  const rows: number[][] = []
  let isOpen = false
  presences.forEach((presence, index) => {
    if (presence === 'free') {
      if (!isOpen) {
        rows.push([])
      }
      rows.at(-1)?.push(index)
    }
    isOpen = presence === 'free' || (isOpen && presence === 'out')
  })
  return rows
}

function contentsAfter(records: readonly WriteRecord[], isThere: readonly boolean[]): Map<string, string> {
  const contents = new Map<string, string>()
  records.forEach(({ changes }, index) => {
    if (isThere[index] === true) {
      changes.forEach((change) => apply(contents, change))
    }
  })
  return contents
}

function apply(contents: Map<string, string>, change: Change): void {
  switch (change.type) {
    case 'put':
      contents.set(change.key, change.value)
      return
    case 'delete':
      contents.delete(change.key)
      return
    case 'clear':
      for (const key of contents.keys()) {
        if (key >= change.from && key < change.to) {
          contents.delete(key)
        }
      }
  }
}

/** What a write leaves at a key; `undefined` if it deletes it, false if it does not touch it. */
function lastOf(changes: readonly Change[], key: string): string | undefined | false {
  const last = changes.findLast((change) =>
    change.type === 'clear' ? key >= change.from && key < change.to : change.key === key,
  )
  return last === undefined ? false : last.type === 'put' ? last.value : undefined
}

export function areSame(one: Contents, other: Contents): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)
}

/** Where what was found differs from the choice in which all that is free is there. */
function explain(found: Contents, records: readonly WriteRecord[], presences: readonly Presence[]): string {
  const all = contentsAfter(
    records,
    presences.map((presence) => presence !== 'out'),
  )
  const keys = [...new Set([...found.keys(), ...all.keys()])].filter((key) => found.get(key) !== all.get(key))
  const lines = keys.slice(0, 4).map((key) => {
    const writes = records.flatMap(({ changes, outcome, isVisible }, index) => {
      const gives = lastOf(changes, key)
      const seen = outcome === 'failed' ? ` visible=${isVisible}` : ''
      return gives === false ? [] : `${index} ${short(gives)} ${outcome} ${presences[index]}${seen}`
    })
    return `${key} is ${short(found.get(key))}; written: ${writes.slice(-5).join(' | ')}`
  })
  return `${keys.length} keys differ, such as\n  ${lines.join('\n  ')}`
}

function short(value: string | undefined): string {
  return value === undefined ? 'absent' : value.slice(0, value.indexOf(';') + 1)
}
