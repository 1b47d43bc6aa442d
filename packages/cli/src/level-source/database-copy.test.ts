import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseCopy } from './database-copy.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-copy-'))
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('tables are links, the rest are copies, and removing them leaves the source', async () => {
  const source = mkdtempSync(join(directory, 'source-'))
  writeFileSync(join(source, '000005.ldb'), 'table')
  writeFileSync(join(source, '000006.log'), 'log')
  const copy = await DatabaseCopy.make(source, join(directory, 'new'))
  expect(statSync(join(copy.directory, '000005.ldb')).ino).toBe(statSync(join(source, '000005.ldb')).ino)
  expect(statSync(join(copy.directory, '000006.log')).ino).not.toBe(statSync(join(source, '000006.log')).ino)
  appendFileSync(join(copy.directory, '000006.log'), 'more')
  await copy.checkSource()
  await copy.remove()
  expect(existsSync(copy.directory)).toBe(false)
  expect(readFileSync(join(source, '000006.log'), 'utf8')).toBe('log')
})

test.each([
  ['grows', (source: string) => appendFileSync(join(source, '000006.log'), 'more')],
  ['gets a file more', (source: string) => writeFileSync(join(source, '000007.ldb'), 'table')],
  ['loses a file', (source: string) => rmSync(join(source, '000005.ldb'))],
])('a source that %s meanwhile is told', async (_how, change) => {
  const source = mkdtempSync(join(directory, 'source-'))
  writeFileSync(join(source, '000005.ldb'), 'table')
  writeFileSync(join(source, '000006.log'), 'log')
  const copy = await DatabaseCopy.make(source, join(directory, 'new'))
  change(source)
  await expect(copy.checkSource()).rejects.toThrow('changed during the import')
  await copy.remove()
})
