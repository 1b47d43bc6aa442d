/**
 * What the workloads ask of a store. Every driver uses its store as its users would: promises for writes, Buffers both
 * ways. A write resolves when it survives the death of the process, in every store; nothing is synced.
 */
export interface StoreDriver {
  put(key: Buffer, value: Buffer): Promise<void>
  /** All entries at once, atomically. */
  write(operations: PutOperation[]): Promise<void>
  get(key: Buffer): Promise<Buffer | undefined>
  getSync(key: Buffer): Buffer | undefined
  /** Every entry in order. */
  entries(): AsyncIterable<[Buffer, Buffer]>
  /** Brings the whole store into its lowest level. */
  compact(): Promise<void>
  close(): Promise<void>
}

/** Both stores take this form. */
export interface PutOperation {
  readonly type: 'put'
  readonly key: Buffer
  readonly value: Buffer
}

/** What is installed of a store, and how it is set. */
export interface StoreDescription {
  readonly name: string
  readonly version: string
  readonly settings: Readonly<Record<string, string | number | boolean>>
}

export interface StoreModule {
  readonly description: StoreDescription
  open(directory: string): Promise<StoreDriver>
}
