/** Answers operations from the model. */
import { CONFLICT, NOTHING, WRITTEN, answerOf } from './answer.ts'
import type { Answer, Subject } from './answer.ts'
import { ModelIterator, ModelStore, isInside } from './model-store.ts'
import type { ModelEntry, ModelView } from './model-store.ts'
import type { HandleOperation, Operation, Read, Scan, SnapshotUse, Write } from './operation.ts'

export class ModelSubject implements Subject {
  readonly #model = new ModelStore()
  readonly #iterators = new Map<number, ModelIterator>()
  readonly #snapshots = new Map<number, ModelView>()
  /** When the snapshot in a slot was made, and when a key was last put or deleted, by the number of writes before. */
  readonly #snapshotTimes = new Map<number, number>()
  readonly #changeTimes = new Map<string, number>()
  #time = 0

  get openIteratorCount(): number {
    return this.#iterators.size
  }

  get openSnapshotCount(): number {
    return this.#snapshots.size
  }

  view(): ModelView {
    return this.#model.view()
  }

  answer(operation: Operation): Promise<Answer> {
    return Promise.resolve(this.#answer(operation))
  }

  #answer(operation: Operation): Answer {
    if ('slot' in operation) {
      return this.#answerOnHandle(operation)
    }
    switch (operation.type) {
      case 'write':
        return this.#write([operation.write])
      case 'batch':
        return this.#write(operation.writes)
      case 'burst':
        return this.#burst(operation.steps)
      case 'writeIf':
        return this.#writeIf(operation)
      case 'get':
      case 'getSync':
      case 'has':
        return [read(this.#viewOf(operation.snapshot), operation)]
      case 'getMany': {
        const view = this.#viewOf(operation.snapshot)
        return operation.keys.map((key) => answerOf(view.get(key.bytes)))
      }
      case 'scan':
        return scanned(this.#viewOf(operation.snapshot).range(operation.range), operation.how)
      case 'clear':
        this.#model
          .view()
          .range(operation.range)
          .forEach(({ key }) => this.#changed(key))
        this.#model.clear(operation.range)
        return NOTHING
      case 'reopen':
        this.#iterators.clear()
        this.#snapshots.clear()
        return NOTHING
      case 'flush':
      case 'compactRange':
      case 'sync':
      case 'approximateSize':
        return NOTHING
    }
  }

  #answerOnHandle(operation: HandleOperation): Answer {
    const { slot } = operation
    switch (operation.type) {
      case 'openIterator':
        this.#iterators.set(slot, new ModelIterator(this.#viewOf(operation.snapshot), operation.range))
        return NOTHING
      case 'stepIterator':
        return entriesOf(taken(present(this.#iterators, slot), operation.count))
      case 'seekIterator':
        present(this.#iterators, slot).seek(operation.key.bytes)
        return NOTHING
      case 'closeIterator':
        this.#iterators.delete(slot)
        return NOTHING
      case 'openSnapshot':
        this.#snapshots.set(slot, this.#model.view())
        this.#snapshotTimes.set(slot, this.#time)
        return NOTHING
      case 'closeSnapshot':
        this.#snapshots.delete(slot)
        return NOTHING
    }
  }

  #viewOf(snapshot: SnapshotUse | undefined): ModelView {
    return snapshot === undefined ? this.#model.view() : present(this.#snapshots, snapshot.slot)
  }

  #write(writes: readonly Write[]): Answer {
    for (const write of writes) {
      this.#changed(write.key.bytes)
      if (write.type === 'put') {
        this.#model.put(write.key.bytes, write.value.bytes)
      } else {
        this.#model.delete(write.key.bytes)
      }
    }
    return NOTHING
  }

  /** A key that was deleted counts, one that was not there before too, and one that was put as it was. */
  #changed(key: Buffer): void {
    this.#changeTimes.set(key.toString('latin1'), ++this.#time)
  }

  #writeIf({ writes, since, unchangedKeys, unchangedRanges }: Extract<Operation, { type: 'writeIf' }>): Answer {
    const at = present(this.#snapshotTimes, since)
    const keys = [...writes.map(({ key }) => key), ...unchangedKeys].map(({ bytes }) => bytes.toString('latin1'))
    const isChanged = (key: string): boolean => (this.#changeTimes.get(key) ?? 0) > at
    const hasConflict =
      keys.some(isChanged) ||
      [...this.#changeTimes.keys()].some(
        (key) => isChanged(key) && unchangedRanges.some((range) => isInside(Buffer.from(key, 'latin1'), range)),
      )
    if (hasConflict) {
      return [CONFLICT]
    }
    this.#write(writes)
    return [WRITTEN]
  }

  #burst(steps: readonly (Write | Read)[]): Answer {
    const before = this.#model.view()
    const answers = steps
      .filter((step) => step.type !== 'put' && step.type !== 'delete')
      .map((step) => read(before, step))
    this.#write(steps.filter((step) => step.type === 'put' || step.type === 'delete'))
    return answers
  }
}

export function entriesOf(entries: readonly ModelEntry[]): Buffer[] {
  return entries.flatMap((entry) => [entry.key, entry.value])
}

function read(view: ModelView, operation: Read): Buffer | string {
  const value = view.get(operation.key.bytes)
  return answerOf(operation.type === 'has' ? value !== undefined : value)
}

function scanned(entries: readonly ModelEntry[], how: Scan['how']): Buffer[] {
  if (how === 'keys') {
    return entries.map((entry) => entry.key)
  }
  return how === 'values' ? entries.map((entry) => entry.value) : entriesOf(entries)
}

function taken(iterator: ModelIterator, count: number): ModelEntry[] {
  const entries: ModelEntry[] = []
  while (entries.length < count) {
    const entry = iterator.next()
    if (entry === undefined) {
      break
    }
    entries.push(entry)
  }
  return entries
}

/** What is open in a slot; lists of operations use only slots that are. */
export function present<T>(slots: ReadonlyMap<number, T>, slot: number): T {
  const found = slots.get(slot)
  if (found === undefined) {
    throw new Error(`nothing is open in slot ${slot}`)
  }
  return found
}
