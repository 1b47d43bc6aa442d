/**
 * CSV with a header row. Rows are cut here, for exact line numbers and a bound on their size, and parsed by csv-parse,
 * all rows of a chunk at once; where that fails, halves of them, down to the row that is wrong.
 */
import { isUtf8 } from 'node:buffer'
import { parse } from 'csv-parse/sync'
import { CommandFailure } from '../failure.ts'
import { printable } from '../printable.ts'
import { countOf } from '../quantity.ts'
import { CsvRowSplitter } from './csv-row-splitter.ts'
import type { Line } from './line-splitter.ts'
import { keyFrom, lineSizeBytesMax, tooLong } from './record-source.ts'
import type { SourceItem } from './record-source.ts'

export interface CsvOptions {
  /** The column whose cells are the keys. */
  readonly field: string
  readonly delimiter: string
}

type ParsedRow =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly problem: string }

/** Throws `CommandFailure` if there is no usable header. */
export async function* readCsv(chunks: AsyncIterable<Buffer>, options: CsvOptions): AsyncGenerator<SourceItem> {
  const splitter = new CsvRowSplitter(lineSizeBytesMax, options.delimiter)
  let header: CsvHeader | undefined
  for await (const rows of splitChunks(chunks, splitter)) {
    for (const row of parseRows(rows, options.delimiter)) {
      if (header === undefined) {
        header = new CsvHeader(row, options.field)
      } else {
        yield header.itemOf(row)
      }
    }
  }
  if (header === undefined) {
    throw new CommandFailure('the CSV file has no header row')
  }
}

async function* splitChunks(chunks: AsyncIterable<Buffer>, splitter: CsvRowSplitter): AsyncGenerator<Line[]> {
  for await (const chunk of chunks) {
    yield splitter.split(chunk)
  }
  yield splitter.end()
}

/** The rows in their order. */
function parseRows(rows: readonly Line[], delimiter: string): ParsedRow[] {
  const parsed: ParsedRow[] = []
  let parsable: (Line & { content: Buffer })[] = []
  const flush = (): void => {
    parseTogether(parsable, delimiter, parsed)
    parsable = []
  }
  for (const { line, content } of rows) {
    if (content !== undefined && isUtf8(content)) {
      parsable.push({ line, content })
    } else {
      flush()
      parsed.push({ line, problem: content === undefined ? `${tooLong}: is a quote not closed?` : 'not UTF-8' })
    }
  }
  flush()
  return parsed
}

const rowEnd = Buffer.from('\n')

function parseTogether(rows: readonly (Line & { content: Buffer })[], delimiter: string, parsed: ParsedRow[]): void {
  if (rows.length === 0) {
    return
  }
  const text = Buffer.concat(rows.flatMap(({ content }) => [content, rowEnd]))
  try {
    // The numbers of columns are compared with the header's later: a wrong one must not fail its neighbours.
    const records = parse(text, { delimiter, record_delimiter: '\n', relax_column_count: true })
    if (records.length === rows.length) {
      rows.forEach(({ line }, index) => parsed.push({ line, cells: records[index] ?? [] }))
      return
    }
    if (rows.length === 1) {
      rows.forEach(({ line }) => parsed.push({ line, problem: 'not a row of CSV' }))
      return
    }
  } catch (error) {
    if (rows.length === 1) {
      rows.forEach(({ line }) => parsed.push({ line, problem: `not CSV: ${describeCsvError(error)}` }))
      return
    }
  }
  const middle = rows.length >> 1
  parseTogether(rows.slice(0, middle), delimiter, parsed)
  parseTogether(rows.slice(middle), delimiter, parsed)
}

/** In our words: the parser counts lines from the start of what it was given. */
function describeCsvError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote is not closed'
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'something follows a closing quote'
    case 'INVALID_OPENING_QUOTE':
      return 'a quote in the middle of a field that does not begin with one'
    default:
      return printable(error instanceof Error ? error.message : String(error), 100)
  }
}

class CsvHeader {
  readonly #field: string
  readonly #keyIndex: number
  /** The columns' names, each as the JSON that begins its property. */
  readonly #names: readonly string[]

  constructor(row: ParsedRow, field: string) {
    if ('problem' in row) {
      throw new CommandFailure(`line ${row.line}, the CSV header: ${row.problem}`)
    }
    const seen = new Set<string>()
    for (const name of row.cells) {
      if (seen.has(name)) {
        throw new CommandFailure(`the CSV header names the column "${printable(name, 60)}" twice`)
      }
      seen.add(name)
    }
    this.#field = field
    this.#keyIndex = row.cells.indexOf(field)
    this.#names = row.cells.map((name) => `${JSON.stringify(name)}:`)
    if (this.#keyIndex === -1) {
      const names = row.cells.map((name) => printable(name, 40)).join(', ')
      throw new CommandFailure(`the CSV header has no column "${field}"; it has: ${printable(names, 400)}`)
    }
  }

  itemOf(row: ParsedRow): SourceItem {
    if ('problem' in row) {
      return row
    }
    const { line, cells } = row
    if (cells.length !== this.#names.length) {
      return { line, problem: `has ${countOf(cells.length, 'column')}, the header ${this.#names.length}` }
    }
    const choice = keyFrom(cells[this.#keyIndex], this.#field)
    return 'problem' in choice
      ? { line, problem: choice.problem }
      : { line, record: { key: choice.key, value: this.#jsonOf(cells) } }
  }

  #jsonOf(cells: readonly string[]): string {
    return `{${this.#names.map((name, index) => name + JSON.stringify(cells[index])).join(',')}}`
  }
}
