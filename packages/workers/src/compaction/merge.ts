/**
 * Merges runs into one order: by key, then newest first, then the order of the runs. A tree of losers: each inner node
 * holds the run that lost there, so that after a step of the winner one comparison a level finds the next one.
 *
 *              tree[0]   the winner
 *              tree[1]                  runs 0..3 are the leaves 4..7;
 *          tree[2]  tree[3]             the parent of node n is n >> 1
 *         0   1       2   3
 *
 * Most comparisons are one of numbers: each run's key is there as its first six bytes, which a double holds exactly, and
 * Infinity stands for a run at its end.
 */
import { compareBytes, keyPrefix } from '@varve/storage'
import type { TableScan } from '@varve/storage'
import type { RunReader } from './run-reader.ts'

export class Merge {
  /** Whether the entry stepped to has another key than the one before. */
  isNewKey = true
  readonly #runs: readonly RunReader[]
  readonly #scans: (TableScan | undefined)[]
  readonly #prefixes: Float64Array
  readonly #tree: Int32Array
  #isStarted = false
  /** The entry stepped to before. */
  #lastPrefix = -1
  #lastKey = new Uint8Array(256)
  #lastKeySize = 0
  #lastSequence = Infinity

  constructor(runs: readonly RunReader[]) {
    this.#runs = runs
    this.#scans = runs.map(() => undefined)
    this.#prefixes = new Float64Array(runs.length)
    this.#tree = new Int32Array(Math.max(runs.length, 1))
  }

  /**
   * Steps to the next entry and returns the scan that stands at it, or `undefined` at the end.
   * @throws CorruptionError if a run is out of order
   */
  next(): TableScan | undefined {
    if (this.#runs.length === 0) {
      return undefined
    }
    if (this.#isStarted) {
      this.#advanceWinner()
    } else {
      this.#isStarted = true
      this.#start()
    }
    const winner = this.#tree[0] as number
    const scan = this.#scans[winner]
    if (scan !== undefined) {
      this.#compareWithLast(winner, scan)
    }
    return scan
  }

  /** The run of the entry last stepped to, by its place in the list. */
  get run(): number {
    return this.#tree[0] as number
  }

  #start(): void {
    const count = this.#runs.length
    const winners = new Int32Array(2 * count)
    for (let run = 0; run < count; run++) {
      this.#step(run)
      winners[count + run] = run
    }
    for (let node = count - 1; node > 0; node--) {
      const left = winners[2 * node] as number
      const right = winners[2 * node + 1] as number
      const leftWins = this.#isBefore(left, right)
      winners[node] = leftWins ? left : right
      this.#tree[node] = leftWins ? right : left
    }
    this.#tree[0] = count === 1 ? 0 : (winners[1] as number)
  }

  #advanceWinner(): void {
    const tree = this.#tree
    let winner = tree[0] as number
    this.#step(winner)
    for (let node = (winner + this.#runs.length) >>> 1; node > 0; node >>>= 1) {
      const loser = tree[node] as number
      if (this.#isBefore(loser, winner)) {
        tree[node] = winner
        winner = loser
      }
    }
    tree[0] = winner
  }

  #step(run: number): void {
    const reader = this.#runs[run] as RunReader
    const scan = reader.next() ? reader.scan : undefined
    this.#scans[run] = scan
    this.#prefixes[run] = scan === undefined ? Infinity : keyPrefix(scan.keyBytes, scan.keyOffset, scan.keySize)
  }

  #isBefore(a: number, b: number): boolean {
    const prefix = this.#prefixes[a] as number
    const other = this.#prefixes[b] as number
    return prefix === other ? this.#isBeforeInFull(a, b) : prefix < other
  }

  #isBeforeInFull(a: number, b: number): boolean {
    const x = this.#scans[a]
    const y = this.#scans[b]
    if (x === undefined || y === undefined) {
      return y === undefined && (x !== undefined || a < b)
    }
    const order = compareBytes(x.keyBytes, x.keyOffset, x.keySize, y.keyBytes, y.keyOffset, y.keySize)
    if (order !== 0) {
      return order < 0
    }
    return x.sequence === y.sequence ? a < b : x.sequence > y.sequence
  }

  #compareWithLast(winner: number, scan: TableScan): void {
    const { keyBytes, keyOffset, keySize } = scan
    const prefix = this.#prefixes[winner] as number
    const order =
      prefix === this.#lastPrefix
        ? compareBytes(this.#lastKey, 0, this.#lastKeySize, keyBytes, keyOffset, keySize)
        : this.#lastPrefix - prefix
    if (order > 0 || (order === 0 && scan.sequence > this.#lastSequence)) {
      throw (this.#runs[winner] as RunReader).corruption('its entries are out of order')
    }
    this.#lastSequence = scan.sequence
    this.isNewKey = order !== 0
    if (order !== 0) {
      this.#lastPrefix = prefix
      this.#rememberKey(keyBytes, keyOffset, keySize)
    }
  }

  #rememberKey(bytes: Uint8Array, offset: number, size: number): void {
    if (size > this.#lastKey.length) {
      this.#lastKey = new Uint8Array(size * 2)
    }
    const lastKey = this.#lastKey
    for (let i = 0; i < size; i++) {
      lastKey[i] = bytes[offset + i] as number
    }
    this.#lastKeySize = size
  }
}
