/** Keeps a port, and so the process, alive while something is pending on it, and only then. */
import type { MessagePort } from 'node:worker_threads'

export class PortHold {
  readonly #port: MessagePort
  #count = 0

  constructor(port: MessagePort) {
    this.#port = port
  }

  begin(): void {
    if (this.#count++ === 0) {
      this.#port.ref()
    }
  }

  end(): void {
    if (--this.#count === 0) {
      this.#port.unref()
    }
  }
}
