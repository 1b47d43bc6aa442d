/**
 * What threads that use one store share in memory, and the fences between them. Only `Atomics` touch it. The owner is the
 * thread that opened the store; a remote is a thread that is connected to it.
 *
 *     store block, one a store; the owner writes, remotes read
 *       byte  0  i32  view          number of the newest view that has been posted to every connection
 *             4  i32  lists         how often the owner has taken the list of live sequences
 *             8  i32  isClosed      1 once the store closes
 *            16  i64  visible       the newest sequence number that the log has taken
 *
 *     connection block, one a connection; the remote writes, the owner reads
 *       byte  0  i32  views         view slots that were ever used; those behind are free
 *             4  i32  sequences     sequence slots that were ever used
 *             8  i32  posted        the owner writes: the view that was last posted to this connection
 *            16  i64 x 64           view slots: the number of a view that the remote reads, or 0
 *           528  i64 x 4096         sequence slots: 1 + a sequence number that the remote reads at, or 0
 *
 * An arena (`memtable/arena.ts`) has its bytes, its index, and one cell that counts the entries that were committed. The
 * owner writes bytes and index, then the cell, then `visible`, then acknowledges. A remote loads `visible` first.
 *
 * A new view. The owner (1) posts it to every connection, (2) stores its number in `view`, (3) looks at the view slots and
 * lets go of every older view that stands in none. A remote (1) takes what was posted in, (2) stores the number of the
 * last in a slot, (3) loads `view`: if that is the same, the owner will see the slot and hold the view; else it goes on
 * with (1). Before each read it compares `view` with what it has. A memtable's view is posted before anything is added to
 * it, so that a read sees all that its thread was acknowledged, and never goes back.
 *
 * A sequence to read at later. The owner, when a job asks which sequences are live, (1) raises `lists`, (2) looks at the
 * sequence slots. A remote (1) loads `lists`, (2) loads `visible`, (3) stores it in a slot, (4) loads `lists`: if it is the
 * same, every later list has the sequence, and earlier ones were taken at or below it, so that their jobs keep what it
 * sees; else it goes on with (1).
 */
import { BusyError } from '@varve/storage'

const STORE_BLOCK_SIZE_BYTES = 24
const VIEW = 0
const LISTS = 1
const IS_CLOSED = 2
const VISIBLE_OFFSET_BYTES = 16

const VIEW_SLOT_COUNT = 64
export const SEQUENCE_SLOT_COUNT = 4096
const VIEWS = 0
const SEQUENCES = 1
const POSTED = 2
const VIEW_SLOTS_OFFSET_BYTES = 16
const SEQUENCE_SLOTS_OFFSET_BYTES: number = VIEW_SLOTS_OFFSET_BYTES + 8 * VIEW_SLOT_COUNT
const CONNECTION_BLOCK_SIZE_BYTES: number = SEQUENCE_SLOTS_OFFSET_BYTES + 8 * SEQUENCE_SLOT_COUNT

/** The store block. */
export class StoreCells {
  readonly block: SharedArrayBuffer
  readonly #cells: Int32Array
  readonly #visible: BigInt64Array

  constructor(block: SharedArrayBuffer = new SharedArrayBuffer(STORE_BLOCK_SIZE_BYTES)) {
    this.block = block
    this.#cells = new Int32Array(block)
    this.#visible = new BigInt64Array(block, VISIBLE_OFFSET_BYTES, 1)
  }

  get view(): number {
    return Atomics.load(this.#cells, VIEW)
  }

  set view(number: number) {
    Atomics.store(this.#cells, VIEW, number)
  }

  get listCount(): number {
    return Atomics.load(this.#cells, LISTS)
  }

  countList(): void {
    Atomics.add(this.#cells, LISTS, 1)
  }

  get isClosed(): boolean {
    return Atomics.load(this.#cells, IS_CLOSED) !== 0
  }

  close(): void {
    Atomics.store(this.#cells, IS_CLOSED, 1)
  }

  get visibleSequence(): number {
    return Number(Atomics.load(this.#visible, 0))
  }

  set visibleSequence(sequence: number) {
    Atomics.store(this.#visible, 0, BigInt(sequence))
  }
}

/** Numbers above 0 that a remote announces to hold. It alone writes. */
export class HeldSlots {
  readonly #slots: BigInt64Array
  readonly #cells: Int32Array
  readonly #usedCell: number
  readonly #what: string
  /** The remote's: where each number stands, and which slots are free below the highest that was used. */
  readonly #places = new Map<number, number>()
  readonly #free: number[] = []
  #usedCount = 0

  constructor(slots: BigInt64Array, cells: Int32Array, usedCell: number, what: string) {
    this.#slots = slots
    this.#cells = cells
    this.#usedCell = usedCell
    this.#what = what
  }

  /** @throws BusyError if all slots are taken */
  put(number: number): void {
    const slot = this.#free.pop() ?? this.#usedCount
    if (slot === this.#slots.length) {
      throw new BusyError(`this thread has ${slot} ${this.#what} in use at once, and more are not possible: close some`)
    }
    this.#places.set(number, slot)
    Atomics.store(this.#slots, slot, BigInt(number))
    if (slot === this.#usedCount) {
      this.#usedCount++
      Atomics.store(this.#cells, this.#usedCell, this.#usedCount)
    }
  }

  remove(number: number): void {
    const slot = this.#places.get(number)
    if (slot !== undefined) {
      this.#places.delete(number)
      Atomics.store(this.#slots, slot, 0n)
      this.#free.push(slot)
    }
  }

  /** The owner's look at it. */
  list(): number[] {
    const numbers: number[] = []
    const count = Atomics.load(this.#cells, this.#usedCell)
    for (let slot = 0; slot < count; slot++) {
      const number = Number(Atomics.load(this.#slots, slot))
      if (number > 0) {
        numbers.push(number)
      }
    }
    return numbers
  }
}

/** The connection block. */
export class ConnectionCells {
  readonly block: SharedArrayBuffer
  readonly views: HeldSlots
  /** Each number is 1 + a sequence number. */
  readonly sequences: HeldSlots
  readonly #cells: Int32Array

  constructor(block: SharedArrayBuffer = new SharedArrayBuffer(CONNECTION_BLOCK_SIZE_BYTES)) {
    this.block = block
    const cells = new Int32Array(block, 0, 4)
    const viewSlots = new BigInt64Array(block, VIEW_SLOTS_OFFSET_BYTES, VIEW_SLOT_COUNT)
    const sequenceSlots = new BigInt64Array(block, SEQUENCE_SLOTS_OFFSET_BYTES, SEQUENCE_SLOT_COUNT)
    this.#cells = cells
    this.views = new HeldSlots(viewSlots, cells, VIEWS, 'versions of the store')
    this.sequences = new HeldSlots(sequenceSlots, cells, SEQUENCES, 'snapshots and iterators of different moments')
  }

  get postedView(): number {
    return Atomics.load(this.#cells, POSTED)
  }

  set postedView(number: number) {
    Atomics.store(this.#cells, POSTED, number)
    Atomics.notify(this.#cells, POSTED)
  }

  /** Waits, without a turn of the loop, until the owner has posted another view than `known`; false if it took too long. */
  waitForPost(known: number, timeoutMs: number): boolean {
    return Atomics.wait(this.#cells, POSTED, known, timeoutMs) !== 'timed-out'
  }
}
