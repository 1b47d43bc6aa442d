/** `varve scan`: the entries of a range, in the order of their keys. */
import { isUtf8 } from 'node:buffer'
import type { RangeOptions } from 'varve'
import { withStore } from '../command-context.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure } from '../failure.ts'
import { printable } from '../printable.ts'

export interface ScanOptions {
  readonly prefix?: string
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
  readonly limit?: number
  readonly reverse?: boolean
  readonly keys?: boolean
  readonly json?: boolean
}

/** Small enough that values of a megabyte do not fill the memory, large enough to be fast. */
const batchCount = 64

export async function scan(context: CommandContext, options: ScanOptions): Promise<void> {
  const { output, interruption } = context
  const { keys = false, json = false, ...range } = options
  const format = json ? formatJson : formatText
  await withStore(context, { create: false }, async (store) => {
    const iterator = store.iterator(range satisfies RangeOptions)
    try {
      while (!output.closed && !interruption.signal.aborted) {
        const entries = await iterator.nextMany(batchCount)
        if (entries.length === 0) {
          return
        }
        await output.print(entries.map(([key, value]) => `${format(key, keys ? undefined : value)}\n`).join(''))
      }
    } finally {
      await iterator.close()
    }
  })
  if (interruption.signal.aborted) {
    throw new CommandFailure('interrupted', interruption.exitCode)
  }
}

function formatText(key: Buffer, value: Buffer | undefined): string {
  return value === undefined ? printable(key) : `${printable(key)}\t${printable(value)}`
}

/** Bytes that are not UTF-8 have no place in JSON: they come as base64, under a name that says so. */
function formatJson(key: Buffer, value: Buffer | undefined): string {
  return JSON.stringify({ ...jsonField('key', key), ...(value === undefined ? {} : jsonField('value', value)) })
}

function jsonField(name: string, bytes: Buffer): Record<string, string> {
  return isUtf8(bytes) ? { [name]: bytes.toString('utf8') } : { [`${name}Base64`]: bytes.toString('base64') }
}
