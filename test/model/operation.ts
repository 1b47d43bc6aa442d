/** The operations that model tests are made of. Plain values: a list of them is a test that can be run anywhere. */
import type { ModelRange } from './model-store.ts'

/** Bytes, and in which of the forms that the API takes they are handed over. */
export interface Input {
  readonly bytes: Buffer
  readonly form: 'buffer' | 'uint8array' | 'string'
}

export type Write =
  | { readonly type: 'put'; readonly key: Input; readonly value: Input }
  | { readonly type: 'delete'; readonly key: Input }

/** A read; with `snapshot`, of the snapshot in that slot, through its own methods or through the store's. */
export interface Read {
  readonly type: 'get' | 'getSync' | 'has'
  readonly key: Input
  readonly snapshot: SnapshotUse | undefined
}

export interface SnapshotUse {
  readonly slot: number
  readonly through: 'snapshot' | 'store'
}

export interface Scan {
  readonly type: 'scan'
  readonly range: ModelRange
  readonly how: 'entries' | 'keys' | 'values' | 'iterator'
  readonly snapshot: SnapshotUse | undefined
}

export type Operation =
  | { readonly type: 'write'; readonly write: Write; readonly sync: boolean }
  | {
      readonly type: 'batch'
      readonly writes: readonly Write[]
      readonly sync: boolean
      readonly as: 'array' | 'WriteBatch'
    }
  /** Written only if nothing that it depends on was changed since the snapshot in slot `since`. */
  | {
      readonly type: 'writeIf'
      readonly writes: readonly Write[]
      readonly since: number
      readonly unchangedKeys: readonly Input[]
      readonly unchangedRanges: readonly ModelRange[]
    }
  /** Writes and reads that are all issued in one turn, none awaited: the reads see what was there before. */
  | { readonly type: 'burst'; readonly steps: readonly (Write | Read)[] }
  | Read
  | { readonly type: 'getMany'; readonly keys: readonly Input[]; readonly snapshot: SnapshotUse | undefined }
  | Scan
  | {
      readonly type: 'openIterator'
      readonly slot: number
      readonly range: ModelRange
      readonly snapshot: SnapshotUse | undefined
    }
  | { readonly type: 'stepIterator'; readonly slot: number; readonly count: number; readonly how: StepKind }
  | { readonly type: 'seekIterator'; readonly slot: number; readonly key: Input }
  | { readonly type: 'closeIterator'; readonly slot: number }
  | { readonly type: 'openSnapshot'; readonly slot: number }
  | { readonly type: 'closeSnapshot'; readonly slot: number }
  | { readonly type: 'clear'; readonly range: ModelRange }
  | { readonly type: 'flush'; readonly background: boolean }
  | { readonly type: 'compactRange'; readonly range: ModelRange; readonly background: boolean }
  | { readonly type: 'sync' }
  | { readonly type: 'approximateSize'; readonly range: ModelRange }
  /** Closes the store with whatever is open, and opens it again. */
  | { readonly type: 'reopen' }

/** One after the other, all issued at once, or by `nextMany`. */
export type StepKind = 'next' | 'together' | 'nextMany'

/** What is asked of an iterator or a snapshot that stays open. */
export type HandleOperation = Extract<Operation, { readonly slot: number }>

/** An operation on one line, for messages: long bytes by their length. */
export function describeOperation(operation: Operation): string {
  return JSON.stringify(operation, (_name, value: unknown) => shortened(value))
}

function shortened(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value) {
    return describeBytes(Buffer.from(value.data as number[]))
  }
  return value
}

export function describeBytes(bytes: Buffer): string {
  const head = bytes
    .subarray(0, 40)
    .toString('latin1')
    .replaceAll(/[^ -~]|\\/g, escaped)
  return bytes.length > 40 ? `${head}... (${bytes.length} bytes)` : head
}

function escaped(letter: string): string {
  return `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`
}
