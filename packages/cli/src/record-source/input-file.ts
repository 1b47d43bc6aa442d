/** The file, or standard input, that an import reads, as chunks of bytes that are counted on their way. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { addAbortSignal } from 'node:stream'
import type { Readable } from 'node:stream'
import { CommandFailure, exitCodes } from '../failure.ts'
import type { RecordFormat } from './record-source.ts'

const standardInput = '-'
const chunkSizeBytes = 256 * 1024

export class InputFile {
  /** What to call it. */
  readonly name: string
  /** Undefined where it cannot be known: standard input, pipes. */
  readonly sizeBytes: number | undefined
  readonly #stream: Readable
  #readSizeBytes = 0

  private constructor(name: string, sizeBytes: number | undefined, stream: Readable) {
    this.name = name
    this.sizeBytes = sizeBytes
    this.#stream = stream
  }

  /** Reading ends with an `AbortError` when the signal is aborted. */
  static async open(path: string, signal: AbortSignal): Promise<InputFile> {
    if (path === standardInput) {
      return new InputFile('standard input', undefined, addAbortSignal(signal, process.stdin))
    }
    const found = await stat(path).catch((error: unknown) => {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      throw isMissing ? new CommandFailure(`no such file: ${resolve(path)}`) : error
    })
    if (found.isDirectory()) {
      throw new CommandFailure(`${path} is a directory: give a file to import`)
    }
    const stream = createReadStream(path, { highWaterMark: chunkSizeBytes, signal })
    return new InputFile(path, found.isFile() ? found.size : undefined, stream)
  }

  /** How much of the file has been read. */
  get readSizeBytes(): number {
    return this.#readSizeBytes
  }

  async *chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#stream) {
      const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
      this.#readSizeBytes += buffer.length
      yield buffer
    }
  }

  close(): void {
    this.#stream.destroy()
  }
}

const formatsByExtension: ReadonlyMap<string, RecordFormat> = new Map([
  ['.ndjson', 'ndjson'],
  ['.jsonl', 'ndjson'],
  ['.csv', 'csv'],
])

/** What the name of the file says; standard input is NDJSON. */
export function formatOf(path: string): RecordFormat {
  if (path === standardInput) {
    return 'ndjson'
  }
  const extension = extname(path).toLowerCase()
  const format = formatsByExtension.get(extension)
  if (format === undefined) {
    const name = extension === '' ? `${path} has no extension` : `${extension} files`
    throw new CommandFailure(
      `cannot tell the format from the name (${name}): add --format ndjson or csv`,
      exitCodes.usage,
    )
  }
  return format
}
