/** The lines that an import could not use: all are counted, the first ones kept to be shown. */
import type { Output } from './output.ts'
import { countOf } from './quantity.ts'

const shownCountMax = 20

export class BadLines {
  readonly #shown: string[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  add(line: number, problem: string): void {
    this.#count++
    if (this.#shown.length < shownCountMax) {
      this.#shown.push(`line ${line}: ${problem}`)
    }
  }

  /** Nothing if there were none. */
  show(output: Output): void {
    for (const text of this.#shown) {
      output.complain(text)
    }
    if (this.#count > this.#shown.length) {
      output.complain(`... and ${countOf(this.#count - this.#shown.length, 'more bad line')}`)
    }
  }
}
