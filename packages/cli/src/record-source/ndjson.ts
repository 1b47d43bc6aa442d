/**
 * NDJSON: one JSON object a line. The value of a record is its line as it stands, so that numbers keep all their
 * digits; it is parsed only to be checked and to find the key.
 */
import { isUtf8 } from 'node:buffer'
import { printable } from '../printable.ts'
import { LineSplitter } from './line-splitter.ts'
import type { Line } from './line-splitter.ts'
import { keyFrom, lineSizeBytesMax, tooLong } from './record-source.ts'
import type { SourceItem } from './record-source.ts'

/** `field` may be a path with dots; a field whose name has the dots goes before. */
export async function* readNdjson(chunks: AsyncIterable<Buffer>, field: string): AsyncGenerator<SourceItem> {
  const splitter = new LineSplitter(lineSizeBytesMax)
  const path = field.split('.')
  for await (const chunk of chunks) {
    for (const line of splitter.split(chunk)) {
      const item = readLine(line, field, path)
      if (item !== undefined) {
        yield item
      }
    }
  }
  for (const line of splitter.end()) {
    const item = readLine(line, field, path)
    if (item !== undefined) {
      yield item
    }
  }
}

/** Undefined for a line of white space. */
function readLine({ line, content }: Line, field: string, path: readonly string[]): SourceItem | undefined {
  if (content === undefined) {
    return { line, problem: tooLong }
  }
  if (!isUtf8(content)) {
    return { line, problem: 'not UTF-8' }
  }
  const text = content.toString('utf8').trim()
  if (text === '') {
    return undefined
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    return { line, problem: `not JSON: ${printable(error instanceof Error ? error.message : String(error), 100)}` }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { line, problem: 'not a JSON object' }
  }
  const value = fieldOf(parsed, field, path)
  if (value === undefined) {
    return { line, problem: `no field "${field}"` }
  }
  const choice = keyFrom(value, field)
  return 'problem' in choice ? { line, problem: choice.problem } : { line, record: { key: choice.key, value: text } }
}

/** Own properties only: every object inherits a `constructor`. */
function fieldOf(record: object, field: string, path: readonly string[]): unknown {
  if (Object.hasOwn(record, field)) {
    return Reflect.get(record, field)
  }
  let value: unknown = record
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) {
      return undefined
    }
    value = Reflect.get(value, name)
  }
  return value
}
