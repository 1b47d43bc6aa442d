/**
 * `varve import --from PACKAGE DIR`: copies a database of an abstract-level package into a store of its own, and checks
 * the copy. The package is resolved from where the user is, as it is none of ours.
 *
 * The source is not opened: opening writes to it. A copy of its directory is opened, in which tables, which never
 * change, are links to those of the source. If the source changes meanwhile, the import fails.
 */
import { resolve } from 'node:path'
import { VALUE_SIZE_BYTES_LIMIT } from '@varve/storage'
import type { Store } from 'varve'
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { EntryDigest } from '../entry-digest.ts'
import { CommandFailure, describeFailure } from '../failure.ts'
import { DatabaseCopy } from '../level-source/database-copy.ts'
import { loadDatabaseClass } from '../level-source/database-class.ts'
import type { LevelDatabase } from '../level-source/database-class.ts'
import { Load } from '../load.ts'
import type { LoadRecord } from '../load.ts'
import { withProgress } from '../progress.ts'
import type { ProgressReading } from '../progress.ts'
import { countOf, formatCount, formatDuration, formatSize, ratePerSecond } from '../quantity.ts'
import { describeStall } from '../report.ts'
import { showStore } from '../store-tour.ts'

/** Entries read from the source, and from the store when it is checked, at once. */
const CHUNK_COUNT = 1000

export interface DatabaseImportOptions {
  /** The name of the package, as `import` takes it. */
  readonly from: string
  /** The name of its class, where it has several. */
  readonly export?: string
  readonly sync: boolean
}

export async function importDatabase(
  context: CommandContext,
  directory: string,
  options: DatabaseImportOptions,
): Promise<void> {
  const Database = loadDatabaseClass(options.from, options.export)
  const copy = await DatabaseCopy.make(directory, resolve(context.directory))
  try {
    const database = new Database(copy.directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await openSource(database, directory, options.from)
    try {
      await withStore(context, { create: true, valueSizeBytesMax: VALUE_SIZE_BYTES_LIMIT }, async (store) => {
        await refuseFilled(store, context.directory)
        await new DatabaseImport(context, store, database, options).run(directory)
        await copy.checkSource()
        await showStore(context, store)
      })
    } finally {
      await database.close()
    }
  } finally {
    await copy.remove()
  }
}

async function openSource(database: LevelDatabase, directory: string, from: string): Promise<void> {
  try {
    await database.open({ createIfMissing: false })
  } catch (error) {
    const { cause, message } = error as { readonly cause?: unknown; readonly message: string }
    const why = cause instanceof Error ? cause.message : message
    throw new CommandFailure(`${from} cannot open what is in ${directory}: ${why}`)
  }
}

/** A copy of all entries is compared with all entries of the store: nothing else may be in it. */
async function refuseFilled(store: Store, directory: string): Promise<void> {
  for await (const _key of store.keys({ limit: 1 })) {
    throw new CommandFailure(
      `the store in ${resolve(directory)} is not empty: choose another with --directory, so that the copy can be checked`,
    )
  }
}

class DatabaseImport {
  readonly #context: CommandContext
  readonly #store: Store
  readonly #database: LevelDatabase
  readonly #load: Load
  readonly #source = new EntryDigest()
  #startMs = 0

  constructor(context: CommandContext, store: Store, database: LevelDatabase, options: DatabaseImportOptions) {
    this.#context = context
    this.#store = store
    this.#database = database
    this.#load = new Load(store, { sync: options.sync, signal: context.interruption.signal })
  }

  async run(directory: string): Promise<void> {
    const { output, interruption, progressStream } = this.#context
    await output.printLine(`Copying ${directory} into ${this.#context.directory}`)
    this.#startMs = performance.now()
    const reading = (): ProgressReading => this.#reading()
    const { elapsedMs, failure } = await withProgress(progressStream, reading, () => this.#load.run(this.#records()))
    if (interruption.signal.aborted) {
      throw new CommandFailure('interrupted: the copy is not whole; destroy it and import again', interruption.exitCode)
    }
    if (failure !== undefined) {
      throw new CommandFailure(`${describeFailure(failure).text}; the copy is not whole`)
    }
    await this.#store.sync()
    const { recordCount, sizeBytes } = this.#load
    const rate = `${formatCount(ratePerSecond(recordCount, elapsedMs))} puts/s`
    await output.printLine(
      `Copied ${countOf(recordCount, 'entry', 'entries')} (${formatSize(sizeBytes)}) in ${formatDuration(elapsedMs)}: ${rate}`,
    )
    await this.#check()
  }

  /** Reads the store from its tables, and compares count and checksum. */
  async #check(): Promise<void> {
    await this.#store.flush()
    const copy = new EntryDigest()
    const iterator = this.#store.iterator()
    try {
      for (
        let chunk = await iterator.nextMany(CHUNK_COUNT);
        chunk.length > 0;
        chunk = await iterator.nextMany(CHUNK_COUNT)
      ) {
        for (const [key, value] of chunk) {
          copy.add(key, value)
        }
      }
    } finally {
      await iterator.close()
    }
    if (copy.count !== this.#source.count || copy.checksum !== this.#source.checksum) {
      throw new CommandFailure(
        `the copy is not the same: ${this.#source.text} in the source, ${copy.text} in the store; do not use it`,
      )
    }
    await this.#context.output.printLine(`Checked: ${copy.text}, the same in both`)
  }

  async *#records(): AsyncGenerator<LoadRecord> {
    const iterator = this.#database.iterator({ highWaterMarkBytes: 1024 * 1024 })
    try {
      for (let chunk = await iterator.nextv(CHUNK_COUNT); chunk.length > 0; chunk = await iterator.nextv(CHUNK_COUNT)) {
        for (const [key, value] of chunk) {
          this.#source.add(key, value)
          yield { key, value }
        }
      }
    } finally {
      await iterator.close()
    }
  }

  #reading(): ProgressReading {
    const { recordCount, sizeBytes } = this.#load
    const rate = formatCount(ratePerSecond(recordCount, performance.now() - this.#startMs))
    const stall = describeStall(this.#store.stats())
    const text = `${countOf(recordCount, 'entry', 'entries')}, ${formatSize(sizeBytes)}, ${rate}/s${stall}`
    return { value: recordCount, total: undefined, text }
  }
}
