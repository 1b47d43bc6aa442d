// What the README shows is what the code does: the example, options, limits, errors, methods.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { KEY_SIZE_BYTES_MAX, VALUE_SIZE_BYTES_DEFAULT_MAX, VALUE_SIZE_BYTES_LIMIT } from '@varve/storage'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as varve from 'varve'
import { codeBlock, codeSpans, readDocument, root, section, sizeOf, table } from './documents.ts'

const readme = readDocument('README.md')
const run = promisify(execFile)

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-docs-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function source(path: string): string {
  return readFileSync(join(root, 'packages', path), 'utf8')
}

/** Of the built engine; its package does not export it. */
async function resolveOptions(options: object): Promise<Record<string, unknown>> {
  const path = join(root, 'packages', 'engine', 'dist', 'options.js')
  const module = (await import(pathToFileURL(path).href)) as {
    resolveOptions(given: object): Record<string, unknown>
  }
  return module.resolveOptions(options)
}

/** The range of an option that is a number, as its error says it. */
async function rangeOf(option: string): Promise<[min: number, max: number]> {
  const error: unknown = await resolveOptions({ [option]: NaN }).catch((thrown: unknown) => thrown)
  const [, min, max] = /from (\d+) to (\d+),/.exec(String(error)) ?? []
  return [Number(min), Number(max)]
}

function batchSizeBytesMax(): number {
  const text = source('engine/src/write/packed-operations.ts')
  const factors = /BATCH_SIZE_BYTES_MAX[^=\n]*= ([\d* ]+)\n/.exec(text)?.[1] ?? ''
  return factors.split('*').reduce((product, factor) => product * Number(factor), 1)
}

test.each(['Example', 'Transactions', 'Threads'])(
  'the example of the section %s runs and prints what it says',
  async (name) => {
    mkdirSync(join(directory, 'node_modules'))
    symlinkSync(join(root, 'packages', 'engine'), join(directory, 'node_modules', 'varve'), 'junction')
    const example = section(readme, name)
    writeFileSync(join(directory, 'example.mjs'), codeBlock(example, 'js'))
    // The second time on the store that the first one made.
    for (const time of [1, 2]) {
      const { stdout, stderr } = await run(process.execPath, ['example.mjs'], { cwd: directory })
      expect({ time, stdout, stderr }).toEqual({ time, stdout: codeBlock(example, 'text'), stderr: '' })
    }
  },
)

test('the package shows the same example', () => {
  expect(codeBlock(readDocument('packages/engine/README.md'), 'js')).toBe(codeBlock(section(readme, 'Example'), 'js'))
})

test('options, their defaults and ranges', async () => {
  const { rows } = table(section(readme, 'Options'))
  const shown: Record<string, unknown> = {}
  for (const [name = '', byDefault = '', range = ''] of rows) {
    const option = name.replaceAll('`', '')
    if (option === 'compression') {
      shown[option] = byDefault.replaceAll(/[`'[\]]/g, '').split(', ')
      continue
    }
    const isBoolean = byDefault === 'true' || byDefault === 'false'
    const [, word] = /^`'(\w+)'`$/.exec(byDefault) ?? []
    shown[option] = word ?? (isBoolean ? byDefault === 'true' : sizeOf(byDefault))
    if (word !== undefined) {
      const words = range.split(' or ').map((each) => each.replaceAll(/[`']/g, ''))
      const resolved = await Promise.all(words.map((each) => resolveOptions({ [option]: each })))
      expect(resolved.map((options) => options[option])).toEqual(words)
    } else if (!isBoolean) {
      const [min = '', max = ''] = range.split(' to ')
      expect({ option, range: [sizeOf(min), sizeOf(max)] }).toEqual({ option, range: await rangeOf(option) })
    }
  }
  expect(shown).toEqual(await resolveOptions({}))
})

test('limits', () => {
  const limits = new Map(
    table(section(readme, 'Limits')).rows.map(([what = '', limit = '']) => [
      what,
      [...limit.matchAll(/\d+ [KMG]iB/g)].map(([size]) => sizeOf(size)),
    ]),
  )
  expect(Object.fromEntries(limits)).toEqual({
    key: [KEY_SIZE_BYTES_MAX],
    value: [VALUE_SIZE_BYTES_DEFAULT_MAX, VALUE_SIZE_BYTES_LIMIT],
    'batch, and what a transaction writes': [batchSizeBytesMax()],
  })
})

test('every error code, and no other', () => {
  const union = /export type ErrorCode =((?:\s+\| '\w+')+)/.exec(source('storage/src/errors.ts'))?.[1] ?? ''
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(5)
  expect(table(section(readme, 'Errors')).rows.map(([code]) => code?.replaceAll('`', ''))).toEqual(codes)
  const mentioned = codeSpans(readme).filter((span) => span.startsWith('VARVE_'))
  expect(mentioned.filter((code) => !codes.includes(code))).toEqual([])
})

test('every method of a store, and no other', async () => {
  const overview = codeBlock(section(readme, 'The interface'), 'text')
  const shown = [...overview.matchAll(/store\.(\w+)\(/g)].map(([, name]) => name ?? '')
  const internal = [
    ...source('engine/src/store.ts').matchAll(/\/\*\*(?:(?!\*\/)[^])*@internal[^]*?\*\/\s+(?:async )?(\w+)/g),
  ]
  const hidden = new Set(['constructor', ...internal.map(([, name]) => name)])
  const isMethod = (name: string): boolean => !hidden.has(name) && !name.startsWith('_')
  const store = await varve.open(join(directory, 'store'))
  try {
    const prototype: object = Object.getPrototypeOf(store)
    expect(shown.toSorted()).toEqual(Object.getOwnPropertyNames(prototype).filter(isMethod).toSorted())
  } finally {
    await store.close()
  }
  for (const [, name = ''] of overview.matchAll(/^(\w+)\(/gm)) {
    expect(varve).toHaveProperty(name)
  }
})

test('events', () => {
  const events = [...source('engine/src/store-events.ts').matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name)
  const sentence = /Its events are ([^.]*)\./.exec(readme)?.[1] ?? ''
  expect(codeSpans(sentence)).toEqual(events)
})
