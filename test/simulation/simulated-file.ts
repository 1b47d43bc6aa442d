/** An open file of a `SimulatedDisk`. Whatever no program should do with it is reported as misuse. */
import { parseFileName, type File, type OpenMode } from '@varve/storage'
import type { CallRequest } from './call.ts'
import { SystemError } from './disk.ts'
import type { FaultEffect } from './fault-plan.ts'
import type { FileContent } from './file-content.ts'
import type { SystemCalls } from './system-calls.ts'

export class SimulatedFile implements File {
  readonly path: string
  readonly #calls: SystemCalls
  readonly #mode: OpenMode
  readonly #content: FileContent
  #isOpen = true
  #inFlightCount = 0

  constructor(calls: SystemCalls, path: string, mode: OpenMode, content: FileContent) {
    this.path = path
    this.#calls = calls
    this.#mode = mode
    this.#content = content
    calls.openCount++
  }

  sizeSync(): number {
    return this.#call({ kind: 'look', path: this.path }, () => this.#content.sizeBytes)
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    return this.#call({ kind: 'read', path: this.path, position, sizeBytes: length }, () =>
      this.#content.read(into, offset, this.#calls.transferable(length), position),
    )
  }

  read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.#callLater({ kind: 'read', path: this.path, position, sizeBytes: length }, () =>
      this.#content.read(into, offset, this.#calls.transferable(length), position),
    )
  }

  writeSync(from: Uint8Array, offset: number, length: number, position: number): number {
    this.#checkWritable()
    const bytes = copyOf(from, offset, length)
    return this.#call({ kind: 'write', path: this.path, position, sizeBytes: length }, (effect) =>
      this.#write(bytes, position, effect),
    )
  }

  write(from: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    this.#checkWritable()
    const bytes = copyOf(from, offset, length)
    return this.#callLater({ kind: 'write', path: this.path, position, sizeBytes: length }, (effect) => {
      const isSame = Buffer.compare(bytes, from.subarray(offset, offset + length)) === 0
      this.#calls.misuse.check(isSame, `bytes change while they are written to ${this.path}`)
      return this.#write(bytes, position, effect)
    })
  }

  dataSync(): Promise<void> {
    this.#checkTrusted()
    const mark = this.#content.mark()
    return this.#callLater({ kind: 'dataSync', path: this.path }, (effect) => this.#settle(mark, effect))
  }

  dataSyncSync(): void {
    this.#checkTrusted()
    const mark = this.#content.mark()
    this.#call({ kind: 'dataSync', path: this.path }, (effect) => this.#settle(mark, effect))
  }

  truncate(length: number): Promise<void> {
    this.#checkWritable()
    return this.#callLater({ kind: 'truncate', path: this.path, position: length }, () =>
      this.#content.truncate(this.#calls.disk.nextSerial(), length),
    )
  }

  close(): Promise<void> {
    this.#beginClose()
    return this.#calls.callLater({ kind: 'close', path: this.path }, () => undefined)
  }

  closeSync(): void {
    this.#beginClose()
    this.#calls.call({ kind: 'close', path: this.path }, () => undefined)
  }

  #beginClose(): void {
    const { misuse } = this.#calls
    misuse.check(this.#isOpen, `${this.path} is closed twice`)
    misuse.check(this.#inFlightCount === 0, `${this.path} is closed while an operation on it is in flight`)
    // Also if closing fails: the system lets go of the descriptor all the same.
    this.#isOpen = false
    this.#calls.openCount--
  }

  #call<T>(request: CallRequest, perform: (effect: FaultEffect) => T): T {
    this.#checkOpen(request.kind)
    try {
      return this.#calls.call(request, perform)
    } catch (error) {
      this.#poison(request)
      throw error
    }
  }

  async #callLater<T>(request: CallRequest, perform: (effect: FaultEffect) => T): Promise<T> {
    this.#checkOpen(request.kind)
    this.#inFlightCount++
    try {
      return await this.#calls.callLater(request, perform)
    } catch (error) {
      this.#poison(request)
      throw error
    } finally {
      this.#inFlightCount--
    }
  }

  #poison({ kind }: CallRequest): void {
    if (kind === 'write' || kind === 'dataSync') {
      this.#calls.poisoned.add(this.#content)
    }
  }

  #write(bytes: Uint8Array, position: number, effect: FaultEffect): number {
    const { disk } = this.#calls
    const wanted = effect === 'part' ? this.#calls.partOf(bytes.length) : this.#calls.transferable(bytes.length)
    const growth = Math.max(0, position + wanted - this.#content.sizeBytes)
    const count = wanted - Math.max(0, growth - Math.max(0, disk.freeBytes()))
    if (count <= 0 && bytes.length > 0 && effect !== 'part') {
      throw new SystemError('ENOSPC')
    }
    if (count > 0) {
      this.#content.write(disk.nextSerial(), position, bytes.subarray(0, count))
    }
    return count
  }

  #settle(mark: number, effect: FaultEffect): void {
    if (effect !== 'part') {
      this.#content.settle(mark, effect === 'dropped' ? 'dropped' : 'synced')
    }
  }

  #checkOpen(kind: string): void {
    this.#calls.misuse.check(this.#isOpen, `${kind} on ${this.path}, which is closed`)
  }

  #checkWritable(): void {
    const { misuse } = this.#calls
    misuse.check(this.#mode !== 'read', `${this.path} is written, and open for reading`)
    const isTable = parseFileName(this.path.slice(this.path.lastIndexOf('/') + 1))?.kind === 'table'
    misuse.check(!isTable || this.#mode === 'create', `${this.path} is a table, and is written again`)
    this.#checkTrusted()
  }

  #checkTrusted(): void {
    this.#calls.misuse.check(
      !this.#calls.poisoned.has(this.#content),
      `${this.path} is used after a write or sync on it failed`,
    )
  }
}

/** Bytes of an arena are shared and may be written elsewhere meanwhile; what was given is what counts. */
function copyOf(from: Uint8Array, offset: number, length: number): Uint8Array {
  return new Uint8Array(from.subarray(offset, offset + length))
}
