/** Stores with the interface of abstract-level, of version 1 or 3: all that the drivers use is the same in both. */
import type { PutOperation, ScanRange, StoreCursor, StoreDriver, Visit } from './store-driver.ts'

const SCAN_COUNT = 1000

export interface LevelIterator {
  nextv(count: number): Promise<[Buffer, Buffer][]>
  seek(key: Buffer): void
  close(): Promise<void>
}

export interface LevelDatabase {
  put(key: Buffer, value: Buffer, options: { sync: boolean }): Promise<void>
  del(key: Buffer, options: { sync: boolean }): Promise<void>
  batch(operations: PutOperation[], options: { sync: boolean }): Promise<void>
  get(key: Buffer): Promise<Buffer | undefined>
  getSync?(key: Buffer): Buffer | undefined
  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]>
  iterator(range?: { gte?: Buffer; limit?: number; reverse?: boolean }): LevelIterator & AsyncIterable<[Buffer, Buffer]>
  close(): Promise<void>
}

export interface LevelDriverOptions {
  readonly isSynced: boolean
  readonly compact: () => Promise<void>
}

export class LevelDriver implements StoreDriver {
  readonly database: LevelDatabase
  readonly writeOptions: { readonly sync: boolean }
  readonly getSync?: (key: Buffer) => Buffer | undefined
  readonly compact: () => Promise<void>

  constructor(database: LevelDatabase, { isSynced, compact }: LevelDriverOptions) {
    this.database = database
    this.writeOptions = { sync: isSynced }
    this.compact = compact
    if (database.getSync !== undefined) {
      this.getSync = (key) => database.getSync?.(key)
    }
  }

  put(key: Buffer, value: Buffer): Promise<void> {
    return this.database.put(key, value, this.writeOptions)
  }

  delete(key: Buffer): Promise<void> {
    return this.database.del(key, this.writeOptions)
  }

  write(operations: PutOperation[]): Promise<void> {
    return this.database.batch(operations, this.writeOptions)
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.database.get(key)
  }

  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.database.getMany(keys)
  }

  async scan({ reverse = false }: ScanRange, visit: Visit): Promise<number> {
    const iterator = this.database.iterator({ reverse })
    let count = 0
    for (let rows = await iterator.nextv(SCAN_COUNT); rows.length > 0; rows = await iterator.nextv(SCAN_COUNT)) {
      for (const [key, value] of rows) {
        visit(key, value)
      }
      count += rows.length
    }
    await iterator.close()
    return count
  }

  entries(): AsyncIterable<[Buffer, Buffer]> {
    return this.database.iterator()
  }

  async scanFrom(key: Buffer, count: number, visit: Visit): Promise<number> {
    const iterator = this.database.iterator({ gte: key, limit: count })
    const rows = await iterator.nextv(count)
    await iterator.close()
    return visitAll(rows, visit)
  }

  cursor(): StoreCursor {
    const iterator = this.database.iterator()
    return {
      async read(key, count, visit) {
        iterator.seek(key)
        return visitAll(await iterator.nextv(count), visit)
      },
      close: () => iterator.close(),
    }
  }

  close(): Promise<void> {
    return this.database.close()
  }
}

function visitAll(rows: readonly [Buffer, Buffer][], visit: Visit): number {
  for (const [key, value] of rows) {
    visit(key, value)
  }
  return rows.length
}
