/**
 * Copies slices of some hundred bytes from one array to another without an object a copy: a slice of the runtime's own
 * is one, and short ones cost more to make than what they copy. Four bytes a step, by views of the two arrays, which are
 * kept as long as the arrays stay the same.
 */

/** Above this the runtime's own function is faster, with the slice that it needs. */
const STEP_COPY_SIZE_BYTES_MAX = 256
/** Below this views cost more than they spare. */
const LOOP_COPY_SIZE_BYTES_MAX = 32

export class ArrayCopier {
  #into: Uint8Array = new Uint8Array(0)
  #from: Uint8Array = new Uint8Array(0)
  #intoView: DataView = new DataView(this.#into.buffer)
  #fromView: DataView = new DataView(this.#from.buffer)

  copy(into: Uint8Array, intoOffset: number, from: Uint8Array, fromOffset: number, size: number): void {
    if (into === from) {
      into.copyWithin(intoOffset, fromOffset, fromOffset + size)
    } else if (size <= LOOP_COPY_SIZE_BYTES_MAX) {
      for (let i = 0; i < size; i++) {
        into[intoOffset + i] = from[fromOffset + i] as number
      }
    } else if (size <= STEP_COPY_SIZE_BYTES_MAX) {
      this.#copyInSteps(into, intoOffset, from, fromOffset, size)
    } else if (size === from.length) {
      into.set(from, intoOffset)
    } else {
      into.set(from.subarray(fromOffset, fromOffset + size), intoOffset)
    }
  }

  #copyInSteps(into: Uint8Array, intoOffset: number, from: Uint8Array, fromOffset: number, size: number): void {
    if (into !== this.#into) {
      this.#into = into
      this.#intoView = viewOf(into)
    }
    if (from !== this.#from) {
      this.#from = from
      this.#fromView = viewOf(from)
    }
    const intoView = this.#intoView
    const fromView = this.#fromView
    const stepsSize = size & ~3
    for (let i = 0; i < stepsSize; i += 4) {
      intoView.setInt32(intoOffset + i, fromView.getInt32(fromOffset + i, true), true)
    }
    for (let i = stepsSize; i < size; i++) {
      into[intoOffset + i] = from[fromOffset + i] as number
    }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
