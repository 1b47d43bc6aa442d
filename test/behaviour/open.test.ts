/** What `open` and `destroy` refuse, and that they leave alone what is not theirs. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { destroy, open } from 'varve'
import { contentsOf, fill } from '../harness/contents.ts'
import { rejection } from '../harness/rejection.ts'
import { fingerprint, makeScratchDirectory, scratchStorePath } from '../harness/scratch-directory.ts'

test('a missing store is made, parents included, unless that is turned off', async () => {
  const missing = scratchStorePath('open')
  const error = await rejection('VARVE_NOT_FOUND', open(missing, { createIfMissing: false }))
  expect(error.message).toContain(missing)
  expect(fs.existsSync(missing)).toBe(false)
  const deep = path.join(missing, 'a', 'b')
  await (await open(deep)).close()
  expect(fs.existsSync(path.join(deep, 'CURRENT'))).toBe(true)
})

test('an empty directory is not a store without createIfMissing, and becomes one with it', async () => {
  const directory = makeScratchDirectory('open')
  await rejection('VARVE_NOT_FOUND', open(directory, { createIfMissing: false }))
  await (await open(directory)).close()
  await (await open(directory, { createIfMissing: false })).close()
})

test('errorIfExists refuses a store, and what is in it stays', async () => {
  const directory = scratchStorePath('open')
  const store = await open(directory, { errorIfExists: true })
  const entries = await fill(store, 100)
  await store.close()
  const error = await rejection('VARVE_EXISTS', open(directory, { errorIfExists: true }))
  expect(error.message).toContain(directory)
  const again = await open(directory)
  expect(await contentsOf(again)).toEqual(entries)
  await again.close()
})

test('a path that is a file, or below a file, is refused and the file stays', async () => {
  const directory = makeScratchDirectory('open')
  const file = path.join(directory, 'file')
  fs.writeFileSync(file, 'not a store')
  const before = fingerprint(directory)
  for (const wrong of [file, path.join(file, 'below')]) {
    const error = await open(wrong).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: expect.stringMatching(/^VARVE_(INVALID_ARGUMENT|IO)$/) })
    expect(String(error)).toContain(file)
  }
  expect(fingerprint(directory)).toEqual(before)
})

test.each([
  ['a document', { 'thesis.txt': 'years of work' }],
  ['a table of another store', { '000123.sst': 'SSTABLE', LOG: 'leveldb' }],
  ['a subdirectory', { 'src/index.js': 'module.exports = 1' }],
])('a directory that holds %s is refused and stays as it is', async (_what, files) => {
  const directory = makeScratchDirectory('foreign')
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
    fs.writeFileSync(path.join(directory, name), content)
  }
  const before = fingerprint(directory)
  await rejection('VARVE_INVALID_ARGUMENT', open(directory))
  expect(fingerprint(directory)).toEqual(before)
})

test('a store with a foreign file beside its own opens, and the file stays', async () => {
  const directory = scratchStorePath('open')
  const store = await open(directory)
  const entries = await fill(store, 10)
  await store.close()
  fs.writeFileSync(path.join(directory, 'notes.txt'), 'mine')
  const again = await open(directory)
  expect(await contentsOf(again)).toEqual(entries)
  await again.flush()
  await again.close()
  expect(fs.readFileSync(path.join(directory, 'notes.txt'), 'utf8')).toBe('mine')
})

test('destroy removes a store, only a closed one, and nothing of anybody else', async () => {
  const directory = scratchStorePath('destroy')
  const store = await open(directory)
  await fill(store, 100)
  await rejection('VARVE_LOCKED', destroy(directory))
  expect((await store.get('key-000001')) === undefined).toBe(false)
  await store.close()
  fs.writeFileSync(path.join(directory, 'notes.txt'), 'mine')
  await destroy(directory)
  expect(fs.readdirSync(directory).filter((name) => name !== 'LOCK')).toEqual(['notes.txt'])
  fs.rmSync(path.join(directory, 'notes.txt'))
  const fresh = await open(directory)
  expect(await contentsOf(fresh)).toEqual([])
  await fresh.close()
  await destroy(directory)
  expect(fs.existsSync(directory)).toBe(false)
  await destroy(directory)
})

test('a path must be a string with something in it', async () => {
  for (const wrong of [undefined, null, 7, '', {}] as unknown[]) {
    await rejection('VARVE_INVALID_ARGUMENT', () => open(wrong as string))
  }
})

// The names that LevelDB gives to its files; three of them are ours too.
test.each([
  ['LevelDB', { CURRENT: 'MANIFEST-000002\n', 'MANIFEST-000002': 'edits', LOCK: '', LOG: 'text', '000003.log': 'log' }],
  ['RocksDB', { CURRENT: 'MANIFEST-000005\n', 'MANIFEST-000005': 'edits', LOCK: '', '000008.sst': 'table', LOG: '' }],
])('a database of %s is neither opened nor destroyed, and stays as it is', async (_name, files) => {
  const directory = makeScratchDirectory('foreign')
  for (const [name, content] of Object.entries(files)) {
    fs.writeFileSync(path.join(directory, name), content)
  }
  const before = fingerprint(directory)
  const ways = [() => open(directory), () => open(directory, { errorIfExists: true }), () => destroy(directory)]
  for (const way of ways) {
    const error = await rejection('VARVE_INVALID_ARGUMENT', way)
    expect(error.message).toContain(directory)
    expect(fingerprint(directory)).toEqual(before)
  }
})
