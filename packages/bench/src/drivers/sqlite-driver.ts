/**
 * SQLite, through better-sqlite3 or the module of Node: both prepare statements in the same way. All of it is
 * synchronous: a promise that it returns has nothing to wait for.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { installedVersion, requirePeer } from './peer-packages.ts'
import type {
  OpenSettings,
  PutOperation,
  ScanRange,
  StoreCursor,
  StoreDescription,
  StoreDriver,
  StoreModule,
  Visit,
} from './store-driver.ts'

const PACKAGE_NAME = 'better-sqlite3'
const KIB = 1024

interface Row {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

interface Statement {
  run(...parameters: unknown[]): unknown
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown[]
  iterate(...parameters: unknown[]): IterableIterator<unknown>
}

interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): void
}

type SqliteConstructor = new (path: string) => SqliteDatabase

class SqliteDriver implements StoreDriver {
  readonly #database: SqliteDatabase
  readonly #put: Statement
  readonly #delete: Statement
  readonly #get: Statement
  readonly #forward: Statement
  readonly #backward: Statement
  readonly #from: Statement
  readonly #begin: Statement
  readonly #commit: Statement

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#put = database.prepare('INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)')
    this.#delete = database.prepare('DELETE FROM entries WHERE key = ?')
    this.#get = database.prepare('SELECT value FROM entries WHERE key = ?')
    this.#forward = database.prepare('SELECT key, value FROM entries ORDER BY key')
    this.#backward = database.prepare('SELECT key, value FROM entries ORDER BY key DESC')
    this.#from = database.prepare('SELECT key, value FROM entries WHERE key >= ? ORDER BY key LIMIT ?')
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
  }

  async put(key: Buffer, value: Buffer): Promise<void> {
    this.#put.run(key, value)
  }

  async delete(key: Buffer): Promise<void> {
    this.#delete.run(key)
  }

  async write(operations: PutOperation[]): Promise<void> {
    this.#begin.run()
    for (const { key, value } of operations) {
      this.#put.run(key, value)
    }
    this.#commit.run()
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    return this.getSync(key)
  }

  getSync(key: Buffer): Buffer | undefined {
    const row = this.#get.get(key) as Row | undefined
    return row === undefined ? undefined : bufferOf(row.value)
  }

  async getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    return keys.map((key) => this.getSync(key))
  }

  async scan({ reverse = false }: ScanRange, visit: Visit): Promise<number> {
    return visitAll((reverse ? this.#backward : this.#forward).iterate(), visit)
  }

  async *entries(): AsyncGenerator<[Buffer, Buffer]> {
    for (const row of this.#forward.iterate() as Iterable<Row>) {
      yield [bufferOf(row.key), bufferOf(row.value)]
    }
  }

  async scanFrom(key: Buffer, count: number, visit: Visit): Promise<number> {
    return visitAll(this.#from.all(key, count), visit)
  }

  cursor(): StoreCursor {
    return {
      read: (key, count, visit) => this.scanFrom(key, count, visit),
      close: () => Promise.resolve(),
    }
  }

  async compact(): Promise<void> {
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}

function visitAll(rows: Iterable<unknown>, visit: Visit): number {
  let count = 0
  for (const row of rows as Iterable<Row>) {
    visit(bufferOf(row.key), bufferOf(row.value))
    count++
  }
  return count
}

/** The module of Node gives plain arrays of bytes. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function openWith(Database: SqliteConstructor, directory: string, settings: OpenSettings): StoreDriver {
  mkdirSync(directory, { recursive: true })
  const database = new Database(join(directory, 'entries.sqlite'))
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(`PRAGMA synchronous = ${settings.durability === 'power' ? 'FULL' : 'NORMAL'}`)
  database.exec(`PRAGMA cache_size = -${Math.ceil(settings.cacheSizeBytes / KIB)}`)
  database.exec('CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID')
  return new SqliteDriver(database)
}

function description(name: string, packageName: string, version: string): StoreDescription {
  return {
    name,
    packageName,
    version,
    strongestDurability: 'power',
    settings: { journal_mode: 'WAL', table: 'key BLOB PRIMARY KEY, WITHOUT ROWID' },
    durabilitySettings: { process: 'synchronous = NORMAL', power: 'synchronous = FULL' },
  }
}

export function betterSqlite3(): StoreModule {
  const Database = requirePeer(PACKAGE_NAME) as SqliteConstructor
  return {
    description: description(PACKAGE_NAME, PACKAGE_NAME, installedVersion(PACKAGE_NAME)),
    open: (directory, settings) => Promise.resolve(openWith(Database, directory, settings)),
  }
}

/** @throws ERR_UNKNOWN_BUILTIN_MODULE where the runtime has none */
export async function nodeSqlite(): Promise<StoreModule> {
  // The types of the oldest supported Node do not know it.
  const specifier: string = 'node:sqlite'
  const { DatabaseSync } = (await import(specifier)) as { readonly DatabaseSync: SqliteConstructor }
  return {
    description: description('node-sqlite', 'node:sqlite', process.versions.node),
    open: (directory, settings) => Promise.resolve(openWith(DatabaseSync, directory, settings)),
  }
}
