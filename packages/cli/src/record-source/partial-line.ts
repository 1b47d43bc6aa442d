/** The bytes of a line, or CSV row, whose end has not been read yet: bounded, beyond the bound only counted. */
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
const carriageReturn = 0x0d

export class PartialLine {
  readonly #sizeBytesMax: number
  #pieces: Buffer[] = []
  #sizeBytes = 0
  #isFirst = true

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  append(piece: Buffer): void {
    this.#sizeBytes += piece.length
    // One more for a carriage return, three for the mark: neither counts as content.
    if (this.#sizeBytes > this.#sizeBytesMax + byteOrderMark.length + 1) {
      this.#pieces = []
    } else if (piece.length > 0) {
      this.#pieces.push(piece)
    }
  }

  /** Ends the line with `last`. Its content without mark and line end, or undefined if it was too long. */
  finish(last: Buffer): Buffer | undefined {
    this.append(last)
    const isKept = this.#sizeBytes === 0 || this.#pieces.length > 0
    const content = this.#trim(this.#pieces.length === 1 ? (this.#pieces[0] ?? last) : Buffer.concat(this.#pieces))
    this.#pieces = []
    this.#sizeBytes = 0
    this.#isFirst = false
    return isKept && content.length <= this.#sizeBytesMax ? content : undefined
  }

  #trim(content: Buffer): Buffer {
    const start =
      this.#isFirst && content.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0
    const end =
      content.length > start && content[content.length - 1] === carriageReturn ? content.length - 1 : content.length
    return content.subarray(start, end)
  }
}
