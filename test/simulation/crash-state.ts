/**
 * What a loss of power leaves. Every write, truncation and directory operation that was not synced is there or not, each
 * for itself, but for `ordered`, where what is there is all that came before some moment. Of a file that was extended,
 * the length may have come before the bytes, which are then zeros or garbage, or the bytes before the length.
 */
import { SeededRandom } from '../harness/random.ts'
import { DirectoryContent, applyEntry, type EntryEvent, type Node } from './directory-content.ts'
import type { DiskSnapshot } from './disk-snapshot.ts'
import { FileContent, applyData, sizeAfter, type DataEvent, type FileState } from './file-content.ts'

/**
 * What of the unsynced is there afterwards:
 * - `nothing`, `everything`
 * - `subset`: each event for itself, drawn from the seed; writes may be torn, lengths may differ from the bytes
 * - `ordered`: what came before a moment drawn from the seed; the last write may be torn
 */
export interface PowerLoss {
  readonly kept: 'nothing' | 'everything' | 'subset' | 'ordered'
  readonly seed: number
}

/** How likely things are to be kept, so that most of the unsynced and hardly any of it are tried too. */
const CHANCES = [0.05, 0.3, 0.5, 0.7, 0.95] as const

export class CrashPlan {
  readonly #snapshot: DiskSnapshot
  readonly #loss: PowerLoss
  readonly #random: SeededRandom
  readonly #endSerial: number
  readonly #dataChance: number
  readonly #entryChance: number
  readonly #pendingEntries: ReadonlySet<EntryEvent>
  readonly #keptEntries = new Map<EntryEvent, boolean>()
  readonly #copies = new Map<Node, Node>()

  constructor(snapshot: DiskSnapshot, loss: PowerLoss) {
    this.#snapshot = snapshot
    this.#loss = loss
    this.#random = new SeededRandom(loss.seed)
    this.#pendingEntries = new Set(snapshot.pendingEntries)
    this.#endSerial = this.#drawEnd()
    this.#dataChance = this.#random.pick(CHANCES)
    this.#entryChance = this.#random.pick(CHANCES)
  }

  root(): DirectoryContent {
    return this.#directory(this.#snapshot.root)
  }

  #directory(directory: DirectoryContent): DirectoryContent {
    const { base, entries } = this.#snapshot.entriesOf(directory)
    const left = new Map(base)
    for (const { event, fate } of entries) {
      if (fate === 'synced' || this.#isEntryKept(event)) {
        applyEntry(left, event)
      }
    }
    return new DirectoryContent({
      base: new Map([...left].map(([name, node]) => [name, this.#copyOf(node)])),
      entries: [],
    })
  }

  #copyOf(node: Node): Node {
    const known = this.#copies.get(node)
    if (known !== undefined) {
      return known
    }
    const copy =
      node instanceof FileContent
        ? new FileContent({ base: this.#bytes(this.#snapshot.stateOf(node)), entries: [] })
        : this.#directory(node)
    this.#copies.set(node, copy)
    return copy
  }

  #isEntryKept(event: EntryEvent): boolean {
    let kept = this.#keptEntries.get(event)
    if (kept === undefined) {
      const waitsFor = event.kind === 'unlink' ? event.after : undefined
      kept =
        (waitsFor === undefined || !this.#pendingEntries.has(waitsFor) || this.#isEntryKept(waitsFor)) &&
        this.#isKept(event, this.#entryChance)
      this.#keptEntries.set(event, kept)
    }
    return kept
  }

  #isKept({ serial }: { readonly serial: number }, chance: number): boolean {
    switch (this.#loss.kept) {
      case 'nothing':
        return false
      case 'everything':
        return true
      case 'ordered':
        return serial < this.#endSerial
      case 'subset':
        return this.#random.chance(chance)
    }
  }

  #bytes({ base, entries }: FileState): Uint8Array {
    if (entries.length === 0) {
      return base
    }
    const isDrawn = this.#loss.kept === 'subset'
    const left: DataEvent[] = []
    for (const { event, fate } of entries) {
      if (fate === 'synced' || this.#isKept(event, this.#dataChance)) {
        left.push(fate !== 'synced' && isDrawn && this.#random.chance(0.25) ? this.#tear(event) : event)
      } else if (this.#loss.kept === 'ordered' && event.serial === this.#endSerial) {
        left.push(this.#tear(event))
      }
    }
    const bytes = applyData(base, isDrawn ? [...this.#garbage(base, left), ...left] : left)
    return isDrawn && entries.every(({ fate }) => fate === 'unsynced') ? this.#resize(bytes, base, entries) : bytes
  }

  /** The first bytes of a write, or the last ones: sectors may be written in any order. */
  #tear(event: DataEvent): DataEvent {
    if (event.kind === 'truncate' || event.bytes.length === 0) {
      return event
    }
    const size = this.#random.below(event.bytes.length)
    return this.#loss.kept === 'ordered' || this.#random.chance(0.7)
      ? { ...event, bytes: event.bytes.subarray(0, size) }
      : { ...event, position: event.position + size, bytes: event.bytes.subarray(size) }
  }

  /** What stands in the place of lost writes to an extension: sometimes not zeros. */
  #garbage(base: Uint8Array, left: readonly DataEvent[]): DataEvent[] {
    const sizeBytes = sizeAfter(base.length, left) - base.length
    return sizeBytes > 0 && this.#random.chance(0.3)
      ? [{ serial: 0, kind: 'write', position: base.length, bytes: this.#random.bytes(sizeBytes) }]
      : []
  }

  /** Length and bytes of a file reach the medium for themselves. */
  #resize(bytes: Uint8Array, base: Uint8Array, entries: FileState['entries']): Uint8Array {
    const shape = this.#random.weighted({ asWritten: 2, lengthFirst: 1, bytesFirst: 1 })
    if (shape === 'asWritten' || entries.some(({ event }) => event.kind === 'truncate')) {
      return bytes
    }
    const wholeSize = sizeAfter(
      base.length,
      entries.map(({ event }) => event),
    )
    if (shape === 'bytesFirst') {
      return bytes.subarray(0, this.#random.between(Math.min(base.length, bytes.length), bytes.length))
    }
    const longer = new Uint8Array(this.#random.chance(0.5) ? wholeSize : this.#random.between(bytes.length, wholeSize))
    longer.set(bytes)
    this.#fill(longer.subarray(bytes.length))
    return longer
  }

  #fill(gap: Uint8Array): void {
    if (this.#random.chance(0.5)) {
      gap.set(this.#random.bytes(gap.length))
    }
  }

  #drawEnd(): number {
    if (this.#loss.kept !== 'ordered') {
      return 0
    }
    const serials = this.#snapshot.pendingSerials
    return serials.length === 0 ? 0 : this.#random.pick(serials)
  }
}
