/** `varve import FILE --key FIELD`: puts every record of a file, under the value of one of its fields. */
import { KEY_SIZE_BYTES_MAX, VALUE_SIZE_BYTES_DEFAULT_MAX } from '@varve/storage'
import type { Store } from 'varve'
import { BadLines } from '../bad-lines.ts'
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure, describeFailure } from '../failure.ts'
import { Load } from '../load.ts'
import type { LoadResult } from '../load.ts'
import { withProgress } from '../progress.ts'
import type { ProgressReading } from '../progress.ts'
import { countOf, formatCount, formatDuration, formatSize, ratePerSecond } from '../quantity.ts'
import { readCsv } from '../record-source/csv.ts'
import { formatOf, InputFile } from '../record-source/input-file.ts'
import { readNdjson } from '../record-source/ndjson.ts'
import type { RecordFormat, SourceItem, SourceRecord } from '../record-source/record-source.ts'
import { describeStall } from '../report.ts'
import { showStore } from '../store-tour.ts'

export interface ImportOptions {
  readonly key: string
  readonly format?: RecordFormat
  readonly delimiter: string
  readonly prefix: string
  readonly strict: boolean
  readonly sync: boolean
}

export async function importFile(context: CommandContext, path: string, options: ImportOptions): Promise<void> {
  const file = await InputFile.open(path, context.interruption.signal)
  try {
    const format = options.format ?? formatOf(path)
    await withStore(context, { create: true }, async (store) => {
      await new Import(context, store, file, options).run(format)
      await showStore(context, store)
    })
  } finally {
    file.close()
  }
}

class Import {
  readonly #context: CommandContext
  readonly #store: Store
  readonly #file: InputFile
  readonly #options: ImportOptions
  readonly #badLines = new BadLines()
  readonly #load: Load
  #startMs = 0

  constructor(context: CommandContext, store: Store, file: InputFile, options: ImportOptions) {
    this.#context = context
    this.#store = store
    this.#file = file
    this.#options = options
    this.#load = new Load(store, { sync: options.sync, signal: context.interruption.signal })
  }

  async run(format: RecordFormat): Promise<void> {
    const { output } = this.#context
    await output.printLine(`Importing ${this.#file.name} into ${this.#context.directory}`)
    const chunks = this.#file.chunks()
    const items =
      format === 'csv'
        ? readCsv(chunks, { field: this.#options.key, delimiter: this.#options.delimiter })
        : readNdjson(chunks, this.#options.key)
    this.#startMs = performance.now()
    const read = (): ProgressReading => this.#reading()
    const result = await withProgress(this.#context.progressStream, read, () => this.#load.run(this.#records(items)))
    this.#badLines.show(output)
    // What was imported before a stop becomes durable when the store is closed.
    this.#throwIfStopped(result)
    await this.#store.sync()
    await output.printLine(this.#summary(result.elapsedMs))
    if (this.#load.recordCount === 0 && this.#badLines.count > 0) {
      throw new CommandFailure('no record was imported: not one line was usable')
    }
  }

  /** The usable records; the others are counted, or end it all. */
  async *#records(items: AsyncIterable<SourceItem>): AsyncGenerator<SourceRecord> {
    for await (const item of items) {
      const problem = 'problem' in item ? item.problem : this.#sizeProblem(item.record)
      if (problem === undefined && 'record' in item) {
        const { key, value } = item.record
        yield { key: this.#options.prefix + key, value }
      } else {
        this.#badLines.add(item.line, problem ?? '')
        if (this.#options.strict) {
          throw new CommandFailure('stopped at the first bad line, as --strict asks')
        }
      }
    }
  }

  #sizeProblem({ key, value }: SourceRecord): string | undefined {
    const keySizeBytes = Buffer.byteLength(this.#options.prefix) + Buffer.byteLength(key)
    if (keySizeBytes > KEY_SIZE_BYTES_MAX) {
      return `the key has ${formatCount(keySizeBytes)} bytes; at most ${formatCount(KEY_SIZE_BYTES_MAX)} are allowed`
    }
    return Buffer.byteLength(value) > VALUE_SIZE_BYTES_DEFAULT_MAX
      ? `the record is larger than ${formatSize(VALUE_SIZE_BYTES_DEFAULT_MAX)}`
      : undefined
  }

  #throwIfStopped({ failure }: LoadResult): void {
    const kept = this.#keptText()
    const { exitCode, signal } = this.#context.interruption
    if (signal.aborted) {
      throw new CommandFailure(`interrupted: ${kept}; import the file again to finish`, exitCode)
    }
    if (failure !== undefined) {
      throw new CommandFailure(`${describeFailure(failure).text}; ${kept}`)
    }
  }

  #keptText(): string {
    const { recordCount } = this.#load
    if (recordCount === 0) {
      return 'nothing was imported'
    }
    return `${countOf(recordCount, 'record')} imported before that ${recordCount === 1 ? 'is' : 'are'} kept`
  }

  #summary(elapsedMs: number): string {
    const { recordCount, sizeBytes } = this.#load
    const rate = `${formatCount(ratePerSecond(recordCount, elapsedMs))} puts/s`
    const bad = this.#badLines.count === 0 ? '' : `, ${countOf(this.#badLines.count, 'bad line')} left out`
    const records = `${countOf(recordCount, 'record')} (${formatSize(sizeBytes)})`
    return `Imported ${records} in ${formatDuration(elapsedMs)}: ${rate}${bad}`
  }

  #reading(): ProgressReading {
    const { recordCount } = this.#load
    const rate = formatCount(ratePerSecond(recordCount, performance.now() - this.#startMs))
    const bad = this.#badLines.count === 0 ? '' : `, ${countOf(this.#badLines.count, 'bad line')}`
    const stall = describeStall(this.#store.stats())
    const text = `${countOf(recordCount, 'record')}, ${rate}/s${bad}${stall}`
    return { value: this.#file.readSizeBytes, total: this.#file.sizeBytes, text }
  }
}
