/**
 * What the workloads ask of a store. A driver uses its store as its users would, by the fastest documented way: promises
 * for writes, Buffers both ways. It never copies what the store need not copy, and never skips what a user must do.
 */

/** What an acknowledged write survives: nothing, the death of the process, the loss of power. */
export type DurabilityClass = 'none' | 'process' | 'power'

export interface OpenSettings {
  /** What every write that resolves must survive. Only `none` stores may promise less. */
  readonly durability: 'process' | 'power'
  /** Of the cache of blocks or pages, alike in all stores that have one. */
  readonly cacheSizeBytes: number
}

export interface PutOperation {
  readonly type: 'put'
  readonly key: Buffer
  readonly value: Buffer
}

export interface ScanRange {
  readonly reverse?: boolean
}

export type Visit = (key: Buffer, value: Buffer) => void

/** Positioned again and again. */
export interface StoreCursor {
  /** Visits up to `count` entries from the first one at or after `key`; resolves to how many there were. */
  read(key: Buffer, count: number, visit: Visit): Promise<number>
  close(): Promise<void>
}

export interface StoreDriver {
  put(key: Buffer, value: Buffer): Promise<void>
  delete(key: Buffer): Promise<void>
  /** All entries at once, atomically. */
  write(operations: PutOperation[]): Promise<void>
  get(key: Buffer): Promise<Buffer | undefined>
  /** Not there in a store that has no synchronous reads. */
  getSync?(key: Buffer): Buffer | undefined
  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]>
  /** Visits every entry in order, by the store's fastest way; resolves to how many there were. */
  scan(range: ScanRange, visit: Visit): Promise<number>
  /** Every entry in order, for `for await`. */
  entries(): AsyncIterable<[Buffer, Buffer]>
  /** Reads entries from a key on with an iterator of its own, as a query does. */
  scanFrom(key: Buffer, count: number, visit: Visit): Promise<number>
  cursor(): StoreCursor
  /** Brings the store to rest: into its lowest level, or its log into its file. */
  compact(): Promise<void>
  close(): Promise<void>
}

export type SettingValue = string | number | boolean

/** What is installed of a store, and how it is set. */
export interface StoreDescription {
  readonly name: string
  readonly packageName: string
  readonly version: string
  /** The strongest class that it can be set to; what it gives when it is not is `process`. */
  readonly strongestDurability: DurabilityClass
  readonly settings: Readonly<Record<string, SettingValue>>
  /** What is set for one class alone. */
  readonly durabilitySettings: Readonly<Record<'process' | 'power', string>>
}

export interface StoreModule {
  readonly description: StoreDescription
  open(directory: string, settings: OpenSettings): Promise<StoreDriver>
}
