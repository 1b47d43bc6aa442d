/**
 * Cuts chunks of bytes into CSV rows. A row is a line, or several where a quoted field holds line ends; it is numbered
 * by the line it begins on. Quotes are followed only as far as finding the row's end needs: a quote opens a field
 * at its start and nowhere else, so that a stray quote spoils its own row and not the rest of the file.
 */
import type { Line } from './line-splitter.ts'
import { PartialLine } from './partial-line.ts'

/** A row begins a field; inside quotes, a quote may close the field or be the first of a pair. */
type Place = 'field start' | 'unquoted' | 'quoted' | 'quote inside quotes'

const lineFeed = 0x0a
const quote = 0x22
const nothing = Buffer.alloc(0)
const byteOrderMark = [0xef, 0xbb, 0xbf]

export class CsvRowSplitter {
  readonly #delimiter: number
  readonly #partial: PartialLine
  #place: Place = 'field start'
  #line = 1
  #rowLine = 1
  /** Offset in the file of the byte to come, until it is past the byte order mark. */
  #markOffset = 0

  constructor(sizeBytesMax: number, delimiter: string) {
    this.#partial = new PartialLine(sizeBytesMax)
    this.#delimiter = delimiter.charCodeAt(0)
  }

  /** The rows that end in this chunk, empty lines left out. */
  split(chunk: Buffer): Line[] {
    const rows: Line[] = []
    let start = 0
    let index = this.#skipMark(chunk)
    while (index < chunk.length) {
      if (this.#place === 'unquoted' || this.#place === 'quoted') {
        index = this.#plainEnd(chunk, index)
        if (index === chunk.length) {
          break
        }
      }
      if (this.#step(chunk[index])) {
        this.#finish(chunk.subarray(start, index), rows)
        start = index + 1
      }
      index++
    }
    this.#partial.append(chunk.subarray(start))
    return rows
  }

  /** The last row, where the file does not end with a line end. */
  end(): Line[] {
    const rows: Line[] = []
    this.#finish(nothing, rows)
    return rows
  }

  /** Where the next byte stands that means something here. */
  #plainEnd(chunk: Buffer, from: number): number {
    const delimiter = this.#place === 'unquoted' ? this.#delimiter : quote
    let index = from
    while (index < chunk.length && chunk[index] !== lineFeed && chunk[index] !== delimiter) {
      index++
    }
    return index
  }

  /** Takes one byte. True if it ends the row. */
  #step(byte: number | undefined): boolean {
    if (byte === lineFeed) {
      this.#line++
      if (this.#place === 'quoted') {
        return false
      }
      this.#place = 'field start'
      return true
    }
    switch (this.#place) {
      case 'quoted':
        this.#place = byte === quote ? 'quote inside quotes' : 'quoted'
        break
      case 'quote inside quotes':
        this.#place = byte === quote ? 'quoted' : this.#afterPlain(byte)
        break
      case 'field start':
        this.#place = byte === quote ? 'quoted' : this.#afterPlain(byte)
        break
      case 'unquoted':
        this.#place = this.#afterPlain(byte)
        break
    }
    return false
  }

  #afterPlain(byte: number | undefined): Place {
    return byte === this.#delimiter ? 'field start' : 'unquoted'
  }

  /** How many bytes at the chunk's start belong to a byte order mark, which comes before the first field. */
  #skipMark(chunk: Buffer): number {
    let index = 0
    while (this.#markOffset < byteOrderMark.length && index < chunk.length) {
      if (chunk[index] !== byteOrderMark[this.#markOffset]) {
        this.#markOffset = byteOrderMark.length
        return index
      }
      this.#markOffset++
      index++
    }
    return index
  }

  #finish(last: Buffer, rows: Line[]): void {
    const content = this.#partial.finish(last)
    if (content?.length !== 0) {
      rows.push({ line: this.#rowLine, content })
    }
    this.#rowLine = this.#line
  }
}
