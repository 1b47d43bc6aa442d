/** Cuts chunks of bytes into lines: at LF or CRLF, with numbers from 1. Holds at most one line that is not complete. */
import { PartialLine } from './partial-line.ts'

export interface Line {
  readonly line: number
  /** Without its end; undefined if the line is longer than the bound. */
  readonly content: Buffer | undefined
}

const lineFeed = 0x0a
const nothing = Buffer.alloc(0)

export class LineSplitter {
  readonly #partial: PartialLine
  #line = 1

  constructor(sizeBytesMax: number) {
    this.#partial = new PartialLine(sizeBytesMax)
  }

  /** The lines that end in this chunk, empty ones left out. */
  split(chunk: Buffer): Line[] {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      this.#finish(chunk.subarray(start, end), lines)
      start = end + 1
    }
    this.#partial.append(chunk.subarray(start))
    return lines
  }

  /** The last line, where the file does not end with a line end. */
  end(): Line[] {
    const lines: Line[] = []
    this.#finish(nothing, lines)
    return lines
  }

  #finish(last: Buffer, lines: Line[]): void {
    const content = this.#partial.finish(last)
    if (content?.length !== 0) {
      lines.push({ line: this.#line, content })
    }
    this.#line++
  }
}
